"""What a plan watches: looked at before the box's command starts, and again when the box has ended.

Nothing of it is read or changed. Directories are held open meanwhile, as long as there are descriptors to
spare, so that their numbers cannot come to belong to others; of a file the time of its last change tells (ctime, which nobody can set).
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from toyspec.plan.step import Watched


_SPARE = 256  # directories that are held at most: the monitor needs other descriptors


class _Seen(NamedTuple):
    """One look. `inode` is device and number; `state` a file's ctime, a symlink's text."""

    kind: str
    inode: tuple[int, int] = (0, 0)
    state: object = None


_MISSING = _Seen("missing")


class Watch:
    """The paths of one plan."""

    def __init__(self, watched: tuple[Watched, ...]) -> None:
        self.paths = [each.path for each in watched]
        self.before: dict[str, _Seen | None] = {}
        self.held: list[int] = []

    def begin(self) -> None:
        """The first look: the box stands, and none of its commands runs yet."""
        for path in self.paths:
            seen = self.before[path] = _look(path)
            if seen is None or seen.kind != "directory" or len(self.held) >= _SPARE:
                continue
            try:
                self.held.append(os.open(path, os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC))
            except OSError:
                continue  # gone since, as the second look says; or the caller may not read it

    def differences(self) -> tuple[str, ...]:
        """The second look: one sentence for what happened in each directory, and how."""
        found: dict[tuple[str, str], list[str]] = {}
        for path, before in self.before.items():
            after = _look(path)
            if before is None or after is None or before == after:
                continue
            directory, _, name = path.rpartition("/")
            found.setdefault((_what(before, after), directory or "/"), []).append(name)
        for fd in self.held:
            os.close(fd)
        self.held.clear()
        return tuple(
            f"while the box ran, {', '.join(names)} {what} in {directory}: look at "
            f"{'it' if len(names) == 1 else 'them'} before you run anything there"
            for (what, directory), names in found.items()
        )


def _what(before: _Seen, after: _Seen) -> str:
    if before.kind == "missing":
        return "appeared"
    if after.kind == "missing":
        return "went away"
    same = before.kind == after.kind and before.inode == after.inode
    return "changed" if same else "became another one"


def _look(path: str) -> _Seen | None:
    """None where nobody can tell."""
    try:
        seen = os.lstat(path)
        if stat.S_ISLNK(seen.st_mode):
            return _Seen("symlink", (seen.st_dev, seen.st_ino), os.readlink(path))
    except (FileNotFoundError, NotADirectoryError):
        return _MISSING
    except OSError:
        return None
    inode = (seen.st_dev, seen.st_ino)
    if stat.S_ISDIR(seen.st_mode):
        return _Seen("directory", inode)
    return _Seen("file", inode, seen.st_ctime_ns)
