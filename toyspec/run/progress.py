"""Progress: one page of memory that monitor, setup, init and the view share.

Anonymous and shared, made before the first fork: writing to it is no system call and cannot
block, so the processes can say how far they are without a call that the plan does not list.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from typing import Final

from toyspec.plan.step import INSIDE, ROLES, Role
from toyspec.start.page import (
    CURRENT,
    FAILED_ERRNO,
    FAILED_STEP,
    HEADER,
    LABELS,
    LABELS_SIZE,
    LOST,
    NOTE,
    NOTE_SIZE,
    RUNNING,
    SIZE,
    STARTED,
    STATE,
)

MOST_STEPS: Final = ((SIZE - LABELS - NOTE) // 8 - HEADER) // 2 - 1
"""Steps of one plan that have room."""


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
        return self.cells[STATE]

    @state.setter
    def state(self, value: int) -> None:
        self.cells[STATE] = value

    def publish(self, blob: bytes, now: int) -> None:
        """Say which steps make up each phase, by their `labels`, then set RUNNING. `now`: when the
        run starts.
        """
        start = SIZE - LABELS
        self._memory[start : start + len(blob)] = blob
        self.cells[LABELS_SIZE] = len(blob)
        self.cells[STARTED] = now
        self.cells[STATE] = RUNNING

    def phases(self) -> list[tuple[str, tuple[int, ...]]]:
        """The phases that `publish` named, with their steps' ids."""
        start = SIZE - LABELS
        blob = self._memory[start : start + self.cells[LABELS_SIZE]].decode()
        pairs = (line.split(" ", 1) for line in blob.splitlines())
        return [(name, _numbers(ranges)) for name, ranges in pairs]

    @property
    def started(self) -> int:
        """When the run began."""
        return self.cells[STARTED]

    def current_cell(self, role: Role) -> int:
        """The cell that says which step `role` is in: written before each of its calls."""
        return CURRENT + ROLES.index(role)

    def current(self, role: Role) -> int:
        """The last step that `role` began; 0 before its first."""
        return self.cells[CURRENT + ROLES.index(role)]

    def done(self, step: int, now: int, result: int) -> None:
        """`step` returned `result` (a negative errno where it failed and that was tolerated)."""
        self.cells[HEADER + 2 * step + 1] = result
        self.cells[HEADER + 2 * step] = now

    def when(self, step: int) -> int:
        """When `step` was done."""
        return self.cells[HEADER + 2 * step]

    def result(self, step: int) -> int:
        """What `step` returned; only meaningful once `when` is not 0."""
        return self.cells[HEADER + 2 * step + 1]

    def passed_go(self, go_step: int) -> bool:
        """Whether the box's command, at least, was told to go, and no step failed since."""
        begun = any(self.current(role) > go_step for role in INSIDE)
        return begun and not self.cells[FAILED_STEP]

    @property
    def lost(self) -> int | None:
        """The raw wait status of a reaper's command that ended before it executed anything."""
        return self.cells[LOST] - 1 if self.cells[LOST] else None

    def lose(self, status: int) -> None:
        """A reaper's command ended so, before it executed anything."""
        self.cells[LOST] = status + 1

    def fail(self, step: int, errno: int, note: bytes = b"") -> None:
        """`step` failed with `errno` (0: its result was not what it expects). First one wins."""
        if self.cells[FAILED_STEP]:
            return
        start = SIZE - LABELS - NOTE
        self._memory[start : start + len(note[:NOTE])] = note[:NOTE]
        self.cells[NOTE_SIZE] = len(note[:NOTE])
        self.cells[FAILED_ERRNO] = errno
        self.cells[FAILED_STEP] = step

    def failure(self) -> tuple[int, int, bytes] | None:
        """The failed step, its errno, and what the failing process noted; None if none failed."""
        step = self.cells[FAILED_STEP]
        if not step:
            return None
        start = SIZE - LABELS - NOTE
        note = self._memory[start : start + self.cells[NOTE_SIZE]]
        return step, self.cells[FAILED_ERRNO], note


def labels(phases: Sequence[tuple[str, Sequence[int]]]) -> bytes:
    """Phases and their steps, as they lie in the page."""
    return "\n".join(name + " " + _ranges(ids) for name, ids in phases).encode()[:LABELS]


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
