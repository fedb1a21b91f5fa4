"""A plan for people: by phase, one line for what belongs together, and what the box can touch."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from toyspec.plan.step import Exposure, Phase, Plan, Step
from toyspec.show.items import Shown, shown
from toyspec.show.paint import BAD, DIM, HEADING, NOTE, Line, render
from toyspec.show.syscalls import call
from toyspec.show.text import escape, fit, pad, path, width, wrapped
from toyspec.spec.model import Origin

_UNCUT = 100  # columns that a view is laid out for where nothing is cut
_FOLD_FROM = 3  # alike items of one line of the spec that become one line of the view
_NAMES = 4  # of what is watched in a directory
_WHY_LEAST = 16  # columns below which a reason says nothing any more


def plan_text(
    plan: Plan,
    *,
    columns: int | None = None,
    colour: bool = False,
    verbose: bool = False,
    wrap: bool = False,
) -> str:
    """The whole view. With `verbose`, every step with its reason below its item.

    `columns`: where lines are cut; never where None. `wrap`: the last line, which is never cut,
    is broken to the columns between its parts, as a terminal's reader wants it.
    """
    lines = _phases(plan, columns, verbose)
    lines += [
        [("", "")],
        *_watched(plan, verbose),
        *_remarks(plan),
        *exposure_lines(plan, columns if wrap else None),
    ]
    return render(lines, colour)


class _Item(NamedTuple):
    """One line of the view: the steps that it stands for."""

    text: str
    steps: list[Step]
    folded: bool = False  # several items on one line, which their reasons do not share


def _items(plan: Plan, verbose: bool) -> list[_Item]:
    """Consecutive steps of one item; without `verbose`, also alike items of one origin."""
    groups = [list(g) for _, g in groupby(plan.steps, lambda step: (step.phase, step.item))]
    items = [(shown(steps), steps) for steps in groups]
    if verbose:
        return [_Item(text.text, steps) for text, steps in items]
    found: list[_Item] = []
    for kind, alike in groupby(items, _kind):
        group = list(alike)
        if kind[0] and len(group) >= _FOLD_FROM:
            text = f"{len(group)} {kind[0]}: {', '.join(item.names for item, _ in group)}"
            found.append(_Item(text, [step for _, steps in group for step in steps], True))
        else:
            found += [_Item(item.text, steps) for item, steps in group]
    return found


def _kind(item: tuple[Shown, list[Step]]) -> tuple[str, Phase, Origin]:
    """What alike items share: their kind, phase and origin."""
    return item[0].kind, item[1][0].phase, item[1][0].origin


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


def _phases(plan: Plan, columns: int | None, verbose: bool) -> list[Line]:
    items = _items(plan, verbose)
    if not items:
        return []
    whole = columns or _UNCUT
    ids = max(len(_ids(item.steps)) for item in items)
    source = min(max(_place_width(item.steps, plan) for item in items), whole // 4)
    room = whole - ids - source - 6  # two before the ids, two between columns
    longest = max((width(item.text) for item in items if not item.folded), default=0)
    what = min(longest, max(room * 11 // 20, 24))
    lines: list[Line] = []
    phase = ""
    for item in items:
        if item.steps[0].phase != phase:
            phase = item.steps[0].phase
            lines.append([(phase, HEADING)])
        widths = _Widths(ids, what, room, source, columns is not None)
        lines.append(_line(item, plan, widths, verbose or item.folded))
        if verbose:
            lines += _details(item.steps, ids, whole, plan.arch)
    return lines


class _Widths(NamedTuple):
    """Columns of the view. `both`: what an item and its reason have together."""

    ids: int
    what: int
    both: int
    source: int
    cut: bool  # what has more is cut, else it takes what it needs

    def fill(self, text: str, columns: int) -> str:
        """The text in its columns, two blanks after it."""
        if self.cut or width(text) < columns:
            text = pad(text, columns)
        return text + "  "


def _line(item: _Item, plan: Plan, widths: _Widths, alone: bool) -> Line:
    """Ids, the item, its first reason (unless it stands `alone`), where it comes from."""
    line: Line = [(f"  {_ids(item.steps):>{widths.ids}}  ", DIM)]
    taken = max(widths.what, width(item.text))  # a long item takes from its reason first
    left = widths.both - taken - 2
    if alone or (widths.cut and left < _WHY_LEAST):
        line.append((widths.fill(item.text, widths.both), ""))
    else:
        line.append((widths.fill(item.text, taken), ""))
        reason = escape(item.steps[0].why).removesuffix(".")
        line.append((widths.fill(reason, max(left, 0)), DIM))
    for text, style in place(item.steps[0].origin, plan.spec_path):
        if not widths.cut or width(text) <= widths.source:
            line.append((text, style))
        else:
            line.append((fit(text.split(": ", 1)[0], widths.source), style))
    return line


def _details(steps: list[Step], ids: int, columns: int, arch: str) -> list[Line]:
    """Each step's call, and its reason where that is not the last step's."""
    margin = " " * (ids + 4)
    lines: list[Line] = []
    why = ""
    for step in steps:
        if step.why != why:
            why = step.why
            words = escape(why).split(" ")
            lines += [[(f"{margin}{text}", DIM)] for text in wrapped(words, columns - len(margin))]
        lines.append([(f"{margin}{step.id:>{ids}} {step.role:<7} ", DIM), (call(step), "")])
        if step.call == "seccomp":
            from toyspec.show.filters import filter_lines

            indent = margin + " " * (ids + 9)
            shown = filter_lines(step, arch, columns - len(indent))
            lines += [[(indent + text, style)] for text, style in shown]
    return lines


def _watched(plan: Plan, verbose: bool) -> list[Line]:
    """What is not there and could be made, one line a directory."""
    missing: dict[str, list[str]] = {}
    for each in plan.watched:
        directory, _, name = each.path.rpartition("/")
        if each.kind == "missing":
            missing.setdefault(directory or "/", []).append(name)
    lines: list[Line] = []
    for directory, names in missing.items():
        listed = ", ".join(map(path, names if verbose else names[:_NAMES]))
        more = "" if verbose or len(names) <= _NAMES else f" and {len(names) - _NAMES} more"
        text = f"{listed}{more} in {path(directory)}: "
        said = "absent, so a box could make them; compared when it ends"
        lines.append([("watched: ", DIM), (text + said, "")])
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
        path(e.source) if e.source == e.target else f"{path(e.source)} at {path(e.target)}"
        for e in exposure.writable
    )
    return "writable: " + ", ".join(names)


def exposure_parts(plan: Plan) -> list[tuple[str, str]]:
    """What the last line counts, each part with its style: the weakened ones stand out."""
    exposure = plan.exposure
    parts = [
        (_count(len(plan.steps), "step"), HEADING),
        (_writable(exposure), ""),
        (f"network {escape(exposure.network)}", NOTE if exposure.network == "host" else ""),
        (f"environment {len(exposure.environment)}", ""),
    ]
    if exposure.terminal:
        parts.append(("a terminal of its own", ""))
    if exposure.real_root:
        parts.append(("real root inside", NOTE))
    said = f"network {exposure.network}"
    parts += [(_weakened(text), NOTE) for text in exposure.weakened if text != said]
    if plan.warnings:
        parts.append((_count(len(plan.warnings), "warning"), BAD))
    return parts


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + "s" * (number != 1)


def _weakened(text: str) -> str:
    """A weakened default, the path in it quoted if need be."""
    begin = "devices of "
    return begin + path(text.removeprefix(begin)) if text.startswith(begin) else escape(text)


def exposure_lines(plan: Plan, columns: int | None) -> list[Line]:
    """`41 steps · writable: . at /code · network none · environment 3`.

    One line, or wrapped between its parts where there are `columns`.
    """
    lines: list[Line] = []
    used = 0
    for text, style in exposure_parts(plan):
        if lines and (columns is None or used + 3 + width(text) <= columns):
            lines[-1] += [(" · ", DIM), (text, style)]
            used += 3 + width(text)
        else:
            indent = "  " if lines else ""
            lines.append([(indent, ""), (text, style)])
            used = len(indent) + width(text)
    return lines
