"""A box that does not begin, and why."""

from __future__ import annotations

from toyspec.emit.resident.again import hand_over
from toyspec.emit.resident.process import end_child, leave
from toyspec.emit.resident.record import NAME, VIEWER
from toyspec.emit.resident.saying import VECTOR, add, begin, say
from toyspec.emit.resident.shown import shown
from toyspec.emit.resident.words import load64, room, text

_FAILED = 125


def refuse(file: int, reason: int, more: int, still_more: int) -> int:
    """One line of up to three pieces (0: none), unless somebody else explains; and the end."""
    end_child(load64(file + VIEWER))  # nothing was built: there is nothing to draw
    hand_over(file)
    vector = begin(room(VECTOR))
    add(vector, load64(file + NAME))
    add(vector, text("error: "))
    add(vector, shown(reason))
    add(vector, shown(more))
    add(vector, shown(still_more))
    add(vector, text("\n"))
    say(vector)
    return leave(_FAILED)
