"""Lines of styled text, and the one place where they become plain text or colours."""

from __future__ import annotations

Line = list[tuple[str, str]]
"""Pieces of one line: text (already escaped), and the style that it is shown in."""

# Only what every theme keeps readable on a light and on a dark ground: no blue, no yellow.
HEADING, DIM, GOOD, BAD, NOTE = "heading", "dim", "good", "bad", "note"

# SGR, ECMA-48 section 8.3.117: five fixed styles are not worth 30 ms of imports.
_SGR = {HEADING: "1", DIM: "2", GOOD: "32", BAD: "1;31", NOTE: "35"}


def piece(text: str, style: str, colour: bool) -> str:
    """The text in its style, or as it is."""
    if not colour or not style or not text:
        return text
    return f"\x1b[{_SGR[style]}m{text}\x1b[0m"


def render(lines: list[Line], colour: bool) -> str:
    """The lines as one string, with or without colours, a newline after each."""
    return "".join(
        "".join(piece(text, style, colour) for text, style in _trimmed(line)) + "\n"
        for line in lines
    )


def _trimmed(line: Line) -> Line:
    """Without blanks at the end."""
    pieces = list(line)
    while pieces and not pieces[-1][0].rstrip():
        pieces.pop()
    if pieces:
        pieces[-1] = (pieces[-1][0].rstrip(), pieces[-1][1])
    return pieces
