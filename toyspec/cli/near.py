"""The word that was meant by a mistyped one: near enough that nobody wonders why."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from collections.abc import Iterable

_LETTERS_A_SLIP = 3  # of the mistyped word; a shorter one may have one slip too
_LONGEST = 40


def near(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate with the fewest slips of the finger from `word`, one slip for 3 letters at most."""
    if len(word) > _LONGEST:
        return None
    most = max(1, len(word) // _LETTERS_A_SLIP)
    if len(word) < 2:
        most = 0
    found = [(_slips(word, each), each) for each in sorted(candidates) if len(each) <= _LONGEST]
    slips, nearest = min(found, default=(most + 1, ""))
    return nearest if slips <= most else None


def _slips(one: str, other: str) -> int:
    """Letters to leave out, put in, exchange, or swap with their neighbour, to make it the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one):
        above, before_above = row, before
        row = [i + 1]
        for j, b in enumerate(other):
            least = min(above[j] + (a != b), above[j + 1] + 1, row[j] + 1)
            if i and j and a == other[j - 1] and b == one[i - 1]:
                least = min(least, before_above[j - 1] + 1)
            row.append(least)
        before = above
    return row[-1]
