"""The boxes that were left to themselves, as a table and as data."""

from __future__ import annotations

import io
import json
import shlex
from typing import NamedTuple

from toyspec.show.text import escape

_HEADINGS = ("NAME", "STATE", "PID", "SINCE", "SPEC", "COMMAND")
_STATE, _SPEC = _HEADINGS.index("STATE"), _HEADINGS.index("SPEC")
_GAP = 2  # columns behind each
_LEAST_SPEC, _LEAST_COMMAND = 8, 12  # columns with which there is anything to read
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_STYLES = {
    "running": "green",
    "starting": "",
    "ended": "dim",
    "lost": "bold red",
    "unreadable": "bold red",
}


class Row(NamedTuple):
    """One box. `created`: seconds since the epoch, 0 where nobody knows; `pid`: of its PID 1, outside."""

    name: str
    state: str
    exit_code: int | None
    pid: int | None
    created: float
    command: tuple[str, ...]
    spec: str | None


def to_json(rows: list[Row]) -> str:
    """An array of objects, a box each; what nobody knows is null."""
    found = [
        {
            "name": row.name,
            "state": row.state,
            "exit_code": row.exit_code,
            "pid": row.pid,
            "created": row.created or None,
            "command": list(row.command),
            "spec": row.spec,
        }
        for row in rows
    ]
    return json.dumps(found, indent=2, ensure_ascii=True) + "\n"


def table(rows: list[Row], now: float, columns: int | None, *, colour: bool, home: str = "") -> str:
    """A line each under one of headings. `columns`: where lines are cut (see `_widths`); never where
    None. `home`: the caller's, for which `~` stands.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [_cells(row, now, home) for row in rows]
    longest = [max(map(cell_len, column)) for column in zip(_HEADINGS, *cells, strict=True)]
    widths = _widths(longest, columns)
    shown = [at for at, width in enumerate(widths) if width]
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for at in shown:
        made.add_column(_HEADINGS[at], width=widths[at], no_wrap=True, overflow="ellipsis")
    for row, line in zip(rows, cells, strict=True):
        style = _STYLES[row.state if row.exit_code is None else "ended"]
        line[_SPEC] = _end_of(line[_SPEC], widths[_SPEC])
        made.add_row(*(Text(line[at], style=style if at == _STATE else "") for at in shown))
    out = io.StringIO()
    console = Console(
        file=out, width=sum(widths) + _GAP * len(widths), force_terminal=colour, no_color=not colour,
        color_system="standard" if colour else None, legacy_windows=False, highlight=False,
    )  # fmt: skip
    console.print(made)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def _cells(row: Row, now: float, home: str) -> list[str]:
    """What is said under each of the headings."""
    return [
        escape(row.name),
        row.state if row.exit_code is None else f"ended, status {row.exit_code}",
        "" if row.pid is None else str(row.pid),
        _since(now - row.created) if row.created else "",
        _path(row.spec or "", home),
        escape(shlex.join(row.command)),
    ]


def _widths(longest: list[int], columns: int | None) -> list[int]:
    """Of each column, 0 where it has no room. The command is cut first, then the spec; then they are left
    out in that order, and then how long ago it was. By name, state and pid a box is known: these
    are never cut.
    """
    *short, spec, command = longest
    if columns is None:
        return longest
    room = columns - sum(short) - _GAP * len(short)
    left = room - _GAP
    command = min(command, max(left - spec, _LEAST_COMMAND))
    if left - command >= min(spec, _LEAST_SPEC):
        return [*short, min(spec, left - command), command]
    if room >= min(spec, _LEAST_SPEC):
        return [*short, min(spec, room), 0]
    return [*short[:-1], short[-1] if room + _GAP >= 0 else 0, 0, 0]


def _path(path: str, home: str) -> str:
    if home not in ("", "/") and path.startswith(f"{home.rstrip('/')}/"):
        path = "~" + path[len(home.rstrip("/")) :]
    return escape(path)


def _end_of(text: str, width: int) -> str:
    """It, or where it is too long its end: a file's name tells more than where it lies."""
    from rich.cells import cell_len

    if cell_len(text) <= width:
        return text
    while text and cell_len(text) >= width:
        text = text[1:]
    return f"…{text}"


def _since(seconds: float) -> str:
    """`3 minutes`: in its largest unit, cut."""
    for size, name in _UNITS:
        count = int(seconds // size)
        if count >= 1:
            return f"{count} {name}{'s' if count != 1 else ''}"
    return "just now"
