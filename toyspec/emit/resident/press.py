"""What ends a box from outside: a kill, and a key pressed three times at a PID 1 that hears none."""

from __future__ import annotations

from toyspec.emit.resident.process import kill, wait_for
from toyspec.emit.resident.record import DEADLINE, ENDED_BY, FILE, GONE, NAME, PRESSES, SETUP
from toyspec.emit.resident.saying import VECTOR, add, begin, say
from toyspec.emit.resident.words import flag, load32, load64, room, store64, text

_KILLING_PRESSES = 3
_FAILED = 125


def end_box(box: int) -> int:
    """End the box: init dies of setup's end, everything in it of init's."""
    store64(box + DEADLINE, 0)
    return kill(load32(load64(box + SETUP)))


def unheard(box: int) -> int:
    """No descriptor is left for signals (signalfd(2): EMFILE, ENFILE): nobody could end the box, so it ends
    before it has begun, by status 125.
    """
    vector = begin(room(VECTOR))
    add(vector, load64(load64(box + FILE) + NAME))
    add(vector, text("error: no descriptor is left by which signals would reach the box\n"))
    say(vector)
    end_box(box)
    store64(box + GONE, wait_for(load32(load64(box + SETUP))))
    store64(box + ENDED_BY, _FAILED - 128)
    return 0


def pressed(box: int, number: int, taken: int) -> int:
    """^C at a PID 1 without a handler: the kernel drops it, so someone has to say so."""
    if taken != 0:
        store64(box + PRESSES, 0)
        return 0
    presses = load64(box + PRESSES) + 1
    store64(box + PRESSES, presses)
    if presses >= _KILLING_PRESSES:
        return end_box(box)
    if presses > 1:
        return 0
    vector = begin(room(VECTOR))
    add(vector, text("\r\ntoyspec: init has no handler for "))
    if number == flag("signal", "SIGINT"):
        add(vector, text("^C"))
    else:
        add(vector, text("^\\"))
    add(vector, text(", and Linux does not end a PID 1 by it; 2 times more ends the box\r\n"))
    return say(vector)
