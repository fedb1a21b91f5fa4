"""How a box lives and ends: the keys `reaper`, `die_with_parent`, `stop_signal` and `stop_grace_period`."""

from __future__ import annotations

from toyspec.spec.context import Context
from toyspec.spec.shown import quote
from toyspec.spec.words import nearest
from toyspec.spec.wrong import Wrong

SIGNALS = (
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "CONT", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM",
    "PROF", "WINCH", "IO", "PWR", "SYS",
)  # fmt: skip
"""signal(7), without STOP, which ends nothing, and CHLD, which no box is told by."""
STOP_SIGNAL = "SIGTERM"
GRACE = 10_000
"""Milliseconds between the signal that asks a box to end and the one that ends it, as Compose has it."""
_REALTIME = "RTMIN+"
_ABOVE = tuple(str(above) for above in range(31))  # SIGRTMAX is 64, SIGRTMIN 34, as glibc counts
_UNITS = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


def reaper(context: Context) -> bool:
    """Whether PID 1 is toyspec's own. What the command line asks for holds where the spec is silent."""
    asked = context.overrides.reaper
    shown = "false" if not asked else "true"
    context.note("reaper", f"reaper: {shown}" + (", from the command" if asked else ""))
    if "reaper" not in context.data or not context.usable("reaper"):
        return bool(asked)
    return context.data["reaper"] is True


def die_with_parent(context: Context) -> bool:
    """Whether the box ends when whoever started `toyspec` does."""
    context.note("die_with_parent", "die_with_parent: true")
    return context.data.get("die_with_parent") is not False


def stop_signal(context: Context) -> str:
    """By the kernel's name, or SIGRTMIN+N with N from 0 to 30."""
    context.note("stop_signal", f"stop_signal: {STOP_SIGNAL}")
    if "stop_signal" not in context.data or not context.usable("stop_signal"):
        return STOP_SIGNAL
    text: str = context.data["stop_signal"]
    plain = text.removeprefix("SIG")
    number = plain.removeprefix(_REALTIME)
    if plain in SIGNALS:
        return "SIG" + plain
    if plain.startswith(_REALTIME) and number in _ABOVE:
        return "SIG" + plain
    guess = plain.upper().removeprefix("SIG")
    near = guess.lower() if guess in SIGNALS else nearest(guess, [s.lower() for s in SIGNALS])
    label = f"did you mean `SIG{near.upper()}`?" if near else "a name of signal(7), or SIGRTMIN+3"
    wrong = Wrong(f"{quote(text)} is no signal that a box can be stopped by", label)
    context.refuse(wrong, context.node("stop_signal"), "stop_signal")
    return STOP_SIGNAL


def stop_grace_period(context: Context) -> int:
    """Milliseconds; the schema's pattern has seen to what can be written."""
    context.note("stop_grace_period", f"stop_grace_period: {GRACE // 1000}s")
    if "stop_grace_period" not in context.data or not context.usable("stop_grace_period"):
        return GRACE
    return milliseconds(context.data["stop_grace_period"])


def milliseconds(text: str) -> int:
    """Of a duration as Compose writes it: `1m30s`, `2.5s`, `500ms`, `1h`."""
    total, number = 0.0, ""
    rest = text
    while rest:
        number = rest[: len(rest) - len(rest.lstrip("0123456789."))]
        unit = "ms" if rest[len(number) :].startswith("ms") else rest[len(number)]
        total += float(number) * _UNITS[unit]
        rest = rest[len(number) + len(unit) :]
    return round(total)
