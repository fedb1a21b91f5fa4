"""The boxes that were left to themselves, as a table and as data."""

from __future__ import annotations

import io
import json
import shlex
from typing import NamedTuple

from toyspec.show.text import escape

_UNCUT = 10_000  # columns where nothing is cut
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_STYLES = {"running": "green", "starting": "", "ended": "dim", "lost": "bold red"}


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
    """A line each under one of headings. `columns`: where lines are cut, at the command, and a third of them
    what a spec's path has at most; never where None. `home`: the caller's, for which `~` stands.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("NAME", "STATE", "PID", "SINCE", "SPEC"):
        made.add_column(heading, no_wrap=True)
    made.add_column("COMMAND", no_wrap=True, overflow="ellipsis")
    for row in rows:
        said = row.state if row.exit_code is None else f"ended, status {row.exit_code}"
        made.add_row(
            Text(escape(row.name)),
            Text(said, style=_STYLES[row.state] if row.exit_code is None else _STYLES["ended"]),
            Text("" if row.pid is None else str(row.pid)),
            Text(_since(now - row.created) if row.created else ""),
            Text(_path(row.spec or "", home, columns)),
            Text(escape(shlex.join(row.command))),
        )
    out = io.StringIO()
    console = Console(
        file=out, width=columns or _UNCUT, force_terminal=colour, no_color=not colour,
        color_system="standard" if colour else None, legacy_windows=False, highlight=False,
    )  # fmt: skip
    console.print(made)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def _path(path: str, home: str, columns: int | None) -> str:
    """Its end, where it is too long."""
    if home not in ("", "/") and path.startswith(f"{home.rstrip('/')}/"):
        path = "~" + path[len(home.rstrip("/")) :]
    shown = escape(path)
    most = max(columns // 3, 16) if columns else _UNCUT
    return shown if len(shown) <= most else "…" + shown[1 - most :]


def _since(seconds: float) -> str:
    """`3 minutes`: in its largest unit, cut."""
    for size, name in _UNITS:
        count = int(seconds // size)
        if count >= 1:
            return f"{count} {name}{'s' if count != 1 else ''}"
    return "just now"
