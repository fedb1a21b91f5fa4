"""Ranges of ids, on hosts made of a few words: what is mapped, by whom, and what a host may lack."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.plan.world import World, calls, host, value
from toyspec.host.facts import MapperFact
from toyspec.plan.error import PlanError
from toyspec.plan.ranges import Span, spans
from toyspec.plan.step import Decimal, Plan, Strings
from toyspec.program.lower import lower
from toyspec.program.verify import verify

MAPPERS = {
    name: MapperFact(f"/usr/bin/{name}", privileged=True, nosuid=False)
    for name in ("newuidmap", "newgidmap")
}
RANGE = ((100000, 65536),)


def able(**changes: object) -> World:
    """A host whose caller has a range."""
    given = {"mappers": MAPPERS, "primary_gid": 1000, "subuids": RANGE, "subgids": RANGE}
    return host(None, **{**given, **changes})


def root(**changes: object) -> World:
    """The same, where root calls."""
    return able(uid=0, gid=0, groups=(0, 4), primary_gid=0, user_name="root", **changes)


def told(plan: Plan, program: str) -> list[str | Decimal]:
    """The argv of a helper."""
    (step,) = (s for s in calls(plan, "execve") if str(value(s, "path")).endswith(program))
    argv = value(step, "argv")
    assert isinstance(argv, Strings)
    return list(argv.values)


def refused(world: World, spec: str) -> list[tuple[str, str]]:
    """Messages and remedies."""
    with pytest.raises(PlanError) as caught:
        world.plan(spec)
    return [(each.message, each.remedy or "") for each in caught.value.problems]


@pytest.mark.parametrize(
    ("inside", "outside", "subs", "wanted"),
    [
        (0, 1000, ((5000, 10),), [(0, 1000, 1), (1, 5000, 10)]),
        (3, 1000, ((5000, 10),), [(0, 5000, 3), (3, 1000, 1), (4, 5003, 7)]),
        (50, 1000, ((5000, 10),), [(0, 5000, 10), (50, 1000, 1)]),
        (0, 1000, ((5000, 2), (7000, 2)), [(0, 1000, 1), (1, 5000, 2), (3, 7000, 2)]),
        (0, 1000, ((5000, 4), (5002, 4)), [(0, 1000, 1), (1, 5000, 4), (5, 5004, 2)]),
        (0, 1000, ((999, 3),), [(0, 1000, 1), (1, 999, 1), (2, 1001, 1)]),
        (0, 1000, ((0, 3),), [(0, 1000, 1), (1, 1, 2)]),
        (0, 0, ((5000, 10),), [(0, 5000, 10)]),
        (7, 0, ((5000, 10),), [(0, 5000, 10)]),
        (0, 1000, ((2**32 - 3, 100),), [(0, 1000, 1), (1, 2**32 - 3, 2)]),
        (0, 1000, ((5000, 0),), [(0, 1000, 1)]),
    ],
)
def test_the_caller_and_its_sub_ids_once_each(
    inside: int, outside: int, subs: tuple[tuple[int, int], ...], wanted: list[tuple[int, int, int]]
) -> None:
    assert spans(inside, outside, subs) == tuple(Span(*each) for each in wanted)


def test_never_more_lines_than_the_kernel_takes() -> None:
    assert len(spans(0, 1000, tuple((5000 + 10 * n, 1) for n in range(1000)))) == 340


def test_helpers_are_told_setups_pid_and_the_ids() -> None:
    plan = able().plan("user: {ranges: auto}")
    verify(plan)
    lower(plan, {"TERM": "dumb"})
    numbers = ["0", "1000", "1", "1", "100000", "65536"]
    for program in ("newuidmap", "newgidmap"):
        assert told(plan, program) == [program, Decimal("setup.pid"), *numbers]
    names = [step.call for step in plan.steps]
    forks = [i for i, step in enumerate(plan.steps) if step.yields in ("uidmap", "gidmap")]
    assert max(forks) < names.index("unshare") < names.index("wait4")
    assert not calls(plan, "setresuid", "setresgid", "setfsuid")
    written = [value(s, "buf") for s in calls(plan, "write")]
    assert "deny" not in written
    assert "65536 sub-ids" in plan.exposure.weakened


def test_an_id_of_its_own_leaves_the_others_to_the_range() -> None:
    plan = able().plan("user: {uid: 1000, gid: 7, ranges: auto}")
    assert told(plan, "newuidmap")[2:] == [
        "0", "100000", "1000", "1000", "1000", "1", "1001", "101000", "64536",
    ]  # fmt: skip
    assert told(plan, "newgidmap")[2:] == [
        "0", "100000", "7", "7", "1000", "1", "8", "100007", "65529",
    ]  # fmt: skip


def test_root_lives_on_its_range_and_not_as_itself() -> None:
    plan = root().plan("user: root\nmounts: [{type: proc}]")
    verify(plan)
    assert told(plan, "newuidmap")[2:] == ["0", "100000", "65536"]
    assert not plan.exposure.real_root
    for step in plan.steps:
        assert "masked" not in step.item
    first = [step.call for step in plan.steps if step.role == "init"][:4]
    assert first == ["setresgid", "setresuid", "prctl", "close"]
    assert len(calls(plan, "setfsuid", "setfsgid")) == 4
    assert calls(plan, "setgroups")
    assert not root().plan("capabilities: [SYS_ADMIN]\nuser: {ranges: auto}").exposure.real_root


def test_root_without_a_range_is_itself_and_counted() -> None:
    for world in (root(subuids=()), root(mappers={}), root(subgids=((5, 0),))):
        plan = world.plan("user: root")
        assert plan.exposure.real_root
        assert not calls(plan, "wait4")
    assert refused(root(subuids=()), "user: {ranges: auto}")
    assert refused(root(), "user: {uid: 65536, gid: 0, ranges: auto}") == [
        ("the uid 65536 is above the 65536 sub-ids of root", "")
    ]


@pytest.mark.parametrize(
    ("changes", "message", "remedy"),
    [
        ({"mappers": {}}, "there is no newuidmap", "apt install uidmap"),
        ({"mappers": {"newuidmap": MAPPERS["newuidmap"]}}, "there is no newgidmap", "uidmap"),
        ({"subuids": ()}, "/etc/subuid gives me no range of ids", "usermod --add-subuids"),
        ({"subgids": ()}, "/etc/subgid gives me no range of ids", "usermod --add-subgids"),
        ({"no_new_privs": True}, "no_new_privs was inherited here", "NoNewPrivileges="),
        ({"primary_gid": None}, "uid 1000 has no entry in /etc/passwd", "that the system knows"),
        ({"primary_gid": 5}, "your group is 1000", "newgrp - 5"),
        (
            {"mappers": {**MAPPERS, "newgidmap": replace(MAPPERS["newgidmap"], privileged=False)}},
            "/usr/bin/newgidmap is neither setuid root nor has it capabilities",
            "chmod u+s /usr/bin/newgidmap",
        ),
        (
            {"mappers": {**MAPPERS, "newuidmap": replace(MAPPERS["newuidmap"], nosuid=True)}},
            "/usr/bin/newuidmap lies on a mount with nosuid",
            "without nosuid",
        ),
    ],
)
def test_what_a_host_lacks_is_said_by_name(
    changes: dict[str, object], message: str, remedy: str
) -> None:
    found = refused(able(**changes), "user: {ranges: auto}")
    assert any(message in said and remedy in what for said, what in found), found


def test_groups_are_dropped_where_they_can_be() -> None:
    world = able(groups=(27, 1000))
    assert calls(world.plan("user: {ranges: auto}"), "setgroups")
    plan = world.plan("user: {ranges: auto}\ngroups: keep")
    assert not calls(plan, "setgroups")
    assert "supplementary groups kept" in plan.exposure.weakened
    assert any("supplementary groups stay: 27" in each for each in plan.warnings)
    plan = world.plan("user: root")
    assert not calls(plan, "setgroups")
    assert any("cannot drop them" in each for each in plan.warnings)
    ((message, remedy),) = refused(world, "groups: drop")
    assert "cannot be dropped" in message
    assert "ranges: auto" in remedy
    assert not calls(able().plan("groups: drop"), "setgroups")  # it has none


def test_sysctls_of_ipc_need_root_inside() -> None:
    spec = "mounts: [{type: proc}]\nsysctls: {kernel.msgmax: 4096}\n"
    plan = able().plan(spec + "user: {ranges: auto}")
    assert any(step.item.startswith("sysctl kernel.msgmax") for step in plan.steps)
    assert refused(able(), spec + "user: {uid: 5, gid: 5, ranges: auto}")
