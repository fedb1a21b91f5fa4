"""A kept box whose trace is shown: by a child, forked before this process becomes the box.

The box is told to wait for the child's last line before anything that init writes is shown, as with
any other run.
"""

from __future__ import annotations

import os
import time

from toyspec.start import page

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Viewer:
    """What the child has to know: the page to draw, whose run it is, and where it says it is done."""

    __slots__ = ("monitor", "page", "writer")

    def __init__(self, page: int, monitor: int, writer: int) -> None:
        self.page = page
        self.monitor = monitor
        self.writer = writer


def become_drawn(phases: bytes, become: Callable[[Sequence[str]], None]) -> Viewer | None:
    """Fork who draws, and `become` the box with the words that tell it of that.

    Returns in the child, and in this process only where the box cannot be executed: None.
    """
    monitor = os.getpid()
    opened: list[int] = []
    child = -1
    try:
        opened = [page.create(), *os.pipe()]
        page.publish(opened[0], phases, time.time_ns())
        child = os.fork()
    except OSError:
        pass  # no memory, no descriptor or no process to spare
    if child == 0:
        os.close(opened[1])
        return Viewer(opened[0], monitor, opened[2])
    if child > 0:
        os.close(opened.pop())
        for fd in opened:
            os.set_inheritable(fd, True)
        become(words(opened[0], opened[1], child))
        page.leave(opened[0])
        os.waitpid(child, 0)
    for fd in opened:
        os.close(fd)
    return None


def words(drawn: int, reader: int, child: int) -> list[str]:
    """What tells a compiled box of the page, and of the child that draws it."""
    return ["--progress", str(drawn), "--view", f"{reader},{child}"]
