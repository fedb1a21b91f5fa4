"""The spec that is meant where none is named: `toyspec.yaml` or `toyspec.yml`, upward.

A spec decides what runs with the caller's rights. So the search never trusts what someone else
could have put in the way: it stops at $HOME and at a mount boundary, and refuses, by name,
anything whose owner is neither the caller nor root (as git does since CVE-2022-24765).
"""

from __future__ import annotations

import os

from toyspec.cli.error import FatalError
from toyspec.start.look import Look
from toyspec.start.look_paths import owner, path, real

NAMES = ("toyspec.yaml", "toyspec.yml")


def find(start: str, home: str, uid: int, verb: str = "up", look: Look | None = None) -> str:
    """The spec's path relative to `start` (absolute, normal); raises FatalError.

    `verb`: whose usage the remedies show. `look` takes what is asked of the machine.
    """
    look = look or Look()
    here = start
    device = _device(look, here, verb)
    while True:
        _trust(look, here, uid, verb)
        found = [name for name in NAMES if _is_there(look, os.path.join(here, name))]
        if len(found) > 1:
            raise FatalError(
                f"{here} holds both {found[0]} and {found[1]}", f"say which: -f {found[0]}"
            )
        if found:
            path = _trusted_file(look, os.path.join(here, found[0]), uid, verb)
            return os.path.relpath(path, start)
        parent = os.path.dirname(here)
        if parent == here:
            raise _nothing(start, "the root directory", here, verb)
        if look.ask(real, home) == here:
            raise _nothing(start, "your home directory", here, verb)
        if _device(look, parent, verb) != device:
            raise _nothing(start, "a mount boundary", here, verb)
        here = parent


def _owner(look: Look, directory: str, verb: str) -> tuple[int, int]:
    try:
        return look.ask(owner, directory)
    except OSError as error:
        raise FatalError(
            f"{directory}: {error.strerror}: no spec is searched for there",
            f"name the spec, or a box: toyspec {verb} /PATH/TO/SPEC",
        ) from None


def _device(look: Look, directory: str, verb: str) -> int:
    return _owner(look, directory, verb)[1]


def _is_there(look: Look, file: str) -> bool:
    return look.ask(path, file)[0] not in ("missing", "denied")


def _nothing(start: str, what: str, where: str, verb: str) -> FatalError:
    looked = start if start == where else f"{start} and upward to {where} ({what})"
    return FatalError(
        f"no {NAMES[0]} or {NAMES[1]} in {looked}", f"name a spec: toyspec {verb} ./dev.yaml"
    )


def _trusted_file(look: Look, file: str, uid: int, verb: str) -> str:
    kind, link, *_ = seen = look.ask(path, file)
    _trust_owner(seen[4], file, uid, verb)
    if kind == "symlink":
        try:
            end = look.ask(owner, file)[0]
        except FileNotFoundError:
            message = f"{file} is a symlink to {link}, which is not there"
            raise FatalError(message) from None
        _trust_owner(end, look.ask(real, file), uid, verb)
    return file


def _trust(look: Look, directory: str, uid: int, verb: str) -> None:
    _trust_owner(_owner(look, directory, verb)[0], directory, uid, verb)


def _trust_owner(found: int, where: str, uid: int, verb: str) -> None:
    if found in (uid, 0):
        return
    import pwd

    try:
        name = f"{pwd.getpwuid(found).pw_name} (uid {found})"
    except KeyError:
        name = f"uid {found}"
    raise FatalError(
        f"{where} belongs to {name}, not to you or root: no spec is searched for there",
        f"name the spec if you trust it: toyspec {verb} ./toyspec.yaml",
    )
