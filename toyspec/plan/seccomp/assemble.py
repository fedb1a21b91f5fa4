"""From a profile to the filter that the kernel runs: pure, and the same bytes for the same profile.

The architecture is looked at first, then the number, by halving: some seven comparisons for any call
of hundreds. Only then come arguments, for the calls that need them. Until an argument is loaded the
filter uses what the kernel can follow by itself (kernel/seccomp.c, seccomp_is_const_allow), so that
since Linux 5.11 a call that is always allowed does not run the filter at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toyspec.kernel.flags import flags
from toyspec.kernel.syscalls import X32_BIT
from toyspec.plan.seccomp.compare import decide
from toyspec.plan.seccomp.graph import AT_LEAST, EQUAL, Graph
from toyspec.plan.seccomp.resolve import NARROW, resolve

if TYPE_CHECKING:
    from toyspec.plan.seccomp.graph import Instruction, Node
    from toyspec.plan.seccomp.profile import Profile

NUMBER: Final = 0
ARCH: Final = 4
"""Offsets in struct seccomp_data, linux/seccomp.h."""

SKIPPED: Final = 0xFFFFFFFF
"""What a tracer writes over a call's number to have it skipped, ptrace(2). No x32 call."""

Interval = tuple[int, "Node"]
"""From this number on; to where the next one begins."""


def assemble(profile: Profile) -> tuple[Instruction, ...]:
    """The profile's filter.

    TooLongError where the kernel would not take it. KeyError where an architecture is unknown,
    ValueError where x32 stands without x86_64.
    """
    if "x32" in profile.architectures and "x86_64" not in profile.architectures:
        raise ValueError(profile.architectures)
    audit = flags("audit_arch", "x86_64")
    graph = Graph()
    node = graph.result(profile.unknown.value)
    for arch in reversed(profile.architectures):
        if arch == "x32":
            continue  # x86_64's, to the kernel
        number = audit[f"AUDIT_ARCH_{arch.upper()}"]
        node = graph.test(EQUAL, number, _calls(graph, profile, arch), node)
    return graph.layout(graph.load(ARCH, node))


def _calls(graph: Graph, profile: Profile, arch: str) -> Node:
    """From the number on, for calls that come as `arch`'s."""
    intervals = _intervals(graph, profile, arch, 0)
    if arch == "x86_64":
        if "x32" in profile.architectures:
            beyond = _intervals(graph, profile, "x32", X32_BIT)
        else:
            beyond = [
                (X32_BIT, graph.result(profile.unknown.value)),
                (SKIPPED, graph.result(profile.default.value)),
            ]
        intervals = [*intervals, *beyond]
    merged = [intervals[0]]
    for interval in intervals[1:]:
        if interval[1] != merged[-1][1]:
            merged.append(interval)
    return graph.load(NUMBER, _halve(graph, merged))


def _intervals(graph: Graph, profile: Profile, arch: str, start: int) -> list[Interval]:
    """What each number from `start` on meets, to the end of all numbers."""
    numbered = resolve(profile, arch)
    default = graph.result(profile.default.value)
    made: list[Interval] = []
    next_ = start
    for number in sorted(numbered.verdicts):
        if number > next_:
            made.append((next_, default))
        made.append((number, decide(graph, numbered.verdicts[number], narrow=arch in NARROW)))
        next_ = number + 1
    if profile.newer is not None and numbered.last is not None:
        if numbered.last + 1 > next_:
            made.append((next_, default))
        made.append((numbered.last + 1, graph.result(profile.newer.value)))
    else:
        made.append((next_, default))
    return made


def _halve(graph: Graph, intervals: list[Interval]) -> Node:
    """The search for the interval that A lies in."""
    if len(intervals) == 1:
        return intervals[0][1]
    if len(intervals) == 3:
        (_, before), (start, node), (end, after) = intervals
        if before == after and end == start + 1:
            return graph.test(EQUAL, start, node, after)
    middle = len(intervals) // 2
    below = _halve(graph, intervals[:middle])
    return graph.test(AT_LEAST, intervals[middle][0], _halve(graph, intervals[middle:]), below)
