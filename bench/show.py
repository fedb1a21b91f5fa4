"""The result for people: tables, and a plot of bars that a terminal can show."""

from __future__ import annotations

from bench.run import Result

_WIDE = 40  # columns of the longest bar
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def text(result: Result) -> str:
    """Everything that was measured."""
    told = [
        machine(result),
        *([single(result)] if "single" in result else []),
        *([growth(result)] if "growth" in result else []),
        *([crowd(result)] if "crowds" in result else []),
        *([memory(result)] if "memory" in result else []),
        *([alive(result)] if "alive" in result else []),
        *([trace(result)] if "trace" in result else []),
        *([parts(result)] if "parts" in result else []),
        unlike(result),
    ]
    return "\n\n".join(told)


def machine(result: Result) -> str:
    """What it was measured on, in one line."""
    found = result["machine"]
    return (
        f"{found['when']}: {found['processor']}, {found['processors']} processors, "
        f"{found['memory in GiB']} GiB; {found['system']}, {found['kernel']}, "
        f"Python {found['python']}; load {found['load']} at the start."
    )


def bar(value: float, most: float) -> str:
    """A bar as long as `value` is of `most`."""
    eighths = round(value / most * _WIDE * 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def single(result: Result) -> str:
    """Medians, spread, ratios to the limit and to bubblewrap, and bars."""
    rows = sorted(result["single"].items(), key=lambda row: row[1]["median"])
    others = [name for name in ("limit", "bubblewrap") if name in result["single"]]
    most = max(each["median"] for _, each in rows)
    heads = "".join(f"{'/ ' + name:>14}" for name in others)
    title = f"ms, {result['runs']} runs"
    lines = [f"{title:<35}{'median':>8}{'middle half':>17}{heads}"]
    for name, each in rows:
        ratios = "".join(
            f"{each['median'] / result['single'][other]['median']:>14.2f}" for other in others
        )
        spread = f"{each['low']:.2f} … {each['high']:.2f}"
        shown = bar(each["median"], most)
        lines.append(f"{name:<35}{each['median']:>8.2f}{spread:>17}{ratios}  {shown}")
    return "\n".join(lines)


def growth(result: Result) -> str:
    """One row a peer, one column a number of binds."""
    sizes = sorted({point["binds"] for each in result["growth"].values() for point in each})
    lines = [f"{'ms by binds':<35}" + "".join(f"{size:>10}" for size in sizes)]
    for name, points in result["growth"].items():
        known = {point["binds"]: point.get("ms") for point in points}
        cells = [known.get(size) for size in sizes]
        lines.append(
            f"{name:<35}" + "".join(f"{'–' if c is None else f'{c:.1f}':>10}" for c in cells)
        )
    return "\n".join(lines)


def crowd(result: Result) -> str:
    """One row a peer, one column a number at once."""
    columns = ("1", "2", "16")
    head = f"{result['crowd']} boxes, ms a box; at once:"
    lines = [f"{head:<35}" + "".join(f"{one:>8}" for one in columns)]
    for name, found in result["crowds"].items():
        cells = [found.get(one) for one in columns]
        lines.append(
            f"{name:<35}"
            + "".join(f"{f'{c:.2f}' if isinstance(c, float) else '–':>8}" for c in cells)
        )
    return "\n".join(lines)


def memory(result: Result) -> str:
    """Pss of the processes that wait for a box."""
    lines = ["Pss in kB of the processes that wait"]
    for name, found in result["memory"].items():
        lines.append(f"{name:<35}{held(found)}")
    return "\n".join(lines)


def alive(result: Result) -> str:
    """All boxes that stood at once: how soon, and Pss of the processes that wait for them."""
    lines = [f"{result['alive']['boxes']} boxes alive"]
    for name, found in result["alive"].items():
        if isinstance(found, dict):
            whole = "?" if found["kB"] is None else f"{found['kB'] / 1024:.1f} MiB"
            lines.append(
                f"{name:<35}{found['ms'] / 1000:.2f} s until all stand, {found['processes']} "
                f"processes, {whole} held by those that wait"
            )
        elif isinstance(found, str):
            lines.append(f"{name:<35}{found}")
    return "\n".join(lines)


def held(found: object) -> str:
    """The processes of one peer."""
    if not isinstance(found, list):
        return str(found)
    words = []
    for each in found:
        size = "?" if each["kB"] is None else f"{each['kB']:.0f}"
        words.append(f"{each['program']} {size}")
    return ", ".join(words) or "none"


def trace(result: Result) -> str:
    """The time to init's first instruction."""
    lines = ["ms until init begins, on a terminal"]
    lines += [f"{name:<35}{each['median']:>8.1f}" for name, each in result["trace"].items()]
    return "\n".join(lines)


def parts(result: Result) -> str:
    """What each part of a box costs."""
    lines = ["ms, by the plan's calls alone"]
    lines += [f"{name:<40}{each['median']:>8.2f}" for name, each in result["parts"].items()]
    return "\n".join(lines)


def unlike(result: Result) -> str:
    """Where a box is not the reference's."""
    lines = []
    for name, found in result["differences"].items():
        lines += [f"{name}: {each}" for each in found]
    lines += [f"{name} takes no part: {why}" for name, why in result["absent"].items()]
    return "\n".join(lines)
