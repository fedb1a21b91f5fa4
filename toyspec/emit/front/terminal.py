"""What a start asks about its terminal: the six answers of `start.look.terminal` as bits."""

from __future__ import annotations

from toyspec.emit.resident.terminal import foreground_of, is_terminal
from toyspec.emit.resident.words import nr, syscall


def terminals() -> int:
    """From the lowest bit: whether 0, 1 and 2 are terminals; of 0: whether it is our controlling one,
    whether 1 is the same, whether our process group is in its foreground.
    """
    found = is_terminal(0) + 2 * is_terminal(1) + 4 * is_terminal(2)
    leader = foreground_of(0)
    if leader < 0:
        return found
    found += 8
    if leader == foreground_of(1):
        found += 16
    if leader == syscall(nr("getpgid"), 0):
        found += 32
    return found
