"""The spec that is meant where none is named: `toyspec.yaml` or `toyspec.yml`, upward.

A spec decides what runs with the caller's rights. So the search never trusts what someone else
could have put in the way: it stops at $HOME and at a mount boundary, and refuses, by name,
anything whose owner is neither the caller nor root (as git does since CVE-2022-24765).
"""

from __future__ import annotations

import os
import stat

from toyspec.cli.error import FatalError

NAMES = ("toyspec.yaml", "toyspec.yml")


def find(start: str, home: str, uid: int, verb: str = "up") -> str:
    """The spec's path relative to `start` (absolute, normal); raises FatalError.

    `verb`: whose usage the remedies show.
    """
    here = start
    device = os.stat(here).st_dev
    while True:
        _trust(os.stat(here), here, uid, verb)
        found = [name for name in NAMES if os.path.lexists(os.path.join(here, name))]
        if len(found) > 1:
            raise FatalError(
                f"{here} holds both {found[0]} and {found[1]}", f"say which: -f {found[0]}"
            )
        if found:
            return os.path.relpath(_trusted_file(os.path.join(here, found[0]), uid, verb), start)
        parent = os.path.dirname(here)
        if parent == here:
            raise _nothing(start, "the root directory", here, verb)
        if os.path.realpath(home) == here:
            raise _nothing(start, "your home directory", here, verb)
        if os.stat(parent).st_dev != device:
            raise _nothing(start, "a mount boundary", here, verb)
        here = parent


def _nothing(start: str, what: str, where: str, verb: str) -> FatalError:
    looked = start if start == where else f"{start} and upward to {where} ({what})"
    return FatalError(
        f"no {NAMES[0]} or {NAMES[1]} in {looked}", f"name a spec: toyspec {verb} ./dev.yaml"
    )


def _trusted_file(path: str, uid: int, verb: str) -> str:
    status = os.lstat(path)
    _trust(status, path, uid, verb)
    if stat.S_ISLNK(status.st_mode):
        try:
            _trust(os.stat(path), os.path.realpath(path), uid, verb)
        except FileNotFoundError:
            target = os.readlink(path)
            raise FatalError(f"{path} is a symlink to {target}, which is not there") from None
    return path


def _trust(status: os.stat_result, path: str, uid: int, verb: str) -> None:
    if status.st_uid in (uid, 0):
        return
    import pwd

    try:
        owner = f"{pwd.getpwuid(status.st_uid).pw_name} (uid {status.st_uid})"
    except KeyError:
        owner = f"uid {status.st_uid}"
    raise FatalError(
        f"{path} belongs to {owner}, not to you or root: no spec is searched for there",
        f"name the spec if you trust it: toyspec {verb} ./toyspec.yaml",
    )
