"""The measured part of docs/performance.md, and its plots, from the kept result of a run.

    .venv/bin/python -m bench.page

writes docs/performance.md (between its two marks) and the plots beside it from bench/result.json,
which `python -m bench --json bench/result.json` wrote; and from bench/as-root.json, where it is there,
what root measured: `python -m bench --as-root --only single --json bench/as-root.json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import svg
from bench.parts import WHOLE
from bench.run import Result
from bench.show import held, machine
from bench.verdict import verdicts
from bench.words import MODES

_TOP: Final = Path(__file__).resolve().parents[1]
RESULT: Final = _TOP / "bench/result.json"
AS_ROOT: Final = _TOP / "bench/as-root.json"
PAGE: Final = _TOP / "docs/performance.md"
BEGIN: Final = "<!-- measured: written by python -m bench.page -->\n"
END: Final = "<!-- end of what was measured -->\n"


def main() -> int:
    """Write every file anew; gives the exit status."""
    result, as_root = kept()
    if missing := incomplete(result):
        print(
            f"bench.page: {RESULT} lacks {', '.join(missing)}: the page is that of a whole run, with limit "
            "and bubblewrap",
            file=sys.stderr,
        )
        return 1
    for path, text in files(result, as_root).items():
        path.write_text(text)
    return 0


def kept() -> tuple[Result, Result | None]:
    """The results that are kept: an ordinary user's, and root's or None."""
    root = json.loads(AS_ROOT.read_text()) if AS_ROOT.exists() else None
    return json.loads(RESULT.read_text()), root


def incomplete(result: Result) -> list[str]:
    """What a page needs of a run, and this one has not."""
    return [mode for mode in MODES if mode not in result] + [
        name for name in ("limit", "bubblewrap") if name not in result.get("single", {})
    ]


def files(result: Result, as_root: Result | None = None) -> dict[Path, str]:
    """The page and its plots, as they have to be for `result`, and what root measured besides."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        PAGE: before + BEGIN + "\n" + measured(result, as_root) + "\n" + END + after,
        PAGE.with_name("performance-one-box.svg"): svg.single(result),
        PAGE.with_name("performance-binds.svg"): svg.growth(result),
    }


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def measured(result: Result, as_root: Result | None = None) -> str:
    """The tables."""
    root = (
        [] if as_root is None else ["### One box, by root\n", _by_root(as_root), _single(as_root)]
    )
    return "\n".join(
        [
            _machine(result),
            "### One box\n",
            "![one box](performance-one-box.svg)\n",
            _single(result),
            *root,
            "### What has to hold\n",
            _verdicts(result),
            "### Binds\n",
            "![by binds](performance-binds.svg)\n",
            _growth(result),
            f"### {result['crowd']} boxes, by how many at once\n",
            _crowds(result),
            "### Memory\n",
            _memory(result),
            "### The trace on a terminal\n",
            _trace(result),
            "### What costs what in the kernel\n",
            _parts(result),
            "### Where a box is not equal\n",
            _unlike(result),
        ]
    )


def _machine(result: Result) -> str:
    versions = ", ".join(
        text if text.startswith(name) else f"{name}: {text}"
        for name, text in sorted(result["versions"].items())
    )
    return (
        f"{machine(result)} An ordinary user, "
        f"{result['runs']} rounds, each in an order of its own. {versions}.\n"
    )


def _single(result: Result) -> str:
    rows = sorted(result["single"].items(), key=lambda row: row[1]["median"])
    base = [result["single"][name]["median"] for name in ("limit", "bubblewrap")]
    return _table(
        ["", "median, ms", "middle half", "fastest", "/ limit", "/ bubblewrap"],
        [
            [
                name, f"{each['median']:.2f}", f"{each['low']:.2f} … {each['high']:.2f}",
                f"{each['least']:.2f}", *[f"{each['median'] / one:.2f}" for one in base],
            ]
            for name, each in rows
        ],
    )  # fmt: skip


def _by_root(result: Result) -> str:
    others = [name for name in result["differences"] if name not in ("limit", "bubblewrap")]
    return (
        f"{result['machine']['when']}, {result['runs']} rounds, load {result['machine']['load']} at "
        f"the start: {', '.join(others)}. Some work for root only, or differently.\n"
    )


def _verdicts(result: Result) -> str:
    sign = {True: "≥", False: "≤"}
    words = {True: "yes", False: "**no**", None: "not measured"}
    return _table(
        ["", "is", "wanted", "holds"],
        [
            [
                each.claim,
                "–" if each.value is None else f"{each.value:.2f}{each.unit}",
                "–" if each.bound is None else f"{sign[each.least]} {each.bound:.3g}{each.unit}",
                words[each.holds],
            ]
            for each in verdicts(result)
        ],
    )


def _growth(result: Result) -> str:
    sizes = sorted({point["binds"] for each in result["growth"].values() for point in each})
    rows, notes = [], []
    for name, points in result["growth"].items():
        known = {point["binds"]: point.get("ms") for point in points}
        cells = [known.get(size) for size in sizes]
        rows.append([name, *["–" if cell is None else f"{cell:.1f}" for cell in cells]])
        notes += [
            f"{name} at {point['binds']}: {point['why']}." for point in points if "why" in point
        ]
    heads = ["ms by binds", *[f"{size}" for size in sizes]]
    ended = "A peer stops where one box takes too long. " + " ".join(notes)
    return _table(heads, rows) + "\n" + ended.strip() + "\n"


def _crowds(result: Result) -> str:
    columns = ("1", "2", "16")
    rows = []
    for name, found in result["crowds"].items():
        cells = [found.get(column) for column in columns]
        rows.append([name, *[f"{c:.2f}" if isinstance(c, float) else "–" for c in cells]])
    return _table(["ms a box", *columns], rows)


def _memory(result: Result) -> str:
    rows = [[name, held(found)] for name, found in result["memory"].items()]
    alive = result["alive"]
    standing = [
        [
            name,
            f"{found['ms'] / 1000:.2f}",
            f"{found['processes']}",
            "–" if found["kB"] is None else f"{found['kB'] / 1024:.1f}",
        ]
        for name, found in alive.items()
        if isinstance(found, dict)
    ]
    return (
        _table(["one box", "processes that wait, Pss in kB"], rows)
        + "\n"
        + _table(
            [f"{alive['boxes']} boxes alive", "s until all stand", "processes", "waiting, MiB"],
            standing,
        )
    )


def _trace(result: Result) -> str:
    rows = [[name, f"{each['median']:.1f}"] for name, each in result["trace"].items()]
    return _table(["until init begins", "ms"], rows)


def _parts(result: Result) -> str:
    whole = result["parts"][WHOLE]["median"]
    rows = [
        [
            name,
            f"{each['median']:.2f}",
            f"{each['low']:.2f} … {each['high']:.2f}",
            f"{each['median'] - whole:+.2f}",
        ]
        for name, each in result["parts"].items()
    ]
    return _table(["the limit", "median, ms", "middle half", "beside the whole"], rows)


def _unlike(result: Result) -> str:
    lines = [
        "Checked from inside before measuring, against the box of `toyspec up`; the same where "
        "nothing is listed.\n"
    ]
    for name, found in result["differences"].items():
        lines.append(f"- {name}: {'; '.join(found) if found else 'nothing'}")
    lines += [f"- {name} took no part: {why}" for name, why in result["absent"].items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
