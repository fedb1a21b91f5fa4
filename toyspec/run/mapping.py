"""Why newuidmap or newgidmap did not map a box's ids, as far as one can see afterwards."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toyspec.host import subids
from toyspec.plan.step import Pid, Strings

if TYPE_CHECKING:
    from toyspec.plan.step import Plan, Step
    from toyspec.run.refusals import Cause

_OWN = {"uidmap": "/proc/self/uid_map", "gidmap": "/proc/self/gid_map"}
_GIVEN = {"uidmap": "/etc/subuid", "gidmap": "/etc/subgid"}


def why_unmapped(plan: Plan, wait: Step) -> Cause:
    """`wait` is setup's step that waits for the helper. A cause and a remedy."""
    role = next(a.value.role for a in wait.args if isinstance(a.value, Pid))
    spans = _spans(plan, role)
    program, own, given = _program(plan, role), _OWN[role], _GIVEN[role]
    missing = _outside_of(spans, _table(own))
    if missing is not None:
        return (
            f"toyspec itself runs in a user namespace, which has no id {missing} ({own})",
            "run toyspec outside of the container or box, or with fewer sub-ids",
        )
    mine = os.getuid() if role == "uidmap" else os.getgid()
    gone = _outside_of([span for span in spans if span != (mine, 1)], _ranges(given))
    if gone is not None:
        return f"{given} does not give you the id {gone} any more", "try again"
    return (
        f"{program} ended without success; if it said why, that stands above this error",
        f"see {given}, {program}(1), and the kernel's log (dmesg) for a security module",
    )


def _spans(plan: Plan, role: str) -> list[tuple[int, int]]:
    """First and count of the ids outside that the helper was to map."""
    words = _argv(plan, role)[2:]
    numbers = [int(word) for word in words if isinstance(word, str)]
    return list(zip(numbers[1::3], numbers[2::3], strict=True))


def _program(plan: Plan, role: str) -> str:
    return str(_argv(plan, role)[0])


def _argv(plan: Plan, role: str) -> tuple[object, ...]:
    found = (s for s in plan.steps if s.role == role and s.call == "execve")
    return next(a.value.values for s in found for a in s.args if isinstance(a.value, Strings))


def _outside_of(spans: list[tuple[int, int]], ranges: list[tuple[int, int]]) -> int | None:
    """The first id of a span that no range holds."""
    for first, count in spans:
        at = first
        while at < first + count:
            holder = next((f + n for f, n in ranges if f <= at < f + n), None)
            if holder is None:
                return at
            at = holder
    return None


def _table(path: str) -> list[tuple[int, int]]:
    """First and count of the ids that this process's namespace has."""
    try:
        with open(path, encoding="ascii") as file:
            lines = [line.split() for line in file.read().splitlines()]
    except OSError:
        return [(0, 1 << 32)]
    return [(int(first), int(count)) for first, _, count in lines]


def _ranges(path: str) -> list[tuple[int, int]]:
    import pwd

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = ""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return []
    return list(subids.ranges(data, name, os.getuid()))
