"""What the figures have to show: ratios within one run, each against its bound."""

from __future__ import annotations

from typing import Final, NamedTuple

from bench.run import Result

_COMPILED: Final = "toyspec compiled"
_UP: Final = "toyspec up -q"
_COLD: Final = "toyspec up -q --no-cache"
_PYTHON: Final = "python -c pass"
_DRAWS: Final = "python, what the trace draws with"
_LIBRARIES: Final = "python, yaml and jsonschema"


class Verdict(NamedTuple):
    """A claim, the figure, its bound, and whether less or more is wanted. None: not measured."""

    claim: str
    value: float | None
    bound: float | None
    unit: str = "×"
    least: bool = False  # the bound is the least that is wanted

    @property
    def holds(self) -> bool | None:
        """Whether the figure is within its bound."""
        if self.value is None or self.bound is None:
            return None
        return self.value >= self.bound if self.least else self.value <= self.bound


def verdicts(result: Result) -> list[Verdict]:
    """All of them, in order."""
    one = {name: each["median"] for name, each in result.get("single", {}).items()}
    grown = {
        name: {point["binds"]: point.get("ms") for point in points}
        for name, points in result.get("growth", {}).items()
    }
    crowds = result.get("crowds", {})

    def single(name: str, *others: str) -> float | None:
        return _ratio(one.get(name), *[one.get(other) for other in others])

    def binds(name: str, size: int) -> float | None:
        return grown.get(name, {}).get(size)

    held = result.get("memory", {}).get(_COMPILED)
    sizes = [each["kB"] for each in held] if isinstance(held, list) else []
    trace = {name: each["median"] for name, each in result.get("trace", {}).items()}
    warm = [trace.get("with the trace"), trace.get("without")]
    cold = [trace.get("with the trace, cold"), trace.get("without, cold")]
    drawing = _less(one.get(_DRAWS), one.get(_PYTHON))
    planning = _less(
        one.get(_COLD), None if _PYTHON not in one else one[_PYTHON] + one.get("limit", 0)
    )
    beyond = None if drawing is None or planning is None else max(drawing - planning, 0)
    a_bind = _ratio(
        _a_bind(grown.get(_COMPILED, {}), 10000), _a_bind(grown.get(_COMPILED, {}), 100)
    )
    up_bind = _ratio(_a_bind(grown.get(_UP, {}), 10000), _a_bind(grown.get(_UP, {}), 100))
    return [
        Verdict("compiled / bubblewrap", single(_COMPILED, "bubblewrap"), 0.6),
        Verdict("compiled / limit", single(_COMPILED, "limit"), 1.1),
        Verdict("largest Pss of a compiled box's waiting process",
                max(sizes) if sizes and None not in sizes else None, 64, " kB"),
        Verdict("up, warm / (python -c pass + limit)", single(_UP, _PYTHON, "limit"), 1.1),
        Verdict("up, warm / crun", single(_UP, "crun"), 1.0),
        Verdict("up, cold / (python with yaml and jsonschema + limit)",
                single(_COLD, _LIBRARIES, "limit"), 1.25),
        Verdict("what the trace adds on a terminal, warm", _less(*warm), drawing, " ms"),
        Verdict("what the trace adds on a terminal, cold", _less(*cold), beyond, " ms"),
        Verdict("bubblewrap / compiled at 1 000 binds",
                _ratio(binds("bubblewrap", 1000), binds(_COMPILED, 1000)), 60, least=True),
        Verdict("bubblewrap / up, warm at 1 000 binds",
                _ratio(binds("bubblewrap", 1000), binds(_UP, 1000)), 30, least=True),
        Verdict("compiled: a bind of 10 000 / a bind of 100", a_bind, 1.5),
        Verdict("up, warm: a bind of 10 000 / a bind of 100", up_bind, 1.5),
        Verdict("compiled / limit, 16 boxes at once",
                _ratio(_number(crowds.get(_COMPILED, {}).get("16")),
                       _number(crowds.get("limit", {}).get("16"))), 1.1),
    ]  # fmt: skip


def _number(value: object) -> float | None:
    return value if isinstance(value, float) else None


def _ratio(value: float | None, *parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    if value is None or len(known) != len(parts) or not parts:
        return None
    return value / sum(known)


def _less(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


def _a_bind(points: dict[int, float | None], size: int) -> float | None:
    """Milliseconds that each of `size` binds adds to a box with one."""
    base, whole = points.get(1), points.get(size)
    return None if base is None or whole is None else (whole - base) / (size - 1)
