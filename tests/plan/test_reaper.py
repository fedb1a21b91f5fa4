"""A reaper's steps: whose they are, in what order, and what a filter must not keep from it."""

from __future__ import annotations

import pytest

from tests.plan.test_filters import allow, planned, profile, refuse, refused
from tests.plan.test_joining import world
from tests.plan.world import calls, host, old, value
from toyspec.plan.reaper import CALLS
from toyspec.plan.step import Plan, Step
from toyspec.plan.traits import dies_with_caller, executing, go_step, reaps, stop_number
from toyspec.program.verify import verify

REAPER = "reaper: true\n"


def of(plan: Plan, role: str) -> list[Step]:
    return [step for step in plan.steps if step.role == role]


def test_pid_1_executes_nothing_and_holds_nothing() -> None:
    plan = host().plan(REAPER)
    verify(plan)
    init = of(plan, "init")
    assert [step.call for step in init[-4:]] == ["prctl", "clone", "close_range", "supervise"]
    assert value(init[-4], "option") == ("PR_SET_DUMPABLE",)
    assert value(init[-3], "flags") == ("SIGURG",)
    assert not any(step.call == "execve" for step in init)
    assert (reaps(plan), executing(plan)) == (True, "command")


def test_the_command_is_told_to_go_and_unblocks_signals_last() -> None:
    plan = host().plan(REAPER)
    command = of(plan, "command")
    assert [step.call for step in command[-3:]] == ["read", "rt_sigprocmask", "execve"]
    assert command[-3] == go_step(plan)
    assert calls(plan, "rt_sigprocmask")[-1] is command[-2]
    assert len(calls(plan, "rt_sigprocmask")) == 2  # the monitor blocks all, once


def test_limits_are_the_commands_alone() -> None:
    """One on the number of processes would keep PID 1 from forking it."""
    limited = host(rlimits={"nproc": (10, 20)})
    plan = limited.plan(REAPER + "ulimits: {nproc: 1}\n")
    assert [step.role for step in calls(plan, "prlimit64")] == ["command"]
    assert [step.role for step in calls(limited.plan("ulimits: {nproc: 1}"), "prlimit64")] == [
        "init"
    ]


def test_without_one_nothing_of_it_is_there() -> None:
    plan = host().plan("")
    assert not of(plan, "command")
    assert (reaps(plan), executing(plan)) == (False, "init")


def test_in_a_joined_pid_namespace_it_is_no_pid_1() -> None:
    text = "namespaces: {pid: /proc/9/ns/pid, user: /proc/9/ns/user}\n"
    plan = world().plan(REAPER + text)
    verify(plan)
    options = [value(step, "option") for step in calls(plan, "prctl") if step.role == "init"]
    assert options[-2:] == [("PR_SET_DUMPABLE",), ("PR_SET_CHILD_SUBREAPER",)]
    own = [value(step, "option") for step in calls(plan, "prctl") if step.role == "command"]
    assert own == [
        ("PR_SET_PDEATHSIG",)
    ]  # others are there: it cannot be looked into before its execve


def test_an_older_kernel_closes_one_by_one() -> None:
    plan = old(host()).plan(REAPER)
    verify(plan)
    init = of(plan, "init")
    after = init[next(n for n, step in enumerate(init) if step.yields == "command") + 1 :]
    assert [step.call for step in after[:-1]] == ["close"] * (len(after) - 1)
    assert {"exec.write", "go.read", 0, 1, 2} <= {value(step, "fd") for step in after[:-1]}


@pytest.mark.parametrize("name", CALLS)
def test_a_profile_that_keeps_the_reaper_from_its_work_is_refused(name: str) -> None:
    asked = profile("SCMP_ACT_ALLOW", refuse(name))
    assert refused(host(), asked, REAPER) == [
        f"p.json does not let {name}(2) through (errno EPERM)"
    ]
    planned(host(), asked)


def test_what_it_needs_and_no_more() -> None:
    names = (
        "prctl", "clone", "close_range", "setsid", "rt_sigaction", "read", "rt_sigprocmask", "execve",
    )  # fmt: skip
    planned(host(), profile("SCMP_ACT_ERRNO", allow(*names, *CALLS)), REAPER)


def test_what_ends_a_box_stands_in_its_plan() -> None:
    plan = host().plan("stop_signal: SIGRTMIN+3\nstop_grace_period: 1m30s\n")
    assert (stop_number(plan), plan.stopping.grace) == (37, 90_000)
    assert (stop_number(host().plan("")), host().plan("").stopping.grace) == (15, 10_000)
    assert dies_with_caller(host().plan(""))
    assert not dies_with_caller(host().plan("die_with_parent: false"))
