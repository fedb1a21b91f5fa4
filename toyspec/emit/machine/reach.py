"""Which jumps reach their targets in the short form."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from toyspec.emit.machine.assembler import Label


class Jump(NamedTuple):
    """A jump in its long form: where it ends, and how many bytes the short one saves."""

    end: int
    saves: int
    label: Label


def reaching(jumps: list[Jump], placed: list[Label]) -> list[int]:
    """How many bytes each jump saves in the end. `jumps` in order; labels not `placed` do not move.

    All begin short; those that do not reach grow, until all reach.
    """
    ends, saved = [jump.end for jump in jumps], [jump.saves for jump in jumps]
    moving = set(map(id, placed))
    grown = True
    while grown:
        grown, before = False, [0, *accumulate(saved)]
        for index, jump in enumerate(jumps):
            if not saved[index]:
                continue
            target = jump.label.known
            if id(jump.label) in moving:
                target -= before[bisect_right(ends, target)]
            if not -128 <= target - (jump.end - before[index + 1]) < 128:
                saved[index], grown = 0, True
    return saved
