"""exec's plan, made from the plans of boxes: what it does again, in which order, and what is gone by then."""

from __future__ import annotations

import pytest

from tests.golden.plans import HOSTS, SPECS, planned
from toyspec.emit.plan_json import from_json, to_json
from toyspec.plan import calls, terminal
from toyspec.plan.descriptors import ITEM
from toyspec.plan.entering import EnteringError, Entrant, Running, exec_plan
from toyspec.plan.joining import namespaces
from toyspec.plan.step import (
    Environment,
    Fd,
    Flags,
    Int,
    Path,
    Plan,
    Step,
    Stopping,
    Strings,
    Struct,
)
from toyspec.program.verify import verify
from toyspec.values import replace

RUNNING = Running(77, {"user": "0:4:1", "mount": "0:4:2", "pid": "0:4:3"})
ID = Entrant(argv=("id",))
NEEDED = {"life.read", "exec.write", "go.read", "alive.read", "alive.write", "box", "own"}
"""The descriptors, beside the standard streams, that setup has while it joins."""


def made(host: str, name: str, entrant: Entrant = ID) -> Plan:
    return exec_plan(planned(host, name), RUNNING, entrant)


def of(plan: Plan, role: str, phase: str = "") -> list[Step]:
    return [s for s in plan.steps if s.role == role and (not phase or s.phase == phase)]


def opened(steps: list[Step]) -> set[str]:
    """What is open after these steps of the monitor and of setup."""
    found: set[str] = set()
    for step in steps:
        for argument in step.args:
            if isinstance(argument.value, Struct) and argument.value.name == "int[2]":
                found |= {str(end.slot) for _, end in argument.value.fields if isinstance(end, Fd)}
        if step.call in ("pidfd_open", "openat", "openat2") and step.yields:
            found.add(step.yields)
        if step.call == "close":
            closed = step.args[0].value
            assert isinstance(closed, Fd)
            found.discard(str(closed.slot))
    return found


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("name", SPECS)
def test_it_is_a_plan_and_the_same_from_json(host: str, name: str) -> None:
    plan = made(host, name)
    verify(plan)
    read = from_json(to_json(planned(host, name)))
    assert exec_plan(read, RUNNING, ID).steps == plan.steps
    verify(from_json(to_json(plan)))


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("name", SPECS)
def test_init_does_to_itself_what_it_did(host: str, name: str) -> None:
    """In its order; what is left out is the box's, or needed a terminal's."""
    box, plan = planned(host, name), made(host, name)
    before = [
        s for s in of(box, "init", "confine")
        if s.call != "ioctl" and s.item not in (*terminal.ITEMS, ITEM)
    ]  # fmt: skip
    again = [s for s in of(plan, "init", "confine") if s.item != ITEM]
    kept = {(s.call, s.args) for s in again}
    gone = [s.call for s in before if (s.call, s.args) not in kept]
    assert set(gone) <= {"sethostname", "socket", "close", "setdomainname"}
    known = {(s.call, s.args) for s in before}
    new = [s for s in again if (s.call, s.args) not in known]
    assert {s.call for s in new} <= {"setsid", "openat"}
    order = [(s.call, s.args) for s in before if (s.call, s.args) in kept]
    assert [each for each in ((s.call, s.args) for s in again) if each in known] == order


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("name", SPECS)
def test_nothing_of_the_host_is_open_when_it_joins(host: str, name: str) -> None:
    plan = made(host, name)
    joins = next(s for s in plan.steps if s.call == "setns")
    before = [s for s in plan.steps[: joins.id - 1] if s.role in ("monitor", "setup")]
    forked = next(s for s in before if s.yields == "setup")
    inherited = opened([s for s in before if s.id <= forked.id])
    own = opened([s for s in before if s.role == "setup"])
    closed = {str(s.args[0].value.slot) for s in before if s.role == "setup" and s.call == "close"}  # type: ignore[union-attr]
    assert (inherited - closed) | own == NEEDED
    hidden = calls.prctl("PR_SET_DUMPABLE", Int(0))
    setup = [(s.call, s.args) for s in of(plan, "setup")]
    at = setup.index((joins.call, joins.args))
    assert hidden in setup[:at]
    after = [call for call, _ in setup[at + 1 :]]
    assert after[: after.index("clone")] == ["prctl", "close", *["statx"] * 3, "close"]
    assert setup[at + 1] == hidden
    forked = next(s for s in plan.steps if s.yields == "init")
    assert opened(of(plan, "setup")[: of(plan, "setup").index(forked)]) <= {
        "alive.read",
        "alive.write",
    }


