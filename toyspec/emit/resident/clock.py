"""The time, for what must not last for ever."""

from __future__ import annotations

from toyspec.emit.resident.words import load64, nr, room, store64, syscall

_MONOTONIC = 1  # CLOCK_MONOTONIC (linux/time.h)


def now() -> int:
    """CLOCK_MONOTONIC in milliseconds; never 0."""
    time = room(16)
    syscall(nr("clock_gettime"), _MONOTONIC, time)
    return load64(time) * 1000 + load64(time + 8) // 1000000 + 1


def wait_on(polled: int, count: int, patience: int) -> int:
    """ppoll(2) `count` descriptors for so many milliseconds, or without end where they are negative."""
    if patience < 0:
        return syscall(nr("ppoll"), polled, count, 0, 0, 8)
    time = room(16)
    store64(time, patience // 1000)
    store64(time + 8, patience % 1000 * 1000000)
    return syscall(nr("ppoll"), polled, count, time, 0, 8)


def sleep(milliseconds: int) -> int:
    """Do nothing for a while."""
    return wait_on(0, 0, milliseconds)
