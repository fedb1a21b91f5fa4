"""A detached box: its streams are nobody's terminal. Input is empty, output goes to the monitor."""

from __future__ import annotations

from toyspec.plan import calls
from toyspec.plan.process_calls import dont_wait
from toyspec.plan.pty_calls import dup3
from toyspec.plan.step import Expect
from toyspec.plan.writer import Writer
from toyspec.spec.model import Origin

ASKED = Origin("", default="-d")
PIPES = ("out", "err")


def make(w: Writer) -> None:
    """The monitor opens what init's 0, 1 and 2 become: before anything of the box's is there."""
    w.about("streams of its own: nothing to read, and a pipe each for what it prints", ASKED)
    w.do(calls.openat(calls.CWD, "/dev/null", "O_RDONLY"), "standard input", yields="empty")
    w.do(
        calls.statx_type("empty"),
        "the device that is always empty, and nothing else (CVE-2025-31133)",
        expects=Expect(device="1:3"),
    )
    for pipe, name in (("out", "output"), ("err", "error")):
        w.do(calls.pipe2(pipe, "O_CLOEXEC"), f"standard {name}, for the log", yields=pipe)
        why = "the box may open its end anew and read first: the monitor must not wait for more"
        w.do(dont_wait(f"{pipe}.read"), why)


def keep(w: Writer) -> None:
    """The monitor holds the ends that it reads, and of one pipe the other too: it may have to say
    something itself when the box is gone.
    """
    w.do(calls.close("empty"), "only init reads there")
    w.do(calls.close("out.write"), "the monitor only reads")


def inherit(w: Writer) -> None:
    """Setup holds init's ends until init is there."""
    for pipe in PIPES:
        w.do(calls.close(f"{pipe}.read"), "only the monitor reads what the box prints")


def hand_over(w: Writer) -> None:
    """Setup needs none of them any more."""
    for slot in ("empty", "out.write", "err.write"):
        w.do(calls.close(slot), "init's alone, from here on")


def take(w: Writer) -> None:
    """They become init's 0, 1 and 2."""
    w.about("streams of its own: nothing to read, and a pipe each for what it prints", ASKED)
    for slot, fd, name in (
        ("empty", 0, "input"),
        ("out.write", 1, "output"),
        ("err.write", 2, "error"),
    ):
        w.do(dup3(slot, fd), f"standard {name}; the caller's own is not the box's")
