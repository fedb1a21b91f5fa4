"""What a plan's steps tell about the box as a whole, for whoever runs or emits it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toyspec.plan.step import INSIDE, Flags

_RTMIN = 34  # as glibc counts (signal(7))

if TYPE_CHECKING:
    from toyspec.plan.step import Plan, Role, Step


def is_detached(plan: Plan) -> bool:
    """Whether what the box prints is read and kept by its monitor."""
    return any(
        argument.name == "out"
        for step in plan.steps
        if step.call == "supervise"
        for argument in step.args
    )


def is_pid_1(plan: Plan) -> bool:
    """Whether init begins a pid namespace, and has not joined one."""
    return any(
        "CLONE_NEWPID" in argument.value.names
        for step in plan.steps
        if step.call == "unshare"
        for argument in step.args
        if isinstance(argument.value, Flags)
    )


def closes_all(plan: Plan) -> bool:
    """Whether a step of init's sees to it that no descriptor above 2 crosses, whichever they are."""
    return any(
        step.call == "close_range" and step.phase == "confine" and step.role == "init"
        for step in plan.steps
    )


def is_seen(plan: Plan) -> bool:
    """Whether others may look at the process that executes the box's command, before it does or once
    it was told to execute its own program again: whoever is not the first of a pid namespace of its own.
    """
    return reaps(plan) or not is_pid_1(plan)


def init_step(plan: Plan) -> Step:
    """The step that forks init."""
    return next(step for step in plan.steps if step.yields == "init")


def dies_with_caller(plan: Plan) -> bool:
    """Whether the box ends with whoever started the monitor."""
    death = Flags(("PR_SET_PDEATHSIG",))
    return any(
        step.call == "prctl" and step.args[0].value == death
        for step in plan.steps
        if step.role == "monitor"
    )


def stop_number(plan: Plan) -> int:
    """The number of the signal that asks the box to end."""
    from toyspec.kernel.flags import flags

    name, plus, above = plan.stopping.signal.partition("+")
    return _RTMIN + int(above) if plus else flags("signal", plan.arch)[name]


def executing(plan: Plan) -> Role:
    """Who becomes the box's command: init, or the command of a reaper."""
    return plan.steps[-1].role


def reaps(plan: Plan) -> bool:
    """Whether init is a reaper, and the box's command its child."""
    return executing(plan) == "command"


def runs_command(step: Step) -> bool:
    """Whether it is an execve of the box's command."""
    return step.call == "execve" and step.role in INSIDE


def go_step(plan: Plan) -> Step:
    """The step in which the box's command waits until it may be executed."""
    return next(step for step in plan.steps if step.phase == "exec")
