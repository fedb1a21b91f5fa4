"""A problem in a spec, and the error that carries all of them."""

from __future__ import annotations

from typing import Literal

from toyspec.values import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong at one place.

    `line`, `column` and `end_column` count characters from 1, `end_column` is the first one after
    the marked text; all are 0 where the place is not in the file (a command line option).
    `label` stands under the caret, `help` says what to do. `excerpt` is the line, or of a long
    line a window that begins at `excerpt_column`. `key` is the key path (`binds[0].target`).
    """

    path: str
    line: int
    column: int
    end_column: int
    message: str
    label: str = ""
    help: str = ""
    key: str = ""
    severity: Literal["error", "warning"] = "error"
    excerpt: str = ""
    excerpt_column: int = 1


class SpecError(Exception):
    """The spec is not valid. `problems` are in order of position, and never empty."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{first.path}:{first.line}:{first.column}: {first.message}{more}")
