"""Problems of a spec as a person reads them, and as JSON for tools. Needs no rich."""

from __future__ import annotations

from toyspec.show.paint import BAD, DIM, HEADING, NOTE, piece
from toyspec.spec.problem import Problem
from toyspec.spec.shown import escape

WIDTH = 100
"""Columns of an excerpt; a longer line is shown around its caret."""


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
    shade = BAD if problem.severity == "error" else NOTE
    severity = piece(problem.severity, shade, colour)
    lines = [f"{piece(place, HEADING, colour)}: {severity}: {escape(problem.message)}"]
    if problem.line and problem.excerpt.strip():
        lines += _excerpt(problem, shade, colour)
    elif problem.label:
        lines.append(f"    {escape(problem.label)}")
    if problem.help:
        lines.append(f"    {piece('help', NOTE, colour)}: {escape(problem.help)}")
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
    bar = piece("|", DIM, colour)
    return [
        f"{piece(gutter, DIM, colour)} {bar} {line}".rstrip(),
        f"{'':>5} {bar} {indent}{piece(carets + label, shade, colour)}",
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
