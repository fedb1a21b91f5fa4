"""Boxes made on the spot: a spec's text in, what the box printed and what it left behind out."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import tools
from tests.product import Product

FAILED = 125
DRIVER = Path(__file__).with_name("driver.py")


@dataclass(frozen=True, slots=True)
class Entry:
    """One inode as lstat sees it. `content` is a file's digest or a symlink's text."""

    kind: str
    mode: int
    uid: int
    content: str


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of mountinfo. `device` is MAJOR:MINOR, `root` what of the filesystem is shown."""

    device: str
    root: str
    point: str
    flags: frozenset[str]
    type: str


def mounts(text: str) -> list[Mount]:
    """Every mount of a mountinfo (proc_pid_mountinfo(5)); escapes stay as they are."""
    found = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        _, _, device, root, point, flags, *_ = left.split(" ")
        found.append(Mount(device, root, point, frozenset(flags.split(",")), right.split(" ")[0]))
    return found


def host_mounts() -> list[Mount]:
    """The mounts that pytest sees."""
    return mounts(Path("/proc/self/mountinfo").read_text(encoding="utf-8"))


def up(
    product: Product,
    directory: Path,
    spec: str,
    *args: str,
    env: Mapping[str, str | None] | None = None,
    stdin: str | None = None,
    api: str = "new",
) -> subprocess.CompletedProcess[str]:
    """`toyspec up -q box.yaml ARGS` in `directory`, with `spec` as that file's text.

    `api`: "old" stands for a kernel without mount_setattr(2).
    """
    product.write(directory / "box.yaml", spec)
    if api == "old":
        words = [str(product.python), str(DRIVER), "legacy", "box.yaml"]
        return product.as_user(words, directory, env, stdin)
    words = ["up", "-q", "box.yaml", *args]
    return product.run(words, cwd=directory, env=env, input=stdin)


def good(done: subprocess.CompletedProcess[str]) -> str:
    """The output of a box that came up and ended well."""
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def refused(done: subprocess.CompletedProcess[str], status: int = FAILED) -> str:
    """The one clear error of a box that did not come up."""
    assert done.returncode == status, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    assert "error" in done.stderr, done.stderr
    return done.stderr


def either(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether the box came up; if not, it must have been refused clearly."""
    if done.returncode == FAILED:
        refused(done)
        return False
    good(done)
    return True


def busybox() -> str:
    """A static busybox, so that a box needs nothing else of the host's."""
    return tools.need("busybox")


def sections(out: str) -> dict[str, str]:
    """Output cut at lines `== NAME`."""
    found: dict[str, str] = {}
    name = ""
    for line in out.splitlines(keepends=True):
        if line.startswith("== "):
            name = line[3:].strip()
        found[name] = found.get(name, "") + ("" if line.startswith("== ") else line)
    return found


def script(looks: Mapping[str, str], shell: str = "") -> str:
    """A shell script that makes each look under its own heading, errors among the output."""
    prefix = f"{shell}; " if shell else ""
    return prefix + "exec 2>&1; " + "; ".join(f"echo '== {k}'; {v}" for k, v in looks.items())


def quoted(words: Sequence[str]) -> str:
    """Words as a YAML list of double-quoted scalars."""
    import json

    return json.dumps(list(words))


def tree(top: Path) -> dict[str, Entry]:
    """Everything below `top`, by relative path; what cannot be read is listed without content."""
    found: dict[str, Entry] = {}
    waiting = [top]
    while waiting:
        directory = waiting.pop()
        try:
            names = sorted(os.listdir(directory))
        except PermissionError:
            continue
        for name in names:
            path = directory / name
            seen = os.lstat(path)
            found[str(path.relative_to(top))] = _entry(path, seen)
            if stat.S_ISDIR(seen.st_mode):
                waiting.append(path)
    return found


def _entry(path: Path, seen: os.stat_result) -> Entry:
    kind, content = stat.filemode(seen.st_mode)[0], ""
    if kind == "l":
        content = os.readlink(path)
    elif kind == "-":
        try:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        except PermissionError:
            content = "unreadable"
    return Entry(kind, stat.S_IMODE(seen.st_mode), seen.st_uid, content)


EMPTY = hashlib.sha256(b"").hexdigest()


def only_mount_points(
    before: Mapping[str, Entry],
    after: Mapping[str, Entry],
    below: str,
    symlinks: Mapping[str, str] | None = None,
) -> None:
    """Nothing of `before` changed, and what came are empty mount points below the directory `below`,
    or symlinks that the spec names (path: text)."""
    for path, entry in before.items():
        assert after.get(path) == entry, f"{path} was changed: {entry} became {after.get(path)}"
    for path in after.keys() - before.keys():
        entry = after[path]
        assert path.startswith(below + "/"), f"{path} was made outside of {below}"
        if entry.kind == "l":
            assert (symlinks or {}).get(path) == entry.content, (
                f"{path} -> {entry.content} was made"
            )
            continue
        shape = (entry.kind, entry.mode, entry.content)
        assert shape in (("d", 0o755, ""), ("-", 0o644, EMPTY)), f"{path} was made: {entry}"
        if entry.kind == "d":
            inside = {p for p in after if p.startswith(path + "/")}
            assert not inside & before.keys(), f"{path} holds what was there before"
