"""Whether a filter that the plan itself installs is why one of its later steps failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toyspec.kernel.errnos import NUMBERS

if TYPE_CHECKING:
    from toyspec.plan.step import Plan, Step

Cause = tuple[str, str]
"""A cause and a remedy."""

SIGSYS = 31
"""What a filter kills with, on all architectures of ours (asm-generic/signal.h)."""


def filtered(plan: Plan, step: Step, errno: str) -> Cause | None:
    """The cause where an earlier filter may answer the step's call with this errno."""
    filters = _before(plan, step)
    if not filters:
        return None
    from toyspec.plan.filters import answers_to
    from toyspec.plan.seccomp.outcomes import ERRNO

    for each in filters:
        if ERRNO | NUMBERS[errno] in answers_to(each, step, plan.arch):
            return (
                f"step {each.id}, {each.item}, may have refused {step.call}(2)",
                f"let {step.call} through in the profile; `plan -v` shows what it does",
            )
    return None


def killed_by_filter(plan: Plan, step: Step | None) -> Cause | None:
    """The cause of a SIGSYS at, or just after, a step."""
    filters = _before(plan, step) if step is not None else []
    if not filters:
        return None
    last = filters[-1]
    return (
        f"a call that the profile kills for: step {last.id}, {last.item}",
        "toyspec's own process goes on until the execve, and needs memory calls (mmap, munmap, brk) "
        "besides the plan's steps",
    )


def _before(plan: Plan, step: Step) -> list[Step]:
    return [
        each
        for each in plan.steps[: step.id - 1]
        if each.call == "seccomp" and each.role == step.role
    ]
