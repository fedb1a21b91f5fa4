"""A plan for people: by phase, one line for what belongs together, and what the box can touch."""

from __future__ import annotations

from itertools import groupby

from toyspec.plan.step import Exposure, Plan, Step
from toyspec.show.paint import BAD, DIM, HEADING, NOTE, Line, render
from toyspec.show.syscalls import call
from toyspec.show.text import escape, fit, pad, width
from toyspec.spec.model import Origin

FIXED_COLUMNS = 100
"""The width where no terminal says another; golden files use it."""

_WHY_LEAST = 16  # columns below which a reason says nothing any more


def plan_text(
    plan: Plan, *, columns: int = FIXED_COLUMNS, colour: bool = False, verbose: bool = False
) -> str:
    """The whole view. With `verbose`, every step with its reason below its item."""
    lines = _phases(plan, columns, verbose)
    lines += [[("", "")], *_remarks(plan), *exposure_lines(plan, columns)]
    return render(lines, colour)


def _ids(steps: list[Step]) -> str:
    first, last = steps[0].id, steps[-1].id
    return str(first) if first == last else f"{first}-{last}"


def place(origin: Origin, spec_path: str) -> Line:
    """`dev.yaml:4`, or which default it is, dim."""
    if origin.default is not None:
        return [(f"default {escape(origin.default)}", DIM)]
    name = spec_path.rsplit("/", 1)[-1]
    return [(f"{escape(name)}:{origin.line}", "")]


def _place_width(steps: list[Step], plan: Plan) -> int:
    return sum(width(text) for text, _ in place(steps[0].origin, plan.spec_path))


def _phases(plan: Plan, columns: int, verbose: bool) -> list[Line]:
    groups = [list(steps) for _, steps in groupby(plan.steps, lambda s: (s.phase, s.item))]
    if not groups:
        return []
    ids = max(len(_ids(steps)) for steps in groups)
    source = min(max(_place_width(steps, plan) for steps in groups), columns // 3)
    room = columns - ids - source - 6  # two before the ids, two between columns
    what = min(max(width(escape(steps[0].item)) for steps in groups), max(room * 11 // 20, 24))
    why = room - what - 2
    lines: list[Line] = []
    phase = ""
    for steps in groups:
        if steps[0].phase != phase:
            phase = steps[0].phase
            lines.append([(phase, HEADING)])
        lines.append(_item(steps, plan, (ids, what, why, source)))
        if verbose:
            lines += [line for step in steps for line in _detail(step, ids, columns)]
    return lines


def _item(steps: list[Step], plan: Plan, widths: tuple[int, int, int, int]) -> Line:
    ids, what, why, source = widths
    line: Line = [(f"  {_ids(steps):>{ids}}  ", DIM)]
    text = escape(steps[0].item)
    reason = escape(steps[0].why).removesuffix(".")
    if why < _WHY_LEAST:
        line.append((pad(text, what + why + 2) + "  ", ""))
    else:
        line.append((pad(text, what) + "  ", ""))
        line.append((pad(reason, why) + "  ", DIM))
    return line + [
        (fit(text, source), style) for text, style in place(steps[0].origin, plan.spec_path)
    ]


def _detail(step: Step, ids: int, columns: int) -> list[Line]:
    indent = " " * (ids + 4)
    first: Line = [(f"{indent}{step.id:>{ids}} {step.role:<7} ", DIM), (call(step), "")]
    reason = _wrapped(escape(step.why).split(" "), " ", columns - ids - len(indent) - 9)
    margin = indent + " " * (ids + 9)
    return [first, *([(margin + text, DIM)] for text in reason)]


def _wrapped(words: list[str], joint: str, columns: int) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and width(lines[-1]) + len(joint) + width(word) <= columns:
            lines[-1] += joint + word
        else:
            lines.append(word)
    return lines


def _remarks(plan: Plan) -> list[Line]:
    lines: list[Line] = []
    for label, style, texts in (
        ("unknown until it runs", DIM, plan.unresolved),
        ("warning", BAD, plan.warnings),
    ):
        for text in texts:
            lines.append([(f"{label}: ", style), (escape(text), "")])
    return lines


def _writable(exposure: Exposure) -> str:
    if not exposure.writable:
        return "writable: nothing of the host"
    names = (
        escape(e.source) if e.source == e.target else f"{escape(e.source)} at {escape(e.target)}"
        for e in exposure.writable
    )
    return "writable: " + ", ".join(names)


def exposure_parts(plan: Plan) -> list[tuple[str, str]]:
    """What the last line counts, each part with its style: the weakened ones stand out."""
    exposure = plan.exposure
    steps = len(plan.steps)
    parts = [
        (f"{steps} step" + "s" * (steps != 1), HEADING),
        (_writable(exposure), ""),
        (f"network {escape(exposure.network)}", NOTE if exposure.network == "host" else ""),
        (f"environment {len(exposure.environment)}", ""),
    ]
    if exposure.terminal:
        parts.append(("shares your terminal", ""))
    if exposure.real_root:
        parts.append(("real root inside", NOTE))
    return parts + [(escape(phrase), NOTE) for phrase in exposure.weakened]


def exposure_lines(plan: Plan, columns: int) -> list[Line]:
    """`41 steps · writable: . at /work · network none · environment 3`, wrapped between parts."""
    lines: list[Line] = []
    used = 0
    for text, style in exposure_parts(plan):
        if lines and used + 3 + width(text) <= columns:
            lines[-1] += [(" · ", DIM), (text, style)]
            used += 3 + width(text)
        else:
            indent = "  " if lines else ""
            lines.append([(indent, ""), (text, style)])
            used = len(indent) + width(text)
    return lines
