"""Namespaces that are joined, and clocks of the box's own, as steps; and what a host does not allow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.plan.world import World, calls, host, value
from toyspec.host.facts import FactMissing, NamespaceFact
from toyspec.plan.error import PlanError
from toyspec.plan.step import Expect, Plan

OWN: dict[str, str] = {
    kind: f"0:4:{number}"
    for number, kind in enumerate(
        ("mount", "user", "pid", "network", "uts", "ipc", "cgroup", "time"), 1
    )
}
MINE = (("0:4:50", 1000), (OWN["user"], 0))
"""A user namespace that the caller made, below the caller's own."""
HELD: dict[str, NamespaceFact] = {
    "/proc/9/ns/user": NamespaceFact(
        "user", "0:4:50", MINE, uid_map=((0, 1000, 1),), gid_map=((7, 1000, 1),)
    ),
    "/proc/9/ns/net": NamespaceFact("network", "0:4:51", MINE),
    "/proc/9/ns/mnt": NamespaceFact("mount", "0:4:54", MINE),
    "/proc/9/ns/uts": NamespaceFact("uts", "0:4:52", MINE),
    "/proc/9/ns/pid": NamespaceFact("pid", "0:4:53", MINE, parents=("0:4:53", OWN["pid"])),
    "/proc/self/ns/ipc": NamespaceFact("ipc", OWN["ipc"], MINE[1:]),
    "/proc/self/ns/pid": NamespaceFact("pid", OWN["pid"], MINE[1:], parents=(OWN["pid"],)),
    "/proc/self/ns/user": NamespaceFact("user", OWN["user"], MINE[1:]),
    "/proc/8/ns/user": NamespaceFact("user", "0:4:60", (("0:4:60", 1000), *MINE[1:])),
    "/proc/7/ns/user": NamespaceFact("user", "0:4:70", (("0:4:70", 1001), *MINE[1:])),
    "/proc/6/ns/user": NamespaceFact("user", "0:4:80", (("0:4:80", 1000), *MINE[1:]),
                                     uid_map=((0, 5, 1),), gid_map=((0, 5, 1),)),
    "/proc/5/ns/user": NamespaceFact("user", "0:4:81"),
    "/proc/5/ns/net": NamespaceFact("network", "0:4:82"),
    "/proc/4/ns/net": NamespaceFact("network", "0:4:83", (("0:4:60", 1000), *MINE[1:])),
    "/proc/4/ns/pid": NamespaceFact("pid", "0:4:84", MINE),
    "/proc/3/ns/net": NamespaceFact("denied"),
    "/etc/hosts": NamespaceFact("other"),
    "/run/netns/vpn": NamespaceFact("network", "0:4:90", MINE[1:]),
}  # fmt: skip


def world(**changes: object) -> World:
    """A host whose caller holds the namespaces of process 9."""
    made = host(None, own_namespaces=OWN, **changes)
    made.spaces = HELD
    return made


def steps(plan: Plan) -> list[tuple[str, object]]:
    """The phase's calls, each with what says most about it."""
    said = {"openat": "path", "setns": "nstype", "unshare": "flags", "prctl": "option",
            "write": "buf"}  # fmt: skip
    found = [step for step in plan.steps if step.phase == "namespaces"]
    return [(s.call, value(s, said[s.call]) if s.call in said else s.expects) for s in found]


def test_the_user_namespace_is_joined_first_and_has_its_maps() -> None:
    text = "namespaces: {network: /proc/9/ns/net, user: /proc/9/ns/user}\netc: auto"
    plan = world().plan(text)
    assert steps(plan) == [
        ("openat", "/proc/9/ns/user"),
        ("statx", Expect(inode="0:4:50")),
        ("openat", "/proc/9/ns/net"),
        ("statx", Expect(inode="0:4:51")),
        ("prctl", ("PR_SET_DUMPABLE",)),
        ("setns", ("CLONE_NEWUSER",)),
        ("prctl", ("PR_SET_DUMPABLE",)),
        ("close", None),
        ("prctl", ("PR_SET_PDEATHSIG",)),
        ("read", Expect(errno="EAGAIN")),
        ("setns", ("CLONE_NEWNET",)),
        ("close", None),
        ("unshare", ("CLONE_NEWNS", "CLONE_NEWPID", "CLONE_NEWUTS", "CLONE_NEWIPC", "CLONE_NEWCGROUP")),
    ]  # fmt: skip
    assert not [step for step in plan.steps if step.phase == "identity"]
    assert not [step for step in plan.steps if "loopback" in step.item]
    assert any("root:x:0:0:root" in str(step.args) for step in plan.steps)
    assert plan.exposure.network == "joined"
    assert plan.exposure.weakened == (
        "user namespace of /proc/9/ns/user", "network namespace of /proc/9/ns/net",
    )  # fmt: skip
    assert plan.warnings == ()


