"""A call's verdict as a graph: comparisons of 64 bits, made of the 32 that BPF has.

The filter is built from its end, so each comparison knows where it leads to. It also knows which
word is in A by then, and does not load that once more: many values of one argument cost one load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from toyspec.plan.seccomp.graph import ANY_BIT, AT_LEAST, EQUAL, GREATER
from toyspec.plan.seccomp.resolve import LOW

if TYPE_CHECKING:
    from toyspec.plan.seccomp.graph import Graph, Node
    from toyspec.plan.seccomp.resolve import Verdict
    from toyspec.spec.seccomp.rules import Comparison

ARGUMENTS: Final = 16
"""Their offset in struct seccomp_data, 8 bytes each: linux/seccomp.h. The low half comes first."""

Loaded = int | None
"""The offset of the word in A, or None where A holds something else."""

Way = Callable[[Loaded], "Node"]
"""Where to go on, for each word that may be in A."""


def decide(graph: Graph, verdict: Verdict, *, narrow: bool) -> Node:
    """The first branch whose comparisons all hold, or else the last word; A is the number.

    Where arguments are `narrow`, their high halves are not looked at.
    """
    last = graph.result(verdict.otherwise.value)
    if not verdict.branches:
        return last
    offsets = [
        ARGUMENTS + 8 * one.index + half
        for when, _ in verdict.branches
        for one in when
        for half in (0, 4)
    ]
    words: list[Loaded] = [None, *dict.fromkeys(offsets)]
    ways: dict[Loaded, Node] = dict.fromkeys(words, last)
    for when, action in reversed(verdict.branches):
        # No recursion over branches or comparisons: a profile may have thousands.
        fails = ways
        holds: dict[Loaded, Node] = dict.fromkeys(words, graph.result(action.value))
        for one in reversed(when):
            holds = {
                word: _compare(
                    graph, one, holds.__getitem__, fails.__getitem__, word, narrow=narrow
                )
                for word in words
            }
        ways = holds
    return ways[None]


def _compare(
    graph: Graph, one: Comparison, holds: Way, fails: Way, word: Loaded, *, narrow: bool
) -> Node:
    if one.operator == "&==":
        return _masked(graph, one, holds, fails, word, narrow=narrow)
    if one.operator in ("!=", "<", "<="):
        holds, fails = fails, holds  # as not ==, not >=, not >
    low, high = ARGUMENTS + 8 * one.index, ARGUMENTS + 8 * one.index + 4
    code = {"==": EQUAL, "!=": EQUAL, ">=": AT_LEAST, "<": AT_LEAST, ">": GREATER, "<=": GREATER}[
        one.operator
    ]
    upper, lower = one.value >> 32, one.value & LOW
    node = graph.test(code, lower, holds(low), fails(low))
    if narrow:
        if upper and code != EQUAL:
            return fails(word)  # no 32 bits are as much
        return _load(graph, low, node, word)
    within = _load(graph, low, node, high)
    node = graph.test(EQUAL, upper, within, fails(high))
    if code != EQUAL:
        node = graph.test(GREATER, upper, holds(high), node)
    return _load(graph, high, node, word)


def _masked(
    graph: Graph, one: Comparison, holds: Way, fails: Way, word: Loaded, *, narrow: bool
) -> Node:
    """The half that the mask leaves nothing of is not looked at."""
    low, high = ARGUMENTS + 8 * one.index, ARGUMENTS + 8 * one.index + 4
    halves = [
        (offset, mask, one.value >> shift & LOW)
        for offset, shift in ((high, 32), (low, 0))
        if (mask := one.mask >> shift & LOW) and not (narrow and shift)
    ]
    way = holds
    for offset, mask, value in reversed(halves):
        way = _half(graph, offset, mask, value, way, fails)
    return way(word)


def _half(graph: Graph, offset: int, mask: int, value: int, holds: Way, fails: Way) -> Way:
    if mask == LOW:
        node = graph.test(EQUAL, value, holds(offset), fails(offset))
    elif value == 0:
        node = graph.test(ANY_BIT, mask, fails(offset), holds(offset))
    elif mask == value and mask & (mask - 1) == 0:
        node = graph.test(ANY_BIT, mask, holds(offset), fails(offset))
    else:
        node = graph.mask(mask, graph.test(EQUAL, value, holds(None), fails(None)))
    return lambda word: _load(graph, offset, node, word)


def _load(graph: Graph, offset: int, node: Node, word: Loaded) -> Node:
    return node if offset == word else graph.load(offset, node)
