"""Plots as SVG, by hand: bars for one box, lines for what grows with binds."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10
from typing import Final

from bench.run import Result

_WIDTH: Final = 760
_LEFT: Final = 200
_ROW: Final = 24
_OURS: Final = "#0b7285"
_PEERS: Final = "#adb5bd"
_COLOURS: Final = (
    "#212529", "#0b7285", "#e8590c", "#862e9c", "#2b8a3e", "#c92a2a", "#1864ab", "#f08c00", "#5c940d",
    "#a61e4d", "#495057",
)  # fmt: skip


def _document(height: int, parts: Sequence[str]) -> str:
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        *parts,
        "</svg>",
        "",
    ])  # fmt: skip


def _text(x: float, y: float, text: str, anchor: str = "start", fill: str = "#212529") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'
    )


def single(result: Result) -> str:
    """A bar for each command's median, with a line over the middle half; milliseconds, logarithmic."""
    rows = sorted(result["single"].items(), key=lambda row: row[1]["median"])
    low = floor(log10(min(each["low"] for _, each in rows)))
    high = ceil(log10(max(each["high"] for _, each in rows)))
    scale = (_WIDTH - _LEFT - 70) / (high - low)

    def at(value: float) -> float:
        return _LEFT + (log10(value) - low) * scale

    height = _ROW * len(rows) + 60
    parts = [_text(10, 20, "one box, ms (logarithmic), median and middle half")]
    for power in range(low, high + 1):
        x = _LEFT + (power - low) * scale
        parts.append(
            f'<line x1="{x:.1f}" y1="32" x2="{x:.1f}" y2="{height - 22}" stroke="#e9ecef"/>'
        )
        parts.append(_text(x, height - 6, f"{10.0**power:g}", "middle"))
    for index, (name, each) in enumerate(rows):
        y = 36 + _ROW * index
        colour = _OURS if name.startswith("toyspec") or name == "limit" else _PEERS
        parts += [
            _text(_LEFT - 8, y + 14, name, "end"),
            f'<rect x="{_LEFT}" y="{y}" width="{at(each["median"]) - _LEFT:.1f}" height="18" '
            f'fill="{colour}"/>',
            f'<line x1="{at(each["low"]):.1f}" y1="{y + 9}" x2="{at(each["high"]):.1f}" '
            f'y2="{y + 9}" stroke="#212529" stroke-width="2"/>',
            _text(at(each["high"]) + 6, y + 14, f"{each['median']:.1f}"),
        ]
    return _document(height, parts)


def growth(result: Result) -> str:
    """A line a peer: milliseconds by binds, both logarithmic."""
    lines = {
        name: [(point["binds"], point["ms"]) for point in points if "ms" in point]
        for name, points in result["growth"].items()
    }
    lines = {name: points for name, points in lines.items() if points}
    values = [value for points in lines.values() for _, value in points]
    most = max(size for points in lines.values() for size, _ in points)
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    wide = (_WIDTH - 60 - 190) / max(log10(most), 1)
    tall = 360 / (high - low)
    height = 440

    def at(size: int, value: float) -> tuple[float, float]:
        return 60 + log10(size) * wide, 400 - (log10(value) - low) * tall

    parts = [_text(10, 20, "ms by read-only binds, both logarithmic")]
    for power in range(low, high + 1):
        _, y = at(1, 10.0**power)
        parts.append(
            f'<line x1="60" y1="{y:.1f}" x2="{_WIDTH - 190}" y2="{y:.1f}" stroke="#e9ecef"/>'
        )
        parts.append(_text(52, y + 4, f"{10.0**power:g}", "end"))
    for power in range(round(log10(most)) + 1):
        x, _ = at(10**power, 10.0**low)
        parts.append(_text(x, 420, f"{10**power}", "middle"))
    ends = _apart([at(*points[-1])[1] for points in lines.values()])
    for (name, points), end, colour in zip(lines.items(), ends, _COLOURS * 2):
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in points))
        parts.append(
            f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        x, y = at(*points[-1])
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        parts.append(_text(_WIDTH - 180, end + 4, name, fill=colour))
    return _document(height, parts)


def _apart(wanted: list[float]) -> list[float]:
    """Heights of labels that would lie on each other, moved apart, 16 pixels each."""
    found = list(wanted)
    last = -16.0
    for index in sorted(range(len(found)), key=found.__getitem__):
        last = found[index] = max(found[index], last + 16)
    return found
