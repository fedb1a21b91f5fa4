"""The monitor after `supervise`: it relays signals, sends `go`, and waits until all is gone."""

from __future__ import annotations

import errno
import os
import select
import signal
import time
from typing import TYPE_CHECKING, Protocol

from toyspec.kernel.signals import open_signals, read_signals
from toyspec.run.ending import handles
from toyspec.run.relay import INTERRUPTED
from toyspec.run.terminal import Terminal

if TYPE_CHECKING:
    from toyspec.run.progress import Progress

GRACE = 10.0  # seconds between TERM and KILL, as compose gives
_DEADLY = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
_KILLING_PRESSES = 3
_NOT_RELAYED = (signal.SIGCHLD, signal.SIGCONT, signal.SIGTTOU, signal.SIGTTIN, signal.SIGWINCH)


class Drawing(Protocol):
    """The view, as far as the monitor knows it."""

    def fileno(self) -> int:
        """Becomes readable when the last line is out, or the view is gone."""

    def close(self) -> None:
        """Nothing more is expected of it."""


class Monitor:
    """One box from outside. `init_step` is the id of the step that forks init."""

    def __init__(
        self, arch: str, setup: int, exec_fd: int, go_fd: int, progress: Progress, init_step: int
    ) -> None:
        self.arch, self.setup = arch, setup
        self.exec_fd, self.go_fd = exec_fd, go_fd
        self.progress, self.init_step = progress, init_step
        self.signals = open_signals(arch)
        self.executing = False  # init's execve succeeded, or will never be made
        self.ended_by: int | None = None  # a signal that came while the box was being built
        self.presses = 0
        self.deadline: float | None = None
        self.terminal: Terminal | None = None

    @property
    def init(self) -> int:
        """Init's pid as the host knows it; 0 before it is forked."""
        return self.progress.result(self.init_step) if self.progress.when(self.init_step) else 0

    def supervise(self, view: Drawing | None, terminal: Terminal | None) -> int | None:
        """Until setup is gone; returns its raw wait status. Init's own end is left to look at."""
        self.terminal = terminal
        poll = select.poll()
        poll.register(self.signals, select.POLLIN)
        poll.register(self.exec_fd, select.POLLIN)
        if view is None:
            self.go()
        else:
            poll.register(view.fileno(), select.POLLIN)
        status: int | None = None
        while status is None:
            for fd, _ in poll.poll(self._patience()):
                if fd == self.exec_fd:
                    self.executing = True
                    poll.unregister(fd)
                elif fd == self.signals:
                    self._take()
                elif view is not None:
                    poll.unregister(fd)
                    self.go()
            if self.deadline is not None and time.monotonic() >= self.deadline:
                self.kill()
            status = self._reap()
        return status

    def go(self) -> None:
        """One byte: init may execute its command. Nobody reading means that it failed."""
        try:
            os.write(self.go_fd, b"g")
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise

    def kill(self) -> None:
        """End the box: init dies of setup's end, everything in it of init's."""
        self.deadline = None
        try:
            os.kill(self.setup, signal.SIGKILL)
        except ProcessLookupError:
            pass  # reaped already

    def _patience(self) -> float | None:
        if self.deadline is None:
            return None
        return max(0.0, self.deadline - time.monotonic()) * 1000

    def _take(self) -> None:
        for number, sender in read_signals(self.signals):
            if number == INTERRUPTED and sender == self.setup:
                self._typed(signal.SIGINT)
            elif number in _NOT_RELAYED or number >= signal.SIGRTMIN:
                continue
            elif number in _DEADLY and not self.executing:
                self.ended_by = number
                self.kill()
            else:
                self._relay(number)

    def _relay(self, number: int) -> None:
        os.kill(self.setup, number)
        if number in (signal.SIGTERM, signal.SIGHUP):
            self.deadline = time.monotonic() + GRACE
        elif number in (signal.SIGINT, signal.SIGQUIT):
            self._typed(number)

    def _typed(self, number: int) -> None:
        """^C at a PID 1 without a handler: the kernel drops it, so someone has to say so."""
        if handles(self.init, number) is not False:
            self.presses = 0
            return
        self.presses += 1
        if self.presses == 1:
            again = _KILLING_PRESSES - 1
            text = (
                f"\r\ntoyspec: init has no handler for ^C, and Linux does not end a PID 1 by it; "
                f"{again} times more ends the box\r\n"
            )
            try:
                os.write(2, text.encode())
            except OSError:
                pass  # nobody reads it
        elif self.presses >= _KILLING_PRESSES:
            self.kill()

    def _reap(self) -> int | None:
        """setup's status once it has ended; a stop of it is a stop of the whole job."""
        pid, status = os.waitpid(self.setup, os.WNOHANG | os.WUNTRACED)
        if not pid:
            return None
        if os.WIFSTOPPED(status):
            self._stop()
            return None
        return status

    def _stop(self) -> None:
        if self.terminal is not None:
            self.terminal.take_back()
        os.kill(os.getpid(), signal.SIGSTOP)
        if self.terminal is not None and self.init:
            self.terminal.hand_over(self.init)
        os.kill(self.setup, signal.SIGCONT)
