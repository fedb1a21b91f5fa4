"""`toyspec ps`: the boxes that were left to themselves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from toyspec.cli.absent import tell_absent
from toyspec.cli.boxes import NO_BOX, common, find_boxes
from toyspec.cli.error import UsageError
from toyspec.cli.source import home
from toyspec.cli.streams import colour, columns, put, say
from toyspec.cli.words import FORMAT, Option, Syntax, help_text, parse
from toyspec.run import state
from toyspec.run.boxes import StateError, is_directory, names
from toyspec.start.look import Look
from toyspec.start.places import is_name

if TYPE_CHECKING:
    from toyspec.run.state import Seen
    from toyspec.show.boxes import Row

UNREADABLE = 2
"""The status where what is kept of a box cannot be read."""
SYNTAX = Syntax(
    "ps",
    "List the boxes that were left to themselves (up -d) and run.",
    (
        Option(("-a", "--all"), "those that have ended, too"),
        FORMAT,
        *common("their names, and nothing else"),
    ),
    words=("NAME…",),
    argv=False,
)


def ps(args: list[str]) -> int:
    """A row a box on standard output, with -q its name only; those that have ended if asked for."""
    words = parse(args, SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    look = Look()
    boxes = find_boxes(look)
    found, closed = _seen(boxes) if boxes is not None else ([], [])
    if words.words:
        found = _named(found, closed, words.words, look)
        closed = [name for name in closed if name in words.words]
    every = words.flag("all") or words.words
    rows = [row(each) for each in found if every or not each.is_over]
    rows = sorted([*rows, *map(unreadable, closed)])
    if words.one("format") == "json":
        from toyspec.show.boxes import to_json

        put(to_json(rows))
    elif words.flag("quiet"):
        put("".join(f"{each.name}\n" for each in rows))
    else:
        from toyspec.show.boxes import table

        put(table(rows, time.time(), columns(1), colour=colour(words, 1), home=home(look)))
    return UNREADABLE if closed else 0


def _named(found: list[Seen], closed: list[str], wanted: tuple[str, ...], look: Look) -> list[Seen]:
    """Those that were asked for, ended or not; raises FatalError where one is not there."""
    known = {each.name for each in found}.union(closed)
    for name in wanted:
        if not is_name(name):
            raise UsageError(f"`{name}` is no box's name", SYNTAX.usage())
        if name not in known:
            raise tell_absent(name, None, SYNTAX.verb, look, NO_BOX)
    return [each for each in found if each.name in wanted]


def _seen(boxes: int) -> tuple[list[Seen], list[str]]:
    """The boxes, and the names of directories that cannot be read, of which one may be of a box that runs.
    What cannot be looked at is said, and hides none of the others.
    """
    from toyspec.show.text import escape

    found, closed = [], []
    for name in names(boxes):
        try:
            seen = state.settle(boxes, name)
        except StateError as error:
            say(f"toyspec: {escape(error.message)}\n")
            if is_directory(boxes, name):
                closed.append(name)
            continue
        if seen is not None:
            found.append(seen)
    return found, closed


def unreadable(name: str) -> Row:
    """A box of which nothing but the name can be told."""
    from toyspec.show.boxes import Row

    return Row(name, "unreadable", None, None, 0.0, (), None)


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
