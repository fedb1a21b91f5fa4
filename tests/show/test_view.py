"""The view on a real terminal: a pseudo-terminal whose other end the test reads."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.show.runs import begin, build, published, until_go
from toyspec.run.progress import Progress
from toyspec.show import view
from toyspec.show.phases import go
from toyspec.show.trace import plain_trace
from toyspec.show.view import View
from toyspec.start.page import FAILED, QUIT

FOLDED = re.compile(r"dev: 16 steps in [0-9.]+ m?s")
HIDE = "\x1b[?25l"


class Screen:
    """What a terminal got on this process's standard error while the view ran."""

    def __init__(self, master: int) -> None:
        self.master = master
        self.text = ""

    def read(self, seconds: float = 0.05) -> str:
        """Everything until nothing comes for `seconds`."""
        while select.select([self.master], [], [], seconds)[0]:
            try:
                self.text += os.read(self.master, 4096).decode()
            except OSError:
                break
        return self.text

    @property
    def plain(self) -> str:
        """Without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.text)


@contextmanager
def terminal(columns: int = 80) -> Iterator[Screen]:
    """Standard error is a terminal of this width."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    saved = os.dup(2)
    os.dup2(slave, 2)
    try:
        yield Screen(master)
    finally:
        os.dup2(saved, 2)
        for fd in (saved, master, slave):
            os.close(fd)


def answer(shown: View, seconds: float = 5.0) -> bytes:
    """What the view tells the monitor: a byte, or the end of file; fails where it is silent."""
    assert select.select([shown], [], [], seconds)[0], "the view says nothing"
    return os.read(shown.fileno(), 1)


