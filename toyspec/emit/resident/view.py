"""The process that draws, where there is one: a child of the monitor's since before it was a box."""

from __future__ import annotations

from toyspec.emit.resident.process import kill, readable, wait_for
from toyspec.emit.resident.record import (
    FAILED_STEP,
    FILE,
    PAGE,
    STATE,
    STATE_FAILED,
    STATE_QUIT,
    VIEW,
    VIEWER,
)
from toyspec.emit.resident.words import load64, nr, store64, syscall

_PATIENCE = 2000  # ms that the monitor waits for the last line of a view


def close_view(box: int) -> int:
    """End it: afterwards nothing of the view's can appear. A second time does nothing.

    A view that is done is only reaped. One that is not shows where a failed run stopped, or goes
    without a word; if it cannot (a stopped terminal), it is killed.
    """
    file = load64(box + FILE)
    page = load64(box + PAGE)
    if load64(file + VIEW) < 0:
        return 0
    if load64(page + FAILED_STEP):
        store64(page + STATE, STATE_FAILED)
    else:
        store64(page + STATE, STATE_QUIT)
    if not readable(load64(file + VIEW), _PATIENCE):
        kill(load64(file + VIEWER))
    syscall(nr("close"), load64(file + VIEW))
    store64(file + VIEW, -1)
    if load64(file + VIEWER) > 0:
        wait_for(load64(file + VIEWER))
    return 0
