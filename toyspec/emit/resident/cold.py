"""Texts and tables that are seldom needed: unpacked when they are."""

from __future__ import annotations

from toyspec.emit.resident.inflate import inflate
from toyspec.emit.resident.process import leave
from toyspec.emit.resident.record import COLD, COLD_SIZE, NAME, UNPACKED
from toyspec.emit.resident.saying import VECTOR, add, begin, say
from toyspec.emit.resident.words import load64, nr, room, store64, syscall, text

_FAILED = 125
_READ_WRITE = 3  # PROT_READ | PROT_WRITE
_PRIVATE = 0x22  # MAP_PRIVATE | MAP_ANONYMOUS


def cold(file: int) -> int:
    """Their address. Without memory for them the process ends, and says so."""
    if load64(file + UNPACKED) == 0:
        at = syscall(nr("mmap"), 0, load64(file + COLD_SIZE), _READ_WRITE, _PRIVATE, -1, 0)
        if at < 0 and at > -4096:
            vector = begin(room(VECTOR))
            add(vector, load64(file + NAME))
            add(vector, text("error: no memory left to say what failed\n"))
            say(vector)
            leave(_FAILED)
        inflate(load64(file + COLD), at)
        store64(file + UNPACKED, at)
    return load64(file + UNPACKED)


def told(file: int, offset: int) -> int:
    """The text at an offset; 0 where there is none."""
    if offset == 0:
        return 0
    return cold(file) + offset
