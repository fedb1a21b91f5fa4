"""What has served is let go of: a box waits for days in as little memory as can be.

Not before it has lived for a while: the end of a process does it for nothing.
"""

from __future__ import annotations

from toyspec.emit.resident.record import (
    CELLS,
    CODE_AT,
    CODE_SIZE,
    DATA_AT,
    DATA_SIZE,
    FILE,
    LIFE_READ,
    SETUP,
)
from toyspec.emit.resident.words import load32, load64, nr, store64, syscall

WHILE = 50
"""Milliseconds."""


def forgotten(box: int) -> int:
    """Whether it was let go of."""
    if load64(box + SETUP) == box + CELLS:
        return 1
    return 0


def forget(box: int) -> int:
    """Unmap the straight-line code and the data of its calls; the slots' cells are kept."""
    if forgotten(box):
        return 0
    field = SETUP
    while field <= LIFE_READ:
        kept = box + CELLS + field - SETUP
        store64(kept, load32(load64(box + field)))
        store64(box + field, kept)
        field += 8
    file = load64(box + FILE)
    syscall(nr("munmap"), load64(file + CODE_AT), load64(file + CODE_SIZE))
    return syscall(nr("munmap"), load64(file + DATA_AT), load64(file + DATA_SIZE))
