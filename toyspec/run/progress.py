"""Progress: one page of memory that monitor, setup, init and the view share.

Anonymous and shared, made before the first fork: writing to it is no system call and cannot
block, so the processes can say how far they are without a call that the plan does not list.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from typing import Final

from toyspec.plan.step import ROLES, Role

SIZE: Final = 16 << 20  # bytes
_LABELS: Final = 1 << 20  # bytes at the end: the phases' names, written once
_NOTE: Final = 64 << 10  # bytes before them: what a failing process found out about its failure
_HEADER: Final = 64  # cells of 8 bytes before the steps' own two each
MOST_STEPS: Final = ((SIZE - _LABELS - _NOTE) // 8 - _HEADER) // 2 - 1
"""Steps of one plan that have room."""

_STATE, _LABELS_SIZE, _NOTE_SIZE, _FAILED_STEP, _FAILED_ERRNO, _STARTED = 0, 1, 2, 3, 4, 5
_CURRENT: Final = 16  # one cell a role: the step it is in

LOADING: Final = 0
RUNNING: Final = 1
FAILED: Final = 2
QUIT: Final = 3


class Progress:
    """How far a run is. Times are CLOCK_REALTIME nanoseconds; 0 means not yet.

    A box may have a CLOCK_MONOTONIC of its own; of this one there is but one.
    """

    def __init__(self, fd: int = -1) -> None:
        """In anonymous memory, or in a file (`SIZE` bytes) that a program executed later maps too."""
        self._memory = mmap.mmap(fd, SIZE)
        self.cells = memoryview(self._memory).cast("q")

    @property
    def state(self) -> int:
        """LOADING, RUNNING (phases are published), FAILED (show where), or QUIT (show nothing)."""
        return self.cells[_STATE]

    @state.setter
    def state(self, value: int) -> None:
        self.cells[_STATE] = value

    def publish(self, phases: Sequence[tuple[str, Sequence[int]]], now: int) -> None:
        """Say which steps make up each phase, then set RUNNING. `now`: when the run starts."""
        lines = [name + " " + _ranges(ids) for name, ids in phases]
        blob = "\n".join(lines).encode()[:_LABELS]
        start = SIZE - _LABELS
        self._memory[start : start + len(blob)] = blob
        self.cells[_LABELS_SIZE] = len(blob)
        self.cells[_STARTED] = now
        self.cells[_STATE] = RUNNING

    def phases(self) -> list[tuple[str, tuple[int, ...]]]:
        """The phases that `publish` named, with their steps' ids."""
        start = SIZE - _LABELS
        blob = self._memory[start : start + self.cells[_LABELS_SIZE]].decode()
        pairs = (line.split(" ", 1) for line in blob.splitlines())
        return [(name, _numbers(ranges)) for name, ranges in pairs]

    @property
    def started(self) -> int:
        """When the run began."""
        return self.cells[_STARTED]

    def current_cell(self, role: Role) -> int:
        """The cell that says which step `role` is in: written before each of its calls."""
        return _CURRENT + ROLES.index(role)

    def current(self, role: Role) -> int:
        """The last step that `role` began; 0 before its first."""
        return self.cells[_CURRENT + ROLES.index(role)]

    def done(self, step: int, now: int, result: int) -> None:
        """`step` returned `result` (a negative errno where it failed and that was tolerated)."""
        self.cells[_HEADER + 2 * step + 1] = result
        self.cells[_HEADER + 2 * step] = now

    def when(self, step: int) -> int:
        """When `step` was done."""
        return self.cells[_HEADER + 2 * step]

    def result(self, step: int) -> int:
        """What `step` returned; only meaningful once `when` is not 0."""
        return self.cells[_HEADER + 2 * step + 1]

    def fail(self, step: int, errno: int, note: bytes = b"") -> None:
        """`step` failed with `errno` (0: its result was not what it expects). First one wins."""
        if self.cells[_FAILED_STEP]:
            return
        start = SIZE - _LABELS - _NOTE
        self._memory[start : start + len(note[:_NOTE])] = note[:_NOTE]
        self.cells[_NOTE_SIZE] = len(note[:_NOTE])
        self.cells[_FAILED_ERRNO] = errno
        self.cells[_FAILED_STEP] = step

    def failure(self) -> tuple[int, int, bytes] | None:
        """The failed step, its errno, and what the failing process noted; None if none failed."""
        step = self.cells[_FAILED_STEP]
        if not step:
            return None
        start = SIZE - _LABELS - _NOTE
        note = self._memory[start : start + self.cells[_NOTE_SIZE]]
        return step, self.cells[_FAILED_ERRNO], note


def _ranges(ids: Sequence[int]) -> str:
    """`1-3,7`: a phase of fifty thousand steps is a few words."""
    found = list[list[int]]()
    for each in ids:
        if found and found[-1][1] == each - 1:
            found[-1][1] = each
        else:
            found.append([each, each])
    return ",".join(f"{first}-{last}" for first, last in found)


def _numbers(ranges: str) -> tuple[int, ...]:
    pairs = (each.split("-") for each in ranges.split(",") if each)
    return tuple(number for first, last in pairs for number in range(int(first), int(last) + 1))
