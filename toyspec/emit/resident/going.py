"""How far the box's command is: it waits for the word to go, or was told."""

from __future__ import annotations

from toyspec.emit.resident.record import (
    COMMAND_ROLE,
    CURRENT,
    FAILED_STEP,
    GO_STEP,
    INIT_ROLE,
    LOST,
    PAGE,
)
from toyspec.emit.resident.words import load64


def passed_go(box: int) -> int:
    """Whether the box's command, at least, was told to go, was not lost then, and no step failed."""
    page = load64(box + PAGE)
    if load64(page + FAILED_STEP) or load64(page + LOST):
        return 0
    go = load64(box + GO_STEP)
    if load64(page + CURRENT + 8 * INIT_ROLE) > go:
        return 1
    return load64(page + CURRENT + 8 * COMMAND_ROLE) > go


def waits_to_go(page: int, step: int) -> int:
    """Whether the step that a box's command waits in is where init, or a reaper's child, is."""
    if load64(page + CURRENT + 8 * INIT_ROLE) >= step:
        return 1
    return load64(page + CURRENT + 8 * COMMAND_ROLE) >= step
