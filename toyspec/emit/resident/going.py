"""How far the box's command is: it waits for the word to go, or was told."""

from __future__ import annotations

from toyspec.emit.resident.memory import append, append_number, number
from toyspec.emit.resident.process import executed, of_proc
from toyspec.emit.resident.record import (
    COMMAND_ROLE,
    CURRENT,
    ENDED_BY,
    FAILED_STEP,
    GO_STEP,
    INIT_ROLE,
    LOST,
    PAGE,
    PIDS,
    REAPS,
)
from toyspec.emit.resident.words import load64, room, text

_LISTED = 32  # bytes: the first number of some


def passed_go(box: int) -> int:
    """Whether the box's command, at least, was told to go, was not lost then, and no step failed."""
    page = load64(box + PAGE)
    if load64(page + FAILED_STEP) or load64(page + LOST):
        return 0
    go = load64(box + GO_STEP)
    if load64(page + CURRENT + 8 * INIT_ROLE) > go:
        return 1
    return load64(page + CURRENT + 8 * COMMAND_ROLE) > go


def has_run(reaper: int) -> int:
    """Whether a reaper's command was executed: its oldest child, which its end of the exec pipe alone does
    not tell from one that was killed. 0 too where it has ended: how, the reaper's end tells. 1 where the
    kernel lists no children (CONFIG_PROC_CHILDREN).
    """
    name = room(64)
    listed = room(_LISTED)
    append(append_number(append(name, text("task/")), reaper), text("/children"))
    size = of_proc(reaper, name, listed, _LISTED)
    if size < 0:
        return 1
    if size == 0:
        return 0
    return executed(number(listed)) > 0


def began(box: int) -> int:
    """Whether the end of the exec pipe was the command's execve. Of a box that we killed, its end says
    that: its init may have come so far since.
    """
    if load64(box + ENDED_BY) or not passed_go(box):
        return 0
    init = load64(load64(box + PAGE) + PIDS + 8 * INIT_ROLE)
    if load64(box + REAPS):
        return has_run(init)
    return executed(init) > 0


def waits_to_go(page: int, step: int) -> int:
    """Whether the step that a box's command waits in is where init, or a reaper's child, is."""
    if load64(page + CURRENT + 8 * INIT_ROLE) >= step:
        return 1
    return load64(page + CURRENT + 8 * COMMAND_ROLE) >= step
