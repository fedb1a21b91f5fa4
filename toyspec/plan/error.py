"""What a plan cannot be made of: problems of a valid spec on this host, all at once."""

from __future__ import annotations

from toyspec.spec.model import Origin
from toyspec.values import dataclass


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """One problem: what, where in the spec, and what to do about it."""

    message: str
    origin: Origin
    remedy: str | None = None


class PlanError(Exception):
    """The spec is valid, but no plan can be made of it on this host."""

    def __init__(self, *problems: PlanProblem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems
