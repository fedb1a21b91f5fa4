"""What has served is let go of: a box waits for days in as little memory as can be."""

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


def forget(box: int) -> int:
    """Unmap the straight-line code and the data of its calls; the slots' cells are kept."""
    field = SETUP
    while field <= LIFE_READ:
        kept = box + CELLS + field - SETUP
        store64(kept, load32(load64(box + field)))
        store64(box + field, kept)
        field += 8
    file = load64(box + FILE)
    syscall(nr("munmap"), load64(file + CODE_AT), load64(file + CODE_SIZE))
    return syscall(nr("munmap"), load64(file + DATA_AT), load64(file + DATA_SIZE))
