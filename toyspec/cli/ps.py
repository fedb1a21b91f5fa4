"""`toyspec ps`: the boxes that were left to themselves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from toyspec.cli.boxes import common, find_boxes
from toyspec.cli.error import UsageError
from toyspec.cli.streams import colour, columns, put, say
from toyspec.cli.words import FORMAT, Option, Syntax, help_text, parse
from toyspec.run import state
from toyspec.run.boxes import StateError, names
from toyspec.start.look import Look

if TYPE_CHECKING:
    from toyspec.run.state import Seen
    from toyspec.show.boxes import Row

SYNTAX = Syntax(
    "ps",
    "List the boxes that were left to themselves (up -d) and run.",
    (
        Option(("-a", "--all"), "those that have ended, too"),
        FORMAT,
        *common("their names, and nothing else"),
    ),
    words=(),
    argv=False,
)


def ps(args: list[str]) -> int:
    """A row a box on standard output, with -q its name only; those that have ended if asked for."""
    words = parse(args, SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    if words.words:
        raise UsageError(f"`{words.words[0]}` is one word too many", SYNTAX.usage())
    boxes = find_boxes(Look())
    found = _seen(boxes) if boxes is not None else []
    rows = [row(each) for each in found if words.flag("all") or not each.is_over]
    if words.one("format") == "json":
        from toyspec.show.boxes import to_json

        put(to_json(rows))
    elif words.flag("quiet"):
        put("".join(f"{each.name}\n" for each in rows))
    else:
        from toyspec.show.boxes import table

        put(table(rows, time.time(), columns(1), colour=colour(words, 1)))
    return 0


def _seen(boxes: int) -> list[Seen]:
    """What cannot be looked at is said, and hides none of the others."""
    from toyspec.show.text import escape

    found = []
    for name in names(boxes):
        try:
            seen = state.look(boxes, name)
        except StateError as error:
            say(f"toyspec: {escape(error.message)}\n")
            continue
        if seen is None:
            state.sweep(boxes, name)
        else:
            found.append(seen)
    return found


def row(seen: Seen) -> Row:
    """What is shown of a box."""
    from toyspec.show.boxes import Row

    created, command, spec = (seen.about.get(key) for key in ("created", "command", "spec"))
    return Row(
        seen.name,
        seen.state,
        seen.status.exit_code,
        seen.status.child if seen.lives and seen.status.child else None,
        created / 1e9 if isinstance(created, int) and 0 < created < 1 << 63 else 0.0,
        tuple(map(str, command)) if isinstance(command, list) else (),
        spec if isinstance(spec, str) else None,
    )
