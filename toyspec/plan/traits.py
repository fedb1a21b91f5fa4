"""What a plan's steps tell about the box as a whole, for whoever runs or emits it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toyspec.plan.step import Flags

if TYPE_CHECKING:
    from toyspec.plan.step import Plan, Step


def takes_foreground(plan: Plan) -> bool:
    """Whether init takes the terminal's foreground while it is built."""
    return any(
        argument.value == Flags(("TIOCSPGRP",)) for step in plan.steps for argument in step.args
    )


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


def init_step(plan: Plan) -> Step:
    """The step that forks init."""
    return next(step for step in plan.steps if step.yields == "init")


def go_step(plan: Plan) -> Step:
    """The step in which init waits until it may execute its command."""
    return next(step for step in plan.steps if step.phase == "exec")