def test_everything_is_joined_at_once() -> None:
    box = planned(HOSTS[0], "hello")
    plan = made(HOSTS[0], "hello")
    (joins,) = (s for s in plan.steps if s.call == "setns")
    assert joins.args[1].value == Flags(
        ("CLONE_NEWUSER", "CLONE_NEWNS", "CLONE_NEWPID", "CLONE_NEWNET", "CLONE_NEWUTS",
         "CLONE_NEWIPC", "CLONE_NEWCGROUP")
    )  # fmt: skip
    assert namespaces(box) == ("user", "mount", "pid", "network", "uts", "ipc", "cgroup")


@pytest.mark.parametrize("name", SPECS)
def test_what_was_joined_is_looked_at_before_anything_begins_there(name: str) -> None:
    """By setup, whose namespaces nobody else can change, through what it opened before."""
    plan = made(HOSTS[0], name)
    own = next(s for s in plan.steps if s.yields == "own")
    assert own.args[1].value == Path("/proc/self/ns")
    seen = [s for s in plan.steps if s.call == "statx" and s.args[0].value == Fd("own")]
    assert [s.expects and s.expects.inode for s in seen] == list(RUNNING.inodes.values())
    assert [s.args[1].value for s in seen] == [Path("user"), Path("mnt"), Path("pid_for_children")]
    joins = next(s for s in plan.steps if s.call == "setns")
    begins = next(s for s in plan.steps if s.yields == "init")
    assert own.id < joins.id < seen[0].id
    assert seen[-1].id < begins.id
    assert {s.role for s in (own, joins, *seen, begins)} == {"setup"}


def test_a_step_that_nobody_knows_is_refused() -> None:
    box = planned(HOSTS[0], "hello")
    last = of(box, "init", "confine")[-1]
    odd = replace(last, call="acct")
    changed = replace(box, steps=tuple(odd if s == last else s for s in box.steps))
    with pytest.raises(EnteringError, match=f"step {last.id} of the box's plan, acct"):
        exec_plan(changed, RUNNING, ID)


def executes(plan: Plan) -> list[tuple[object, ...]]:
    return [tuple(a.value for a in s.args) for s in plan.steps if s.call == "execve"]


def test_what_is_executed() -> None:
    box = planned(HOSTS[0], "hello")
    own = executes(box)[-1]
    for entrant in (Entrant(), Entrant(argv=("/bin/id", "-u"), environment=(("A", ("b",)),))):
        path, argv, environment = executes(exec_plan(box, RUNNING, entrant))[-1]
        assert isinstance(environment, Environment)
        assert isinstance(own[2], Environment)
        if entrant.argv:
            assert (path, argv) == (Path("/bin/id"), Strings(entrant.argv))
            assert environment.entries == (*own[2].entries, ("A", ("b",)))
        else:
            assert (path, argv, environment) == own
    replaced = Entrant(argv=("id",), environment=(("PATH", ("/x:/y",)),))
    found = [path for path, _, _ in executes(exec_plan(box, RUNNING, replaced))]
    assert found == [Path("/x/id"), Path("/y/id")]