def gone(pid: int) -> bool:
    """Whether a process has ended, and is no child that waits to be reaped either."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def start(progress: Progress, *, colour: bool = True, verbose: bool = False) -> View:
    return view.start(progress, colour=colour, verbose=verbose)


def slowly(progress: Progress, screen: Screen) -> None:
    """Build, and wait before the end until a frame is drawn (rich has to be imported first)."""
    made = published(progress)
    steps = list(until_go(made))
    for step in steps[:6]:
        progress.done(step.id, time.monotonic_ns(), 0)
    deadline = time.monotonic() + 20
    while "› attach" not in screen.plain and time.monotonic() < deadline:
        screen.read()
    for step in steps[6:]:
        time.sleep(0.02)
        progress.done(step.id, time.monotonic_ns(), 0)
    time.sleep(0.1)
    begin(progress, "init", go(made))


@pytest.mark.parametrize("colour", [False, True])
def test_a_quick_box_is_one_line(colour: bool) -> None:
    progress = Progress()
    with terminal() as screen:
        shown = start(progress, colour=colour)
        build(progress, published(progress))
        assert answer(shown) == b"\x01"
        screen.read()
        shown.close()
        assert FOLDED.match(screen.plain)
        assert screen.text.count("\n") == 1
        assert ("\x1b[" in screen.text) is colour
        assert gone(shown.pid)


def test_a_slow_box_is_drawn_then_folded_and_the_cursor_never_hidden() -> None:
    progress = Progress()
    with terminal() as screen:
        shown = start(progress)
        slowly(progress, screen)
        answer(shown)
        screen.read()
        shown.close()
    assert HIDE not in screen.text
    assert "› attach" in screen.plain
    before, after = screen.plain.rsplit("\x1b[J", 1)
    assert "namespaces" in before
    assert FOLDED.match(after)
    assert after.count("\n") == 1


def test_what_stands_on_the_screen_in_the_end_is_one_line() -> None:
    """Each frame goes back over exactly the lines of the one before."""
    progress = Progress()
    with terminal() as screen:
        shown = start(progress)
        slowly(progress, screen)
        answer(shown)
        screen.read()
        shown.close()
    height = 0
    for part in re.split(r"\r\x1b\[(?=[0-9]+A\x1b\[J)", screen.plain):
        moved = re.match(r"([0-9]+)A\x1b\[J", part)
        assert (int(moved[1]) if moved else 0) == height
        height = part.count("\n")
    assert height == 1


def test_verbose_keeps_the_phases() -> None:
    progress = Progress()
    with terminal() as screen:
        shown = start(progress, verbose=True)
        build(progress, published(progress))
        answer(shown)
        screen.read()
        shown.close()
    lines = screen.plain.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == [
        "prepare", "namespaces", "identity", "attach", "confine",
    ]  # fmt: skip
    assert FOLDED.match(lines[-1])


def test_a_narrow_terminal_wraps_nothing() -> None:
    progress = Progress()
    with terminal(columns=30) as screen:
        shown = start(progress)
        build(progress, published(progress))
        answer(shown)
        screen.read()
        shown.close()
    assert len(screen.plain.splitlines()[0]) < 30


def test_a_failed_run_shows_where_it_stopped() -> None:
    progress = Progress()
    with terminal() as screen:
        shown = start(progress)
        published(progress)
        for step in (1, 2, 4, 5, 6, 7):
            progress.done(step, time.monotonic_ns(), 0)
        progress.fail(8, 22)
        shown.close()
        screen.read()
        assert gone(shown.pid)
    assert "dev: stopped at step 8 of 16, in attach after" in screen.plain


def test_a_line_does_not_know_of_the_command_however_late_it_is() -> None:
    progress = Progress()
    build(progress, published(progress))
    progress.fail(16, 2)
    progress.state = FAILED
    with terminal() as screen:
        shown = start(progress)
        shown.close()
        screen.read()
    assert screen.plain.startswith("dev: 16 steps in ")
    assert plain_trace(progress)[-1].startswith("dev: 16 steps in ")


@pytest.mark.parametrize("state", [None, QUIT, FAILED])
def test_a_run_that_never_began_shows_nothing(state: int | None) -> None:
    progress = Progress()
    with terminal() as screen:
        shown = start(progress)
        if state is not None:
            progress.state = state
        shown.close()
        shown.close()
        assert screen.read() == ""
        assert gone(shown.pid)


def test_signals_of_the_terminal_do_not_end_it() -> None:
    progress = Progress()
    with terminal() as screen:
        shown = start(progress)
        time.sleep(0.3)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU):
            os.kill(shown.pid, number)
        build(progress, published(progress))
        assert answer(shown) == b"\x01"
        shown.close()
        assert FOLDED.match(screen.read() and screen.plain)


def test_a_killed_view_is_the_end_of_the_pipe() -> None:
    progress = Progress()
    with terminal():
        shown = start(progress)
        os.kill(shown.pid, signal.SIGKILL)
        assert answer(shown) == b""
        shown.close()


def test_a_view_that_cannot_write_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "_GRACE", 200)
    progress = Progress()
    with terminal():
        shown = start(progress)
        time.sleep(0.3)
        os.kill(shown.pid, signal.SIGSTOP)
        began = time.monotonic()
        shown.close()
        assert time.monotonic() - began < 2
        assert gone(shown.pid)


def in_a_child(action: Callable[[], None]) -> int:
    """Fork; the child's exit status is 0 if `action` came to its end."""
    pid = os.fork()
    if pid == 0:
        try:
            action()
            os._exit(0)
        finally:
            os._exit(1)
    return pid


@pytest.mark.parametrize("began", [False, True])
def test_it_does_not_outlive_the_monitor(began: bool) -> None:
    reader, writer = os.pipe()
    progress = Progress()

    def monitor() -> None:
        shown = start(progress)
        if began:
            published(progress)
        os.write(writer, str(shown.pid).encode())
        time.sleep(60)

    with terminal():
        pid = in_a_child(monitor)
        view_pid = int(os.read(reader, 20))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        deadline = time.monotonic() + 5
        while running(view_pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not running(view_pid)
    for fd in (reader, writer):
        os.close(fd)


def running(pid: int) -> bool:
    """Whether a process, nobody's child here, has not ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


def test_no_descriptor_of_it_is_passed_on() -> None:
    progress = Progress()
    with terminal():
        shown = start(progress)
        assert not os.get_inheritable(shown.fileno())
        shown.close()
