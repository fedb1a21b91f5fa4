"""Sub-id ranges: which ids a box has besides its user's, and whether this host can map them.

An ordinary caller keeps its own ids outside, whatever they are inside; its sub-ids fill up the rest
from 0 on. A caller who is root is not mapped at all: its box lives on root's sub-ids alone.
"""

from __future__ import annotations

from toyspec.host.facts import HostFacts
from toyspec.plan.error import PlanProblem
from toyspec.plan.etc import ids
from toyspec.spec.model import Spec
from toyspec.values import dataclass

_END = 2**32 - 1  # one past the last id: (uid_t)-1 is none
_MOST_LINES = 340  # UID_GID_MAP_MAX_EXTENTS (include/linux/user_namespace.h)
_MAPPERS = ("newuidmap", "newgidmap")

Subs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Span:
    """`count` ids from `inside` on are those from `outside` on outside (user_namespaces(7))."""

    inside: int
    outside: int
    count: int


@dataclass(frozen=True, slots=True)
class Maps:
    """What newuidmap and newgidmap are told."""

    uids: tuple[Span, ...]
    gids: tuple[Span, ...]


def spans(inside: int, outside: int, subs: Subs) -> tuple[Span, ...]:
    """`outside` at `inside`, and the sub-ids at every other id from 0 on; without it where it is 0.

    What is given twice is used once; the host's root is never mapped, whoever gave it.
    """
    own = () if outside == 0 else (Span(inside, outside, 1),)
    taken = [(0, 1), *((span.outside, 1) for span in own)]
    gaps = [(0, inside), (inside + 1, _END)] if own else [(0, _END)]
    waiting = _apart(subs, taken)[::-1]
    found = list(own)
    for begin, end in gaps:
        at = begin
        while at < end and waiting:
            first, count = waiting.pop()
            part = min(count, end - at)
            found.append(Span(at, first, part))
            at += part
            if part < count:
                waiting.append((first + part, count - part))
    return tuple(sorted(found, key=lambda span: span.inside)[:_MOST_LINES])


def _apart(subs: Subs, taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges without what is taken, or was in one before."""
    taken = list(taken)
    found = []
    for first, count in subs:
        pieces = [(first, min(first + count, _END))]
        for begin, size in taken:
            pieces = [
                piece
                for low, high in pieces
                for piece in ((low, min(high, begin)), (max(low, begin + size), high))
                if piece[0] < piece[1]
            ]
        found += [(low, high - low) for low, high in pieces]
        taken.append((first, count))
    return found


def maps(spec: Spec, facts: HostFacts) -> Maps | None:
    """The maps of a box that has ranges; None where one uid and one gid are mapped.

    `user: root` of a caller who is root has ranges too where it can: else it would be the host's.
    """
    if not (spec.user.ranges or (_implied(spec, facts) and not lacks(facts))):
        return None
    uid, gid = ids(spec, facts)
    return Maps(
        spans(uid, facts.uid, facts.subuids),
        spans(gid, 0 if facts.uid == 0 else facts.gid, facts.subgids),
    )


def _implied(spec: Spec, facts: HostFacts) -> bool:
    return spec.user.kind == "root" and facts.uid == 0


def real_root(spec: Spec, facts: HostFacts) -> bool:
    """The box's processes are the host's own root: sysctls and /proc files would obey them."""
    return facts.uid == 0 and maps(spec, facts) is None


def drops_groups(spec: Spec, facts: HostFacts) -> bool:
    """Whether init gives up the caller's supplementary groups."""
    if maps(spec, facts) is None:
        return False
    return spec.groups == "drop" or spec.origin("groups").default is not None


def check(spec: Spec, facts: HostFacts) -> list[PlanProblem]:
    """What this host lacks for the ranges that a spec wants, and for groups that are to go."""
    origin = spec.origin("user.ranges")
    found = []
    if spec.user.ranges:
        found = [PlanProblem(message, origin, remedy) for message, remedy in lacks(facts)]
    if spec.user.ranges and not found and facts.uid == 0:
        for name, inside, subs in zip(
            ("uid", "gid"), ids(spec, facts), (facts.subuids, facts.subgids), strict=True
        ):
            count = sum(span.count for span in spans(inside, 0, subs))
            if inside >= count:
                message = f"the {name} {inside} is above the {count} sub-ids of root"
                found.append(PlanProblem(message, spec.origin("user")))
    extra = [group for group in facts.groups if group != facts.gid]
    if spec.groups == "drop" and extra and not found and maps(spec, facts) is None:
        message = "supplementary groups cannot be dropped: where one gid is mapped, Linux denies it"
        remedy = "map more: `user: {ranges: auto}`; or write `groups: keep`"
        found.append(PlanProblem(message, spec.origin("groups"), remedy))
    return found


def lacks(facts: HostFacts) -> list[tuple[str, str]]:
    """What keeps newuidmap and newgidmap from mapping the caller's ranges, each with a remedy."""
    found = []
    for name in _MAPPERS:
        if name not in facts.mappers:
            found.append((f"there is no {name}", "an administrator: apt install uidmap"))
    if not found and facts.uid != 0:
        found += _powerless(facts)
    if facts.primary_gid is None:
        message = f"uid {facts.uid} has no entry in /etc/passwd: newuidmap refuses it"
        found.append((message, "run toyspec as a user that the system knows"))
    elif facts.primary_gid != facts.gid:
        message = (
            f"your group is {facts.gid}, and newuidmap wants the one that /etc/passwd gives you, "
            f"{facts.primary_gid}"
        )
        found.append((message, f"run toyspec outside of newgrp: newgrp - {facts.primary_gid}"))
    for path, subs, option in (
        ("/etc/subuid", facts.subuids, "--add-subuids"),
        ("/etc/subgid", facts.subgids, "--add-subgids"),
    ):
        if not any(count > 0 for _, count in subs):
            remedy = (
                f"an administrator: usermod {option} FIRST-LAST {facts.user_name}, with 65536 ids "
                f"that no line of {path} has yet"
            )
            found.append((f"{path} gives {facts.user_name} no range of ids", remedy))
    return found


def _powerless(facts: HostFacts) -> list[tuple[str, str]]:
    """Why the two programs gain nothing when an ordinary user runs them."""
    if facts.no_new_privs:
        return [
            (
                "no_new_privs was inherited here, and so newuidmap may not map ranges",
                "run toyspec outside of what set it: a container, a box, NoNewPrivileges= of systemd",
            )
        ]
    found = []
    for name in _MAPPERS:
        mapper = facts.mappers[name]
        if not mapper.privileged:
            message = f"{mapper.path} is neither setuid root nor has it capabilities"
            found.append((message, f"an administrator: chmod u+s {mapper.path}"))
        elif mapper.nosuid:
            message = f"{mapper.path} lies on a mount with nosuid"
            found.append((message, "an administrator: mount that without nosuid"))
    return found