def test_where_it_begins() -> None:
    box = planned(HOSTS[0], "hello")
    plan = exec_plan(box, RUNNING, Entrant(argv=("id",), working_dir="/tmp"))
    (step,) = (s for s in plan.steps if s.call == "chdir")
    assert step.args == calls.chdir("/tmp")[1]
    assert plan.steps[step.id].call == "getcwd"


@pytest.mark.parametrize("kept", [None, 3, 9])
def test_the_caller_s_descriptors_are_closed_first(kept: int | None) -> None:
    box = planned(HOSTS[0], "hello")
    plan = exec_plan(box, RUNNING, Entrant(argv=("id",), kept=kept))
    numbers = [
        (first.value, last.value)
        for step in of(plan, "monitor")
        if step.call == "close_range"
        for first, last in [(step.args[0].value, step.args[1].value)]
        if isinstance(first, Int) and isinstance(last, Int)
    ]
    everything = set(range(3, 20)) - {kept}
    assert {n for n in range(3, 20) if any(a <= n <= b for a, b in numbers)} == everything
    assert numbers[-1][1] == 0xFFFFFFFF
    assert plan.steps[len(numbers) - 1].call == "close_range"
    mine = [s.args[0].value for s in of(plan, "setup", "prepare") if s.call == "close"]
    assert (Fd(kept) in mine) == (kept is not None) if kept else True


def test_a_kernel_without_close_range() -> None:
    box = planned(HOSTS[0], "hello")
    old = replace(box, host=tuple(("close_range_cloexec", False) if row[0] == "close_range_cloexec" else row for row in box.host))  # fmt: skip
    plan = exec_plan(old, RUNNING, Entrant(argv=("id",), inherited=(4, 5, 7), kept=5))
    closed = [s for s in of(plan, "monitor") if s.tolerates == ("EBADF",)]
    assert [s.args[0].value for s in closed] == [Fd(4), Fd(7)]
    assert [s.id for s in closed] == [1, 2]


def test_a_terminal_gets_its_filter_first() -> None:
    box = planned(HOSTS[0], "hello")
    plan = exec_plan(box, RUNNING, Entrant(argv=("id",), tty=True))
    confined = of(plan, "init", "confine")
    at = [n for n, s in enumerate(confined) if s.call == "seccomp"]
    assert confined[at[0]].item == "no input pushed into your terminal"
    assert confined[at[0] - 1].call in ("prctl", "close_range")
    again = exec_plan(plan, RUNNING, Entrant(argv=("id",), tty=True))
    assert [s.call for s in again.steps].count("seccomp") == len(at)


def without(box: Plan, *options: str) -> Plan:
    """The plan without its filters, and without some calls of prctl."""
    left = [
        s
        for s in box.steps
        if s.call != "seccomp" and not (s.call == "prctl" and s.args[0].value == Flags(options))
    ]
    return replace(box, steps=tuple(replace(s, id=n) for n, s in enumerate(left, 1)))


def test_a_terminal_s_filter_where_the_box_has_none() -> None:
    box = planned(HOSTS[0], "hello")
    for bare, before in (
        (without(box), "prctl"),
        (without(box, "PR_SET_NO_NEW_PRIVS"), ""),
    ):
        plan = exec_plan(bare, RUNNING, Entrant(argv=("id",), tty=True))
        confined = of(plan, "init", "confine")
        (at,) = (n for n, s in enumerate(confined) if s.call == "seccomp")
        if before:
            assert at == len(confined) - 1
        else:
            dropped = next(n for n, s in enumerate(confined) if s.args and s.args[0].value == Flags(("PR_CAPBSET_DROP",)))  # fmt: skip
            assert at == dropped - 1


def test_a_signal_to_stop_the_box_is_not_the_command_s() -> None:
    box = replace(planned(HOSTS[0], "hello"), stopping=Stopping("SIGQUIT", 7000))
    assert exec_plan(box, RUNNING, ID).stopping == Stopping("SIGTERM", 7000)