def test_the_caller_s_own_is_looked_at_and_kept() -> None:
    plan = world().plan("namespaces: {ipc: /proc/self/ns/ipc}")
    found = steps(plan)
    assert found[:3] == [
        ("openat", "/proc/self/ns/ipc"), ("statx", Expect(inode=OWN["ipc"])), ("close", None),
    ]  # fmt: skip
    assert len(found) == 4
    assert "CLONE_NEWIPC" not in str(found[3])
    assert plan.exposure.weakened == ("ipc namespace of the host",)


def test_in_a_joined_pid_namespace_a_box_has_a_terminal_of_its_own_too() -> None:
    text = "namespaces: {pid: /proc/9/ns/pid, user: /proc/9/ns/user}\nmounts: [{type: proc}]"
    plan = world(terminal=True).plan(text)
    (step,) = [s for s in calls(plan, "ioctl") if value(s, "request") == ("TIOCSCTTY",)]
    assert step.role == "init"
    (warning,) = plan.warnings
    assert "lives on when the box ends" in warning


def test_root_needs_to_join_no_user_namespace() -> None:
    root = world(uid=0, gid=0, groups=(0,), home="/root")
    found = steps(root.plan("namespaces: {network: /run/netns/vpn}"))
    assert [call for call, _ in found] == ["openat", "statx", "setns", "close", "unshare"]
    assert found[-1][1] == (
        "CLONE_NEWUSER", "CLONE_NEWNS", "CLONE_NEWPID", "CLONE_NEWUTS", "CLONE_NEWIPC",
        "CLONE_NEWCGROUP",
    )  # fmt: skip


def test_clocks_are_opened_first_and_written_after_unshare() -> None:
    plan = world().plan("namespaces: {time: {boottime: 3600, monotonic: -1.25}}")
    found = steps(plan)
    assert found[0] == ("openat", "/proc/self/timens_offsets")
    assert "CLONE_NEWTIME" in str(found[2])
    assert found[3] == ("write", "monotonic -2 750000000\nboottime 3600 0\n")
    forked = next(step.id for step in plan.steps if step.yields == "init")
    assert calls(plan, "write")[0].id < forked
    assert plan.exposure.weakened == ()


@pytest.mark.parametrize("text", ["namespaces: {time: new}", "namespaces: {time: {boottime: 0}}"])
def test_a_new_time_namespace_without_offsets(text: str) -> None:
    found = steps(world().plan(text))
    assert [call for call, _ in found] == ["unshare"]
    assert "CLONE_NEWTIME" in str(found)


