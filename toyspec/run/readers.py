"""Who reads the log of a box, and who begins the box anew, as the others see it: a lock on one byte each
of the box's `status`, which the kernel gives up with its holder.

So whoever is to remove the log of a box that has ended waits a moment for its readers, and who follows it
knows that more is to come. The box itself waits for nobody.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import Final

from toyspec.run.boxes import open_box
from toyspec.run.files import FLAGS
from toyspec.run.lock import FLOCK, is_held, is_written

READS: Final = 0
BEGINS: Final = 1
PATIENCE: Final = 2.0
"""Seconds that readers are waited for: one of them may stand still."""
_STEP: Final = 0.01  # seconds between two looks: no event tells


def tell(status: int, what: int) -> None:
    """READS: we read the log; BEGINS: we begin the box anew, for which `status` is open for writing. Until it
    is taken back, or the descriptor closed.
    """
    try:
        _lock(status, what, fcntl.F_WRLCK if what == BEGINS else fcntl.F_RDLCK)
    except BlockingIOError:
        pass  # somebody else tells it


def take_back(status: int, what: int) -> None:
    """It is so no more."""
    _lock(status, what, fcntl.F_UNLCK)


def _lock(status: int, what: int, kind: int) -> None:
    if status >= 0:
        fcntl.fcntl(status, fcntl.F_OFD_SETLK, FLOCK.pack(kind, os.SEEK_SET, what, 1, 0))


def is_told(status: int, what: int) -> bool:
    """Whether anybody else tells that. Takes nothing."""
    if status < 0:
        return False
    if what == BEGINS:
        return is_written(status, what, 1)
    asked = FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, what, 1, 0)
    return bool(FLOCK.unpack(fcntl.fcntl(status, fcntl.F_OFD_GETLK, asked))[0] != fcntl.F_UNLCK)


def open_status(directory: int, access: int = os.O_RDONLY) -> int:
    """That of the box there, to be closed; -1 where somebody removed it: nothing is told then."""
    try:
        return os.open("status", access | FLAGS, dir_fd=directory)
    except OSError:
        return -1


def close(status: int) -> None:
    """What was told by it is so no more."""
    if status >= 0:
        os.close(status)


def is_there(directory: int, status: int) -> bool | None:
    """Whether that one is the directory's still; None where it has none: nothing is kept any more."""
    if status < 0:
        return None
    try:
        seen = os.stat("status", dir_fd=directory, follow_symlinks=False)
    except OSError:
        return None
    return os.path.samestat(seen, os.fstat(status))


def wait_for_readers(boxes: int, name: str) -> None:
    """Before the log of a box that has ended is removed. Raises StateError."""
    directory = open_box(boxes, name)
    if directory is None:
        return
    status = open_status(directory)
    end = time.monotonic() + PATIENCE
    while not is_held(directory) and is_told(status, READS) and time.monotonic() < end:
        time.sleep(_STEP)
    close(status)
    os.close(directory)
