"""What a run looks like while it happens: phases with their times, read from the shared page."""

from __future__ import annotations

from typing import NamedTuple

from toyspec.plan.step import INSIDE
from toyspec.run.progress import Progress
from toyspec.show.paint import BAD, DIM, HEADING, Line
from toyspec.show.text import width

PLAIN = 1000  # columns: where there is no terminal, no phase is left out for want of room


class PhaseTime(NamedTuple):
    """A phase: how many of its steps are done, and its time in nanoseconds so far."""

    name: str
    done: int
    steps: int
    time: int

    @property
    def over(self) -> bool:
        """Whether every step is done."""
        return self.done == self.steps


class Trace(NamedTuple):
    """A run at one moment. `time`: nanoseconds from its start to the last step that is done."""

    box: str
    steps: int
    time: int
    phases: tuple[PhaseTime, ...]
    failed: int


def is_over(progress: Progress, go_step: int) -> bool:
    """Whether everything is done but to wait for `go` (steps are begun in order)."""
    return any(progress.current(role) >= go_step > 0 for role in INSIDE)


def look(progress: Progress, published: list[tuple[str, tuple[int, ...]]]) -> Trace:
    """What the shared page says now."""
    box, (_, steps) = published[0][0], published[0][1][:2]
    before = progress.started
    found: list[PhaseTime] = []
    for name, ids in published[1:]:
        ends = [when for when in map(progress.when, ids) if when]
        end = max([before, *ends])
        found.append(PhaseTime(name, len(ends), len(ids), end - before))
        before = end
    failure = progress.failure()
    return Trace(box, steps, before - progress.started, tuple(found), failure[0] if failure else 0)


def duration(nanoseconds: int) -> str:
    """`0.6 ms`, `6.3 ms`, `240 ms`, `2.4 s`."""
    milliseconds = nanoseconds / 1e6
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 100 else f"{milliseconds:.1f} ms"


def folded(trace: Trace, columns: int) -> Line:
    """`dev: 131 steps in 6.3 ms · namespaces 0.7 · attach 2.9`: the dearest phases that fit."""
    line: Line = [(trace.box, HEADING), (f": {trace.steps} steps in {duration(trace.time)}", "")]
    left = columns - 1 - sum(width(text) for text, _ in line)
    shown = set()
    for phase in sorted(trace.phases, key=lambda phase: -phase.time):
        text = f" · {phase.name} {phase.time / 1e6:.1f}"
        if phase.time < 50_000 or len(text) > left:
            break
        left -= len(text)
        shown.add(phase)
    line += [
        (f" · {phase.name} {phase.time / 1e6:.1f}", DIM) for phase in trace.phases if phase in shown
    ]
    return line


def stopped(trace: Trace) -> Line:
    """Where a run ended that failed: `dev: stopped at step 57 of 131, in attach, after 2.2 ms`."""
    line: Line = [(trace.box, HEADING), (": ", ""), ("stopped", BAD)]
    where = f" at step {trace.failed} of {trace.steps}" if trace.failed else ""
    phase = next((phase.name for phase in trace.phases if not phase.over), "")
    return [*line, (f"{where}{', in ' + phase if phase else ''} after {duration(trace.time)}", "")]


def last(progress: Progress, trace: Trace, go_step: int, columns: int) -> Line:
    """The line that stays. It is of what was done before `go`: whether init's command could be executed
    then, no line can know that is drawn in time, so none says it, however late it is.
    """
    return folded(trace, columns) if is_over(progress, go_step) else stopped(trace)


def plain_trace(progress: Progress, verbose: bool = False) -> list[str]:
    """The same without a terminal: one line, or where it stopped; `verbose`: phases before it."""
    published = progress.phases()
    if not published:
        return []
    trace = look(progress, published)
    lines = [
        f"{trace.box}: {phase.name}: {phase.steps} step{'s' * (phase.steps != 1)}, "
        f"{duration(phase.time)}"
        for phase in trace.phases
        if phase.over and verbose
    ]
    if trace.failed or is_over(progress, published[0][1][0]):
        lines.append("".join(text for text, _ in last(progress, trace, published[0][1][0], PLAIN)))
    return lines
