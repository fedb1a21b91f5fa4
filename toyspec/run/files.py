"""The files of a box's state: read and written through the descriptor of its directory, as the caller's own."""

from __future__ import annotations

import os
import stat

from toyspec.run.boxes import ExactModes

FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""With these every file there is opened."""
LARGEST = 64 << 20
"""Bytes of a file that is read."""
_NEW = ".new"


def create(directory: int, name: str) -> int:
    """A new file, 0600 whatever the umask; a descriptor to write it by. Raises OSError."""
    with ExactModes():
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | FLAGS
        return os.open(name, flags, 0o600, dir_fd=directory)


def write(directory: int, name: str, data: bytes) -> None:
    """A file, 0600, whole or not at all. Raises OSError."""
    fd = create(directory, name + _NEW)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(fd, left) :]
    finally:
        os.close(fd)
    os.rename(name + _NEW, name, src_dir_fd=directory, dst_dir_fd=directory)


def reserve(directory: int, name: str, room: int) -> None:
    """A new file of so many bytes, all 0, that have their room on the disk. Raises OSError."""
    fd = create(directory, name)
    try:
        os.posix_fallocate(fd, 0, room)
    finally:
        os.close(fd)


def read(directory: int, name: str) -> bytes | None:
    """A file of the box's state; None where there is none of the caller's own."""
    try:
        fd = os.open(name, os.O_RDONLY | FLAGS, dir_fd=directory)
    except OSError:
        return None
    try:
        seen = os.fstat(fd)
        if not stat.S_ISREG(seen.st_mode) or seen.st_uid != os.geteuid() or seen.st_size > LARGEST:
            return None
        pieces = []
        while piece := os.read(fd, 1 << 20):
            pieces.append(piece)
        return b"".join(pieces)
    except OSError:
        return None
    finally:
        os.close(fd)


def environment(directory: int) -> dict[str, str]:
    """The variables of the starter's that the plan takes."""
    data = read(directory, "environment") or b""
    pairs = (os.fsdecode(each).partition("=") for each in data.split(b"\0") if each)
    return {name: value for name, _, value in pairs}
