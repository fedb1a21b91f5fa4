"""The view: a process of its own that draws a run from the shared page, then says `go`.

It is forked before anything else (a second thread would make unshare(CLONE_NEWUSER) fail with
EINVAL, so a thread is no choice) and imports rich once a run takes so long that there will be a
frame: the processor is the box's until then. It never reads the terminal, never hides the cursor, and
never outlives the monitor.
"""

from __future__ import annotations

import os
import time

from toyspec.run.progress import Progress
from toyspec.show.paint import Line, render
from toyspec.show.trace import PLAIN, Trace, is_over, last, look
from toyspec.start.page import FAILED, LOADING, QUIT

_QUICK = 60_000_000  # ns: a box that stands before this is one line, with no flicker before it
_SLOW = 15_000_000  # ns: from then on rich is imported, to be there when the first frame is due
_FRAME = 50_000_000  # ns between two frames of a slow one
_GRACE = 2000  # ms that the monitor waits for the last line of a view

_DONE = b"\x01"


class View:
    """The monitor's end. Readable: the last line is out (one byte), or the view is gone (EOF)."""

    def __init__(self, progress: Progress, pid: int, fd: int) -> None:
        self.pid = pid
        self._progress = progress
        self._fd = fd

    def fileno(self) -> int:
        """What to poll."""
        return self._fd

    def close(self) -> None:
        """End it: afterwards nothing of the view's can appear. A second time does nothing.

        A view that is done is only reaped. One that is not shows where a failed run stopped, or
        goes without a word; if it cannot (a stopped terminal), it is killed.
        """
        if self._fd < 0:
            return
        import select

        self._progress.state = FAILED if self._progress.failure() else QUIT
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        if not poll.poll(_GRACE):
            os.kill(self.pid, 9)
        os.close(self._fd)
        self._fd = -1
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass  # whoever waits for every child of the monitor was first


def draw(progress: Progress, monitor: int, writer: int, *, colour: bool) -> None:
    """Be the view of a run that `monitor`, our parent, is about to begin; does not return.

    Where standard error is no terminal its last line is plain, and no phase is left out.
    """
    _view(progress, monitor, _Screen(colour, False), writer)


def start(progress: Progress, *, colour: bool, verbose: bool = False) -> View:
    """Fork the view. Without `colour` it draws its last line only, plain. Raises OSError."""
    monitor = os.getpid()
    reader, writer = os.pipe()
    try:
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            _view(progress, monitor, _Screen(colour, verbose), writer)
    finally:
        if os.getpid() != monitor:  # whatever happens: the view's copy of the caller ends here
            os._exit(0)
    os.close(writer)
    return View(progress, pid, reader)


def _view(progress: Progress, monitor: int, screen: _Screen, writer: int) -> None:
    import signal

    # It stands in the caller's group: ^C, ^\ and ^Z are for the monitor. SIGTTOU would stop it for
    # ever (stty tostop) once init leads the foreground group, and nobody would say `go`.
    for name in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU, signal.SIGTTIN):
        signal.signal(name, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    try:
        if _watch(progress, monitor, screen):
            os.write(writer, _DONE)
    finally:
        os._exit(0)


def _watch(progress: Progress, monitor: int, screen: _Screen) -> bool:
    """Draw until the run is over; False where there was nothing to draw."""
    published: list[tuple[str, tuple[int, ...]]] = []
    while True:
        state = progress.state
        if state == QUIT or os.getppid() != monitor:
            return False
        if state != LOADING and not published:
            published = progress.phases()
        if state == FAILED and not published:
            return True
        if state == LOADING:
            time.sleep(0.002)
            continue
        go_step = published[0][1][0]
        if state == FAILED or is_over(progress, go_step):
            trace = look(progress, published)
            screen.last(last(progress, trace, go_step, _size()[0]), trace)
            return True
        since = time.time_ns() - progress.started
        if since >= _SLOW:
            screen.prepare()
        if since < _QUICK:
            time.sleep(0.0002)
        else:
            screen.frame(look(progress, published))
            time.sleep(0.002)


class _Screen:
    """Standard error as a terminal. Each change is one write, so nothing can tear it."""

    def __init__(self, colour: bool, verbose: bool) -> None:
        self._colour = colour
        self._verbose = verbose
        self._prepared = False
        self._rich = False
        self._height = 0  # lines of the frame that stands there now
        self._next = 0  # when the next frame is due

    def prepare(self) -> None:
        """Import rich in a thread (this process has no namespaces to unshare): waits for nobody."""
        if not self._colour or self._prepared:
            return
        self._prepared = True
        import sys
        import threading

        sys.setswitchinterval(0.0005)  # the importing thread must not delay the last line
        threading.Thread(target=self._import, daemon=True).start()

    def _import(self) -> None:
        import toyspec.show.frame  # noqa: F401

        self._rich = True

    def frame(self, trace: Trace) -> None:
        """The phases of a slow run, in place of the frame before."""
        now = time.time_ns()
        if not self._rich or now < self._next:
            return
        self._next = now + _FRAME
        columns, lines = _size()
        text = self._table(trace, columns, lines - 1)
        self._write(self._back() + text)
        self._height = text.count("\n")

    def last(self, line: Line, trace: Trace) -> None:
        """The one line that stays."""
        columns, lines = _size()
        table = self._table(trace, columns, lines) if self._verbose and self._colour else ""
        self._write(self._back() + table + render([line], self._colour))

    def _table(self, trace: Trace, columns: int, lines: int) -> str:
        from toyspec.show.frame import frame

        return "".join(frame(trace, columns).splitlines(keepends=True)[: max(lines - 1, 1)])

    def _back(self) -> str:
        """To where the frame began, and nothing below it."""
        return f"\r\x1b[{self._height}A\x1b[J" if self._height else ""

    def _write(self, text: str) -> None:
        data = memoryview(text.encode("utf-8", "replace"))
        while data:
            data = data[os.write(2, data) :]


def _size() -> tuple[int, int]:
    try:
        columns, lines = os.get_terminal_size(2)
    except OSError:
        return PLAIN, 24
    return columns or 80, lines or 24
