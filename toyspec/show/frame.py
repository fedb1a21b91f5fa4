"""One frame of a run that takes long enough to watch: a table of phases. Rich draws it."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from toyspec.show.trace import PhaseTime, Trace, duration

_BAR = 20  # columns


def frame(trace: Trace, columns: int) -> str:
    """The table as text with escape sequences, a newline after each line."""
    table = Table.grid(padding=(0, 1, 0, 0))
    for justify in ("left", "left", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    working = next((phase for phase in trace.phases if not phase.over), None)
    for phase in trace.phases:
        table.add_row(*_row(phase, phase is working))
    out = StringIO()
    console = Console(
        file=out, width=columns, force_terminal=True, color_system="standard", highlight=False
    )
    console.print(table)
    return out.getvalue()


def _row(phase: PhaseTime, working: bool) -> tuple[Text, Text, Text, Text | ProgressBar]:
    steps = f"{phase.steps} step{'' if phase.steps == 1 else 's'}"
    if phase.over:
        time = Text(f" {duration(phase.time)}", style="dim")
        return Text("✓", style="green"), Text(phase.name), Text(steps), time
    if working:
        count = Text(f"{phase.done} of {phase.steps}", style="bold")
        bar = ProgressBar(
            total=phase.steps, completed=phase.done, width=_BAR, style="dim", complete_style="green"
        )
        return Text("›", style="bold"), Text(phase.name, style="bold"), count, bar
    return Text(" "), Text(phase.name, style="dim"), Text(steps, style="dim"), Text("")
