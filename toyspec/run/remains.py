"""What lies in a box's place and is none: whatever made it, only the caller's own is ever removed."""

from __future__ import annotations

import os
import stat

from toyspec.run import lock
from toyspec.run.boxes import StateError, open_box, where

_KINDS = {stat.S_IFLNK: "a symlink", stat.S_IFDIR: "a directory", stat.S_IFIFO: "a FIFO"}


def what_lies_there(boxes: int, name: str) -> str | None:
    """In words, where it is no box; None where nothing lies there. Raises StateError."""
    directory = open_box(boxes, name)
    if directory is None:
        return None
    try:
        path, kind = where(boxes, name), _kind(directory)
        if kind:
            return f"{path} is no box: its lock is {_KINDS.get(kind, 'no file')}"
        if lock.is_held(directory):
            return f"{path} is no box: another program holds {path}/lock"
        return f"{path} is no box: its box.json says nothing of one"
    finally:
        os.close(directory)


def make_way(boxes: int, name: str) -> None:
    """Remove a lock that is no file, and so nobody's: one can be made again. Raises StateError."""
    directory = open_box(boxes, name)
    if directory is None:
        return
    try:
        kind = _kind(directory)
        if kind == stat.S_IFDIR:
            os.rmdir("lock", dir_fd=directory)
        elif kind:
            os.unlink("lock", dir_fd=directory)
    except OSError as error:
        shown = where(directory, "lock")
        raise StateError(f"{shown}: {error.strerror}", "look into it, and remove it") from None
    finally:
        os.close(directory)


def _kind(directory: int) -> int:
    """The type of a lock that is no file; else 0."""
    try:
        mode = os.lstat("lock", dir_fd=directory).st_mode
    except OSError:
        return 0
    return 0 if stat.S_ISREG(mode) else stat.S_IFMT(mode)
