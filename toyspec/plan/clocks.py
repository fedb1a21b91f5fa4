"""Clocks of the box's own: offsets of a new time namespace (time_namespaces(7))."""

from __future__ import annotations

from toyspec.plan import proc_files
from toyspec.plan.box import Box
from toyspec.plan.writer import Writer

_BILLION = 1_000_000_000


def open_offsets(w: Writer, box: Box) -> None:
    """Before the namespaces: the kernel asks who opened the file, and later it may be out of reach."""
    if not box.spec.time_offsets:
        return
    w.about("clocks of its own", box.origin("namespaces.time"))
    proc_files.open_own(w, "timens_offsets", "clocks")


def write_offsets(w: Writer, box: Box) -> None:
    """After unshare(2) and before the first fork: then they are fixed."""
    if not box.spec.time_offsets:
        return
    shown = ", ".join(f"{clock} {_shown(offset)}" for clock, offset in box.spec.time_offsets)
    w.about(f"clocks: {shown}", box.origin("namespaces.time"))
    lines = [
        f"{clock} {offset // _BILLION} {offset % _BILLION}\n"
        for clock, offset in box.spec.time_offsets
    ]
    why = "clock, seconds, nanoseconds; they hold from the next fork on, and never change again"
    proc_files.write(w, "clocks", "".join(lines), why)


def _shown(offset: int) -> str:
    """`+3600 s`"""
    whole, part = divmod(abs(offset), _BILLION)
    fraction = f".{part:09d}".rstrip("0") if part else ""
    return f"{'-' if offset < 0 else '+'}{whole}{fraction} s"
