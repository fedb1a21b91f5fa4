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


def move_all(
    references: list[tuple[int, Label, int]],
    placed: list[Label],
    jumps: list[Jump],
    saved: list[int],
    short: int,
) -> None:
    """Labels and references lie earlier by what the jumps before them save.

    The distance of a jump that got short is its last byte, and of the kind `short`; that of a long
    one is its last four.
    """
    before, ends = [0, *accumulate(saved)], [jump.end for jump in jumps]
    shortened = {jump.end - 4 for jump, less in zip(jumps, saved, strict=True) if less}
    for label in placed:
        label.offset = label.known - before[bisect_right(ends, label.known)]
    for index, (at, label, kind) in enumerate(references):
        if at in shortened:
            references[index] = (at + 3 - before[bisect_right(ends, at + 4)], label, short)
        else:
            references[index] = (at - before[bisect_right(ends, at)], label, kind)
