"""What the process of a view does: it looks at the shared page, and draws until the run is over.

Imported there alone, while others build the box.
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


def watch(progress: Progress, monitor: int, screen: Screen) -> bool:
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


class Screen:
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
