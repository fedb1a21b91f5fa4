"""Problems of a spec as a person reads them, and as JSON for tools. Needs no rich."""

from __future__ import annotations

from toyspec.spec.problem import Problem
from toyspec.spec.shown import escape

WIDTH = 100
"""Columns of an excerpt; a longer line is shown around its caret."""
_RED, _BLUE, _BOLD, _OFF = "\x1b[1;31m", "\x1b[34m", "\x1b[1m", "\x1b[0m"
_YELLOW = "\x1b[1;33m"


def render(problems: tuple[Problem, ...], colour: bool = False) -> str:
    """Every problem with its place, excerpt and caret, separated by empty lines.

    Ends with a newline. Control characters that come from the spec are escaped.
    """
    return "\n".join(_one(problem, colour) for problem in problems)


def to_json(problems: tuple[Problem, ...]) -> str:
    """A JSON object with the list of problems; ends with a newline."""
    import json
    from dataclasses import asdict

    listed = [asdict(problem) for problem in problems]
    return json.dumps({"format": "toyspec-problems", "problems": listed}, indent=2) + "\n"


def _one(problem: Problem, colour: bool) -> str:
    place = escape(problem.path)
    if problem.line:
        place += f":{problem.line}:{problem.column}"
    shade = _RED if problem.severity == "error" else _YELLOW
    severity = _paint(problem.severity, shade, colour)
    lines = [f"{_paint(place, _BOLD, colour)}: {severity}: {escape(problem.message)}"]
    if problem.line and problem.excerpt.strip():
        lines += _excerpt(problem, shade, colour)
    elif problem.label:
        lines.append(f"    {escape(problem.label)}")
    if problem.help:
        lines.append(f"    {_paint('help', _BLUE, colour)}: {escape(problem.help)}")
    return "\n".join(lines) + "\n"


def _excerpt(problem: Problem, shade: str, colour: bool) -> list[str]:
    """The line and the caret below it."""
    at = problem.column - problem.excerpt_column
    begin = max(0, at - WIDTH // 2) if len(problem.excerpt) > WIDTH else 0
    before = problem.excerpt[begin:at]
    marked = problem.excerpt[at : max(problem.end_column - problem.excerpt_column, at + 1)]
    after = problem.excerpt[at + len(marked) :]
    marked = marked[:WIDTH]
    after = after[: max(0, WIDTH - len(before) - len(marked))]
    head = "…" if begin or problem.excerpt_column > 1 else ""
    line = head + _visible(before) + _visible(marked) + _visible(after)
    indent = " " * (len(head) + _columns(_visible(before)))
    carets = "^" * max(_columns(_visible(marked)), 1)
    gutter = f"{problem.line:>5}"
    label = f" {escape(problem.label)}" if problem.label else ""
    bar = _paint("|", _BLUE, colour)
    return [
        f"{_paint(gutter, _BLUE, colour)} {bar} {line}".rstrip(),
        f"{'':>5} {bar} {indent}{_paint(carets + label, shade, colour)}",
    ]


def _visible(text: str) -> str:
    """One line's text: a tab is four spaces, other control characters are escaped."""
    return escape(text.replace("\t", "    "))


def _columns(text: str) -> int:
    """Columns that a terminal needs: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _paint(text: str, shade: str, colour: bool) -> str:
    return f"{shade}{text}{_OFF}" if colour else text