def test_clocks_are_the_host_s_by_default() -> None:
    for text in ("", "namespaces: {time: host}"):
        assert "CLONE_NEWTIME" not in str(steps(host().plan(text)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("network: /run/gone", "no namespace at /run/gone"),
        ("network: /proc/3/ns/net", "uid 1000 may not look at /proc/3/ns/net"),
        ("network: /etc/hosts", "/etc/hosts is not a namespace's file"),
        ("ipc: /proc/9/ns/uts", "/proc/9/ns/uts is of another type, uts: here an ipc namespace belongs"),
        ("pid: /proc/self/ns/pid", "/proc/self/ns/pid is your own pid namespace: a box's is never the host's"),
        ("user: /proc/self/ns/user", "/proc/self/ns/user is your own user namespace: a box's is never the host's"),
        ("user: /proc/8/ns/user", "the user namespace /proc/8/ns/user does not say who the box's user would be"),
        ("user: /proc/7/ns/user", "the user namespace /proc/7/ns/user was made by uid 1001: only that user, and root, may join it"),
        ("user: /proc/6/ns/user", "the user namespace /proc/6/ns/user has no id for 1000:1000, yours"),
        ("user: /proc/5/ns/user", "the user namespace /proc/5/ns/user is not below your own"),
        ("network: /proc/5/ns/net", "the network namespace /proc/5/ns/net belongs to a user namespace that is not below yours"),
        ("network: /proc/9/ns/net", "the network namespace /proc/9/ns/net belongs to the user namespace user:[50], which the box does not join"),
        ("user: /proc/9/ns/user, network: /proc/4/ns/net",
         "the network namespace /proc/4/ns/net belongs to the user namespace user:[60], and the box joins user:[50]"),
        ("user: /proc/9/ns/user, network: /run/netns/vpn",
         "the network namespace /run/netns/vpn belongs to the user namespace user:[2], and the box joins user:[50]"),
        ("user: /proc/9/ns/user, pid: /proc/4/ns/pid", "the pid namespace /proc/4/ns/pid is not below your own: Linux lets nobody in"),
    ],
)  # fmt: skip
def test_what_cannot_be_joined(text: str, said: str) -> None:
    with pytest.raises(PlanError) as error:
        world().plan(f"namespaces: {{{text}}}")
    assert [problem.message for problem in error.value.problems] == [said]
    assert error.value.problems[0].origin.line > 0


def test_the_remedy_names_the_user_namespace_beside_it() -> None:
    with pytest.raises(PlanError) as error:
        world().plan("namespaces: {network: /proc/9/ns/net}")
    assert "user: /proc/9/ns/user" in (error.value.problems[0].remedy or "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("namespaces: {pid: /proc/9/ns/pid}\nmounts: [{type: proc}]",
         "a proc of a pid namespace that the box's user namespace does not own"),
        ("namespaces: {pid: /proc/9/ns/pid}\nsystem: host",
         "a proc of a pid namespace that the box's user namespace does not own"),
        ("namespaces: {ipc: /proc/self/ns/ipc}\nmounts: [{type: mqueue}]",
         "an mqueue of an ipc namespace that the box's user namespace does not own"),
        ("namespaces: {network: /run/netns/vpn}\nmounts: [{type: sysfs}]",
         "a sysfs of a network namespace that the box's user namespace does not own"),
    ],
)  # fmt: skip
def test_what_root_joins_without_its_user_namespace_shows_nowhere(text: str, said: str) -> None:
    with pytest.raises(PlanError) as error:
        world(uid=0, gid=0, groups=(0,), home="/root").plan(text)
    assert [problem.message for problem in error.value.problems] == [said]


def test_sysctls_of_a_joined_namespace_are_not_the_box_s() -> None:
    text = (
        "namespaces: {user: /proc/9/ns/user, network: /proc/9/ns/net}\nmounts: [{type: proc}]\n"
        "sysctls: {net.core.somaxconn: 7}\ndisable_user_namespaces: true"
    )
    with pytest.raises(PlanError) as error:
        world().plan(text)
    assert [problem.message for problem in error.value.problems] == [
        "net.core.somaxconn: the network namespace is not the box's own",
        "the user namespace is not the box's: it cannot be told to make no others",
    ]


def test_a_kernel_without_time_namespaces() -> None:
    old = world(kernel="5.4.0")
    old.facts = replace(old.facts, own_namespaces={k: v for k, v in OWN.items() if k != "time"})
    with pytest.raises(PlanError) as error:
        old.plan("namespaces: {time: {boottime: 1}}")
    assert [problem.message for problem in error.value.problems] == [
        "this kernel (5.4.0) has no time namespaces; Linux 5.6 has them"
    ]


@pytest.mark.parametrize(
    "text", ["namespaces: {time: new}", "namespaces: {ipc: /proc/self/ns/ipc}"]
)
def test_facts_that_were_not_recorded_are_asked_for(text: str) -> None:
    bare = host()
    bare.spaces = HELD
    with pytest.raises(FactMissing):
        bare.plan(text)
