"""What a run comes to: an exit status, and, where there never was a box, why."""

from __future__ import annotations

from toyspec.plan.step import Step
from toyspec.values import dataclass

FAILED = 125
CANNOT_EXECUTE = 126
NOT_FOUND = 127


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed run: the step, the errno's name, what happened, why probably, what to do."""

    step: Step | None
    errno: str | None
    message: str
    cause: str | None = None
    remedy: str | None = None
    status: int = FAILED


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` is the exit status (128 + n where signal n ended init); `said` one sentence more.

    `changes`: what became of what the plan watches, a sentence each. `interrupted`: see `run.interrupted`.
    """

    status: int
    failure: Failure | None = None
    said: str | None = None
    changes: tuple[str, ...] = ()
    interrupted: int = 0
