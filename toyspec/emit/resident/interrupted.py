"""Who ends by ^C ends by the signal: a shell ends its script or its loop only where it sees that.

What was typed at the box's own terminal nobody outside has heard of: it is told our whole process group, as
that terminal would have done it, were it the caller's.
"""

from __future__ import annotations

from toyspec.emit.resident.again import ignore
from toyspec.emit.resident.process import leave, set_mask
from toyspec.emit.resident.record import DEAF, FILE, INTERRUPTED
from toyspec.emit.resident.words import flag, load64, nr, store64, syscall

_DEFAULT = 0  # SIG_DFL
_BY_TERMINAL = 1
_TYPED = 2


def note_signal(box: int, number: int, sender: int) -> int:
    """One that came to us. `sender` 0: by a terminal."""
    if number == flag("signal", "SIGINT"):
        store64(box + INTERRUPTED, 0)
        if sender == 0:
            store64(box + INTERRUPTED, _BY_TERMINAL)
    return 0


def note_key(box: int, number: int) -> int:
    """One that was typed at the box, and the signal that it is for: whoever types on has not ended it."""
    store64(box + INTERRUPTED, 0)
    if number == flag("signal", "SIGINT"):
        store64(box + INTERRUPTED, _TYPED)
    return 0


def leave_as(box: int, status: int) -> int:
    """The end of this process, all being cleaned up."""
    number = flag("signal", "SIGINT")
    deaf = load64(load64(box + FILE) + DEAF) >> (number - 1) & 1
    if status == 128 + number and load64(box + INTERRUPTED) and not deaf:
        ignore(number, _DEFAULT)
        whom = syscall(nr("getpid"))
        if load64(box + INTERRUPTED) == _TYPED:
            whom = 0
        syscall(nr("kill"), whom, number)
        set_mask(~(1 << (number - 1)))  # here we end
    return leave(status)
