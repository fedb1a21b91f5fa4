"""Whether anybody holds the lock of a box: that, and nothing else, says whether it lives. To ask takes nothing.

Light, as every `exec` asks.
"""

from __future__ import annotations

import fcntl
import os
import struct

from toyspec.run.files import FLAGS

FLOCK = struct.Struct("hhqqi4x")
"""struct flock (asm-generic/fcntl.h) with 64 bits."""


def is_held(directory: int) -> bool:
    """Whether the lock in a box's directory is held by anybody."""
    try:
        fd = os.open("lock", os.O_RDONLY | FLAGS, dir_fd=directory)
    except OSError:
        return False
    try:
        return is_locked(fd)
    finally:
        os.close(fd)


def is_locked(fd: int) -> bool:
    """Whether anybody else holds the lock of a `lock` that is open."""
    return is_written(fd, 0, 0)


def is_written(fd: int, start: int, length: int) -> bool:
    """Whether anybody else has a lock for writing there (F_OFD_GETLK, fcntl(2)): one for reading takes no right
    to write, and does not count: a box that sees its host's state may take it.
    """
    asked = FLOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, start, length, 0)
    return bool(FLOCK.unpack(fcntl.fcntl(fd, fcntl.F_OFD_GETLK, asked))[0] != fcntl.F_UNLCK)
