"""Why no box came up: the place in the spec, the step and its call, the cause, the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toyspec.show.paint import BAD, DIM, HEADING, NOTE, Line
from toyspec.show.syscalls import call
from toyspec.show.text import escape, width

if TYPE_CHECKING:
    from toyspec.plan.error import PlanProblem
    from toyspec.plan.step import Plan
    from toyspec.run.failure import Failure
    from toyspec.spec.model import Origin

_WINDOW = 160  # characters of a long line that an excerpt shows


def failure_lines(failure: Failure, plan: Plan, data: bytes) -> list[Line]:
    """The one error of a run that failed. `data`: the spec's text, for the excerpt."""
    step = failure.step
    if step is None:
        return [_error("toyspec", failure.message), *_advice(failure.cause, failure.remedy)]
    lines = _placed(step.origin, plan.spec_path, data, failure.message)
    lines += _told("step", f"{step.id} of {len(plan.steps)}, {step.phase}, in {step.role}", "")
    lines.append([("    ", ""), (call(step), "")])
    if failure.errno is not None:
        lines += _told("errno", f"{failure.errno}, {errno_text(failure.errno)}", "")
    lines += _told("for", step.item if step.why == "" else f"{step.item}: {step.why}", "")
    return lines + _advice(failure.cause, failure.remedy)


def problem_lines(problem: PlanProblem, spec_path: str, data: bytes) -> list[Line]:
    """One thing that stands against a plan on this host."""
    return [
        *_placed(problem.origin, spec_path, data, problem.message),
        *_advice(None, problem.remedy),
    ]


def errno_text(name: str) -> str:
    """What an errno means, in a few words."""
    from toyspec.kernel.errnos import TEXTS

    return next((text for known, text in TEXTS.values() if known == name), "unknown to toyspec")


def _error(place: str, message: str) -> Line:
    return [(f"{place}: ", HEADING), ("error: ", BAD), (escape(message), HEADING)]


def _told(label: str, text: str, style: str) -> list[Line]:
    return [[(f"  {label}: ", DIM), (escape(text), style)]]


def _advice(cause: str | None, remedy: str | None) -> list[Line]:
    lines: list[Line] = []
    if cause:
        lines += _told("likely cause", cause, "")
    if remedy:
        first, *more = remedy.splitlines()
        lines.append([("  what to do: ", NOTE), (escape(first), "")])
        lines += [[("      ", ""), (escape(line), "")] for line in more]
    return lines


def _placed(origin: Origin, spec_path: str, data: bytes, message: str) -> list[Line]:
    if origin.default is not None:
        return [
            _error(escape(spec_path), message),
            *_told("from", f"the default {origin.default}, not from a line of the spec", ""),
        ]
    place = f"{escape(spec_path)}:{origin.line}:{origin.column}"
    return [_error(place, message), *_excerpt(data, origin)]


def _excerpt(data: bytes, origin: Origin) -> list[Line]:
    """The line with a caret below the column."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if not 1 <= origin.line <= len(lines):
        return []
    text = lines[origin.line - 1].decode("utf-8", "replace").rstrip("\r")
    first = max(0, origin.column - 1 - _WINDOW // 2)
    shown = text[first : first + _WINDOW]
    before = " " * width(escape(shown[: origin.column - 1 - first]))
    number = f"{origin.line:>5} | "
    gap = " " * (len(number) - 2) + "| "
    return [[(number, DIM), (escape(shown), "")], [(gap, DIM), (before + "^", BAD)]]
