"""The view: a process of its own that draws a run from the shared page, then says `go`.

It is forked when all is ready for the run (a second thread would make unshare(CLONE_NEWUSER) fail with
EINVAL, so a thread is no choice), imports by itself what it draws with, and rich once a run takes so
long that there will be a frame: the processor is the box's until then. It never reads the terminal,
never hides the cursor, and never outlives the monitor.
"""

from __future__ import annotations

import os

from toyspec.run.progress import Progress
from toyspec.start.page import FAILED, QUIT

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
    _view(progress, monitor, writer, colour, False)


def start(progress: Progress, *, colour: bool, verbose: bool = False) -> View:
    """Fork the view. Without `colour` it draws its last line only, plain. Raises OSError."""
    monitor = os.getpid()
    reader, writer = os.pipe()
    try:
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            _view(progress, monitor, writer, colour, verbose)
    finally:
        if os.getpid() != monitor:  # whatever happens: the view's copy of the caller ends here
            os._exit(0)
    os.close(writer)
    return View(progress, pid, reader)


def _view(progress: Progress, monitor: int, writer: int, colour: bool, verbose: bool) -> None:
    import signal

    # It stands in the caller's group: ^C, ^\ and ^Z are for the monitor. SIGTTOU would stop it for
    # ever (stty tostop) once init leads the foreground group, and nobody would say `go`.
    for name in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU, signal.SIGTTIN):
        signal.signal(name, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    try:
        from toyspec.show.screen import Screen, watch

        if watch(progress, monitor, Screen(colour, verbose)):
            os.write(writer, _DONE)
    finally:
        os._exit(0)
