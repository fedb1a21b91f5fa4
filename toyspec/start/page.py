"""The page of memory that the processes of a run share with whoever draws it: where what lies.

`run.progress` reads and writes it, compiled boxes too (`emit/resident/record.py`). Here a start that
plans nothing fills one in.
"""

from __future__ import annotations

import os

from toyspec.start import memory

SIZE = 16 << 20  # bytes
LABELS = 1 << 20  # bytes at the end: the phases' names, written once
NOTE = 64 << 10  # bytes before them: what a failing process found out about its failure
HEADER = 64  # cells of 8 bytes before the steps' own two each
STATE, LABELS_SIZE, NOTE_SIZE, FAILED_STEP, FAILED_ERRNO, STARTED = 0, 1, 2, 3, 4, 5
LOST = 6  # of a command that never was executed: what became of it, its raw wait status + 1
MODE = 7  # of the file that could not be executed: a compiled box's own
CURRENT = 16  # one cell a role: the step it is in

LOADING = 0
RUNNING = 1
FAILED = 2
QUIT = 3


def create() -> int:
    """A file in memory with room for all of it, zeros; raises OSError."""
    fd = memory.create("progress")
    os.ftruncate(fd, SIZE)
    return fd


def publish(fd: int, phases: bytes, now: int) -> None:
    """What `Progress.publish` does, without a mapping: `phases` as `Progress.labels` has them."""
    os.pwrite(fd, phases, SIZE - LABELS)
    _set(fd, LABELS_SIZE, len(phases))
    _set(fd, STARTED, now)
    _set(fd, STATE, RUNNING)


def leave(fd: int) -> None:
    """Nothing comes of this run: whoever looks on goes without a word."""
    _set(fd, STATE, QUIT)


def _set(fd: int, cell: int, value: int) -> None:
    os.pwrite(fd, value.to_bytes(8, "little"), 8 * cell)
