"""How a box lives and ends: the keys `reaper`, `die_with_parent`, `stop_signal` and `stop_grace_period`."""

from __future__ import annotations

from toyspec.spec import signals
from toyspec.spec.context import Context
from toyspec.spec.durations import milliseconds
from toyspec.spec.shown import quote
from toyspec.spec.wrong import Wrong

STOP_SIGNAL = "SIGTERM"
GRACE = 10_000
"""Milliseconds between the signal that asks a box to end and the one that ends it, as Compose has it."""


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
    found = signals.signal(text)
    if found is not None:
        return found
    wrong = Wrong(f"{quote(text)} is no signal that a box can be stopped by", signals.meant(text))
    context.refuse(wrong, context.node("stop_signal"), "stop_signal")
    return STOP_SIGNAL


def stop_grace_period(context: Context) -> int:
    """Milliseconds; the schema's pattern has seen to what can be written."""
    context.note("stop_grace_period", f"stop_grace_period: {GRACE // 1000}s")
    if "stop_grace_period" not in context.data or not context.usable("stop_grace_period"):
        return GRACE
    return milliseconds(context.data["stop_grace_period"])
