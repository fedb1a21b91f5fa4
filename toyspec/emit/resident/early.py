"""Signals that come before the box's command is executed: what init still is takes none of them."""

from __future__ import annotations

from toyspec.emit.resident.kinds import is_deadly
from toyspec.emit.resident.press import end_box
from toyspec.emit.resident.process import send
from toyspec.emit.resident.record import EARLY, ENDED_BY
from toyspec.emit.resident.words import load64, store64

_LAST = 64  # SIGRTMAX


def came_early(box: int, number: int) -> int:
    """It ends the box, or waits for the command: who is no PID 1 would die of it, and nobody know why."""
    if is_deadly(number):
        store64(box + ENDED_BY, number)
        return end_box(box)
    store64(box + EARLY, load64(box + EARLY) | 1 << (number - 1))
    return 0


def hand_on(box: int, init: int) -> int:
    """To the command, which is there now."""
    number = 1
    while load64(box + EARLY) and number <= _LAST:
        if load64(box + EARLY) >> (number - 1) & 1:
            send(init, number)
        number += 1
    store64(box + EARLY, 0)
    return 0
