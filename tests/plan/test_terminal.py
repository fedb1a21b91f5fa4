"""The steps that give a box a terminal of its own, wherever its devpts is."""

from __future__ import annotations

import pytest

from tests.plan.world import calls, host, value
from toyspec.plan.step import Expect, Plan, Step

OWN = "/dev/pts/ptmx"


def planned(text: str = "") -> Plan:
    return host(terminal=True).plan(text)


def ioctls(plan: Plan) -> list[str]:
    return [str(value(step, "request")[0]) for step in calls(plan, "ioctl")]  # type: ignore[index]  # a tuple of one name


def opened(plan: Plan) -> Step:
    """The step that makes the pty."""
    return next(step for step in plan.steps if step.yields == "master")


def test_without_a_terminal_there_is_none() -> None:
    plan = host().plan("system: host")
    assert "TIOCGPTPEER" not in ioctls(plan)
    assert calls(plan, "socketpair", "sendmsg") == []
    assert not [step for step in calls(plan, "dup3") if value(step, "newfd") in (0, 1, 2)]
    assert not [step for step in plan.steps if "console" in repr(step.args)]


def test_the_master_goes_to_the_monitor_and_stays_nowhere_else() -> None:
    plan = planned("system: host")
    (sent,) = calls(plan, "sendmsg")
    assert (sent.role, sent.expects) == ("init", Expect(result=1))
    own = [step for step in plan.steps if step.role == "init"]
    after = own[own.index(sent) + 1 :][:2]
    assert [value(step, "fd") for step in after] == ["terminal.write", "master"]
    closed = {(step.role, value(step, "fd")) for step in calls(plan, "close")}
    assert {("monitor", "terminal.write"), ("setup", "terminal.read")} <= closed
    assert ("setup", "terminal.write") in closed
    assert ("monitor", "terminal.read") not in closed


def test_it_is_checked_to_be_one_and_opened_through_no_symlink() -> None:
    plan = planned("system: host")
    made = opened(plan)
    assert (made.call, value(made, "path"), value(made, "dirfd")) == ("openat2", OWN, "AT_FDCWD")
    assert "RESOLVE_NO_SYMLINKS" in repr(made.args)
    following = plan.steps[made.id]
    assert following.expects == Expect(filesystem="DEVPTS_SUPER_MAGIC")


def test_the_streams_are_taken_last_of_all_in_a_session_of_its_own() -> None:
    plan = planned("system: host")
    took = [s for s in plan.steps if s.item == "a session of its own, on its own terminal"]
    assert [step.call for step in took] == ["setsid", "ioctl", "dup3", "dup3", "dup3"]
    assert [value(step, "newfd") for step in took[2:]] == [0, 1, 2]
    apart = host(terminal=True, terminal_errors=False).plan("system: host")
    assert [value(step, "newfd") for step in calls(apart, "dup3")] == [0, 1, 3, 4]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "system: host\nmounts: [{type: tmpfs, target: /dev}]",
        "system: host\nbinds: [/dev/pts]",
        "system: host\nmounts: [{type: tmpfs, target: /dev/pts}]",
        "system: host\nmasked_paths: [/dev/pts]",
        "mounts: [{type: dev, target: /elsewhere}]",
    ],
)
def test_without_a_devpts_at_its_place_one_is_made_that_is_mounted_nowhere(text: str) -> None:
    world = host({"/dev/pts/0": "char 136:0"}, terminal=True)
    plan = world.plan(text)
    made = opened(plan)
    assert (made.call, value(made, "dirfd")) == ("openat", "devpts")
    assert "devpts" in [value(step, "fsname") for step in calls(plan, "fsopen")]
    assert not [step for step in plan.steps if step.item.startswith("/dev/console")]


def test_a_devpts_alone_is_enough() -> None:
    plan = planned("mounts: [{type: devpts, target: /dev/pts}]")
    assert value(opened(plan), "path") == OWN


def test_the_console_is_that_terminal_by_descriptor() -> None:
    plan = planned("system: host")
    (tree, at, moved, *_) = [s for s in plan.steps if s.item.startswith("/dev/console")]
    assert (tree.call, value(tree, "dirfd"), value(tree, "path")) == ("open_tree", "slave", "")
    assert value(at, "path") == "/dev/console"
    assert (value(moved, "from_dirfd"), value(moved, "to_dirfd")) == ("node", "at")
    spec = "system: host\nbinds: [/dev/null:/dev/console:dev]"
    assert not [s for s in planned(spec).steps if s.item.startswith("/dev/console")]


def test_whose_devpts_a_joined_mount_namespace_has_nobody_can_tell() -> None:
    from tests.plan.test_joining import world

    joined = world(terminal=True)
    text = "namespaces: {user: /proc/9/ns/user, mount: /proc/9/ns/mnt}"
    assert value(opened(joined.plan(text)), "dirfd") == "devpts"
