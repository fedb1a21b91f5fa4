"""Why no box came up: the place in the spec, the step and its call, the cause, the remedy."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from toyspec.show.diagnostics import render as render_problems
from toyspec.show.paint import DIM, NOTE, Line, render
from toyspec.show.syscalls import call
from toyspec.show.text import escape
from toyspec.spec.problem import Problem

if TYPE_CHECKING:
    from toyspec.plan.error import PlanError
    from toyspec.plan.step import Plan
    from toyspec.run.failure import Failure
    from toyspec.spec.model import Origin

_WORD_ENDS = " \t,]}#"
_CLOSING = {"{": "}", "[": "]"}


def failure_text(failure: Failure, plan: Plan, data: bytes, colour: bool) -> str:
    """The one error of a run that failed. `data`: the spec's text, for the excerpt."""
    step = failure.step
    if step is None:
        problem = Problem("toyspec", 0, 0, 0, failure.message)
        return _problem_text(problem, colour) + render(_advice(failure), colour)
    lines = [
        _told("step", f"{step.id} of {len(plan.steps)}, in {step.role}: {call(step, met=False)}"),
        _told("which is", f"{step.item}: {step.why}"),
    ]
    if step.origin.default is not None:
        lines.append(_told("asked for by", f"{step.origin.default}; no line of the spec"))
    if failure.errno is not None:
        lines.append(_told("errno", f"{failure.errno}, {errno_text(failure.errno)}"))
    problem = _placed(step.origin, plan.spec_path, data, failure.message)
    return _problem_text(problem, colour) + render(lines + _advice(failure), colour)


def advice_text(failure: Failure) -> str:
    """Its cause and its remedy alone, each in a line of its own."""
    return render(_advice(failure), colour=False)


def plan_error_text(error: PlanError, spec_path: str, data: bytes, colour: bool) -> str:
    """What stands against a plan on this host, each at its line of the spec."""
    problems = [
        _placed(each.origin, spec_path, data, each.message, each.remedy or "")
        for each in error.problems
    ]
    problems.sort(key=lambda problem: (problem.line, problem.column))
    return render_problems(tuple(problems), colour)


def errno_text(name: str) -> str:
    """What an errno means, in a few words."""
    from toyspec.kernel.errnos import TEXTS

    return next((text for known, text in TEXTS.values() if known == name), "unknown to toyspec")


def _problem_text(problem: Problem, colour: bool) -> str:
    return render_problems((problem,), colour)


def _told(label: str, text: str) -> Line:
    return [(f"    {label}: ", DIM), (escape(text), "")]


def _advice(failure: Failure) -> list[Line]:
    lines: list[Line] = []
    if failure.cause:
        lines.append(_told("likely cause", failure.cause))
    if failure.remedy:
        first, *more = failure.remedy.splitlines()
        lines.append([("    what to do: ", NOTE), (escape(first), "")])
        lines += [[("      ", ""), (escape(line), "")] for line in more]
    return lines


def _placed(origin: Origin, path: str, data: bytes, message: str, remedy: str = "") -> Problem:
    """The message at its line, with the value there marked; without a line where a default asked."""
    text = _line(data, origin.line)
    if origin.default is not None or text is None:
        return Problem(path, 0, 0, 0, message, help=remedy, key=origin.path)
    end = _value_end(text, origin.column - 1) + 1
    return Problem(
        path=path,
        line=origin.line,
        column=origin.column,
        end_column=max(end, origin.column + 1),
        message=message,
        help=remedy,
        key=origin.path,
        excerpt=text,
    )


def _value_end(text: str, at: int) -> int:
    """Where what begins at `at` ends: quoted or in brackets as its own end says, else a word.

    What goes on in a later line ends with this one.
    """
    first = text[at : at + 1]
    if first in ("'", '"'):
        return _quoted_end(text, at)
    if first not in _CLOSING:
        return _word_end(text, at)
    open_: list[str] = []
    while at < len(text):
        if text[at] in ("'", '"') and text[at - 1] in " \t,:[{":
            at = _quoted_end(text, at)
            continue
        if text[at] in _CLOSING:
            open_.append(_CLOSING[text[at]])
        elif open_ and text[at] == open_[-1]:
            open_.pop()
        elif text[at] == "#" and text[at - 1] in " \t":
            return len(text[:at].rstrip())
        at += 1
        if not open_:
            return at
    return len(text.rstrip())


def _quoted_end(text: str, at: int) -> int:
    """Behind the closing quote; in double quotes a backslash escapes, in single ones a second quote."""
    mark, at = text[at], at + 1
    while at < len(text):
        if (mark == '"' and text[at] == "\\") or (mark == "'" and text[at : at + 2] == "''"):
            at += 2
        elif text[at] == mark:
            return at + 1
        else:
            at += 1
    return len(text.rstrip())


def _word_end(text: str, at: int) -> int:
    while at < len(text) and text[at] not in _WORD_ENDS:
        if text.startswith("${", at) and "}" in text[at:]:
            at = text.index("}", at)
        at += 1
    return at


def _line(data: bytes, number: int) -> str | None:
    lines = _lines(data)
    if not 1 <= number <= len(lines):
        return None
    return lines[number - 1].decode("utf-8", "replace").rstrip("\r")


@lru_cache(1)
def _lines(data: bytes) -> list[bytes]:
    """Of one spec, however many of its steps are spoken of."""
    return data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
