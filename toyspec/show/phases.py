"""What a view is told of a plan, before it runs."""

from __future__ import annotations

from itertools import groupby

from toyspec.plan.step import HELPERS, INSIDE, Plan, Step
from toyspec.plan.traits import runs_command


def go(plan: Plan) -> int:
    """The id of the read that waits for `go`; 0 where nothing does."""
    before = 0
    for step in plan.steps:
        if runs_command(step):
            return before
        if step.role in INSIDE and step.call == "read":
            before = step.id
    return before


def phases(plan: Plan) -> list[tuple[str, tuple[int, ...]]]:
    """What to publish. First the box: its name, with `go`'s id and the number of all steps. Then
    each phase with the steps that are done before `go`; the others never are, or too late to show.
    """
    last = go(plan)
    forked = next((step.id for step in plan.steps if step.yields == "command"), last)
    after = {step.id for step in plan.steps if _never_done(step, last, forked)}
    told: list[tuple[str, tuple[int, ...]]] = [(plan.box, (last, len(plan.steps)))]
    for phase, steps in groupby(plan.steps, lambda step: step.phase):
        ids = tuple(step.id for step in steps if step.id not in after)
        if ids:
            told.append((phase, ids))
    return told


def _never_done(step: Step, last: int, forked: int) -> bool:
    if step.role in HELPERS and step.call == "execve":
        return True  # whether it did its work, setup's wait tells
    if step.role == "init" and step.id > forked:
        return True  # a reaper's: the command does not wait for it
    return step.call == "supervise" or (step.role in INSIDE and step.id >= last)
