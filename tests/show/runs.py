"""A run without a box: a shared page that a test fills as an executor would."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.show.plans import plan
from toyspec.plan.step import Plan, Role, Step
from toyspec.run.progress import Progress, labels
from toyspec.show.phases import go, phases

MS = 1_000_000


def published(progress: Progress, made: Plan | None = None, now: int | None = None) -> Plan:
    """Publish the phases of `made`, as `up` does just before a run."""
    made = made or plan()
    progress.publish(labels(phases(made)), time.monotonic_ns() if now is None else now)
    return made


def begin(progress: Progress, role: Role, step: int) -> None:
    """`role` is about to make a call."""
    progress.cells[progress.current_cell(role)] = step


def until_go(made: Plan) -> Iterator[Step]:
    """The steps that are done before init waits."""
    last = go(made)
    yield from (step for step in made.steps if step.id < last and step.call != "supervise")


def build(progress: Progress, made: Plan) -> None:
    """Every step of the box, then init at its read."""
    for step in until_go(made):
        begin(progress, step.role, step.id)
        progress.done(step.id, time.monotonic_ns(), 0)
    begin(progress, "init", go(made))
