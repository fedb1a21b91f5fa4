"""Writing what a process may say of itself in /proc/self: each file is opened, then looked at."""

from __future__ import annotations

from toyspec.plan import calls
from toyspec.plan.step import Expect
from toyspec.plan.writer import Writer


def open_own(w: Writer, name: str, slot: str) -> None:
    """Open /proc/self/NAME; the next step proves that it is procfs's (CVE-2025-52881)."""
    opened = calls.openat(calls.CWD, f"/proc/self/{name}", "O_WRONLY")
    w.do(opened, "opened first, so that the next step can look at what it is", yields=slot)
    w.do(
        calls.fstatfs(slot),
        "what is written lands in procfs, not in something mounted over it (CVE-2025-52881)",
        expects=Expect(filesystem="PROC_SUPER_MAGIC"),
    )


def write(w: Writer, slot: str, text: str, why: str) -> None:
    """All of `text` at once, as the kernel wants it there; and the descriptor closed."""
    w.do(calls.write(slot, (text,)), why, expects=Expect(result="count"))
    w.do(calls.close(slot), "done with it")
