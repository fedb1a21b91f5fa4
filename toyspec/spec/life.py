"""How a box lives and ends: the keys `reaper` and those of its end."""

from __future__ import annotations

from toyspec.spec.context import Context


def reaper(context: Context) -> bool:
    """Whether PID 1 is toyspec's own. What the command line asks for holds where the spec is silent."""
    asked = context.overrides.reaper
    shown = "false" if not asked else "true"
    context.note("reaper", f"reaper: {shown}" + (", from the command" if asked else ""))
    if "reaper" not in context.data or not context.usable("reaper"):
        return bool(asked)
    return context.data["reaper"] is True
