"""What a start asks about its terminal: the six answers of `start.look.terminal` as bits."""

from __future__ import annotations

from toyspec.emit.resident.terminal import foreground_of, is_terminal


def terminals() -> int:
    """From the lowest bit: whether 0, 1 and 2 are terminals; of 0: whether it is our controlling one,
    whether 1 is the same, and whether 2 is.
    """
    found = is_terminal(0) + 2 * is_terminal(1) + 4 * is_terminal(2)
    if foreground_of(0) < 0:
        return found
    found += 8
    if foreground_of(1) >= 0:
        found += 16
    if foreground_of(2) >= 0:
        found += 32
    return found
