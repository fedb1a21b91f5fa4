"""The box's own terminal from outside: what is typed goes in, what the box writes there comes out.

Two buffers of one read each, and nothing that could block: neither direction waits for the other,
and a box that writes faster than the caller's terminal takes it is held up by its own.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import termios
from typing import Final

from toyspec.kernel.descriptors import receive
from toyspec.kernel.signals import read_signals
from toyspec.run import caller
from toyspec.run.caller import Caller

_TIOCGSID: Final = 0x5429  # asm-generic/ioctls.h
_TIOCSIG: Final = 0x40045436
_MOST: Final = 4096
_LAST: Final = 1 << 16  # bytes: more than a pty holds (drivers/tty/pty.c) when its box has ended
_SECONDS: Final = 0.1  # between two looks whether we came to the foreground: nothing tells of it
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)


class Terminal:
    """What the monitor does with it. `socket`: where init hands over master and slave.

    The slave is kept open: a box that closes all of its own is not at its end. `held`: nothing is
    shown yet, and no key taken, for the trace is being drawn.
    """

    def __init__(self, arch: str, socket: int, *, held: bool) -> None:
        self.held = held
        self.gone = False
        self.caller = Caller()
        self.master = self.slave = -1
        self._arch, self._socket = arch, socket
        self._typed = self._shown = b""
        self._literal = False  # the next byte has no meaning (VLNEXT)

    @property
    def ready(self) -> bool:
        """Whether init has handed it over."""
        return self.master >= 0

    def wants(self) -> dict[int, int]:
        """What to poll, and for which events; a hang-up is always told of."""
        found: dict[int, int] = {}
        if self._socket >= 0:
            found[self._socket] = select.POLLIN
        if self.master < 0 or self.gone:
            return found
        reads = select.POLLIN if not self.held and not self._shown else 0
        writes = select.POLLOUT if self._typed else 0
        if reads or writes:
            found[self.master] = reads | writes
        found[self.caller.fd] = (select.POLLIN if self.caller.raw and not self._typed else 0) | (
            select.POLLOUT if self._shown else 0
        )
        return found

    def patience(self) -> float | None:
        """Seconds until `look` is due; None: an event will tell."""
        waits = self.ready and not self.held and not self.gone and not self.caller.raw
        return _SECONDS if waits else None

    def look(self) -> None:
        """Are we in the foreground now?"""
        if self.ready and not self.held and not self.gone and not self.caller.raw:
            self.enter()

    def take(self) -> None:
        """Init hands it over: it becomes as large as the caller's, with the caller's modes."""
        try:
            found = receive(self._arch, self._socket, 2)
        except BlockingIOError:
            return
        except (OSError, EOFError):
            found = ()
        os.close(self._socket)
        self._socket = -1
        if len(found) < 2:
            return  # it failed, as its own step says
        self.master, self.slave = found
        now = caller.modes(self.caller.fd) if self.caller.in_front() else None
        if now is not None:
            caller.copy(now, self.slave)
        self.resize()
        if not self.held:
            self.enter()

    def show(self) -> None:
        """The trace is drawn: from here on the box is seen and heard."""
        self.held = False
        if self.ready:
            self.enter()

    def enter(self) -> None:
        """All keys to the box, if the foreground is ours."""
        if not self.gone and self.caller.enter():
            self.resize()

    def resize(self) -> None:
        """As the caller's terminal is."""
        size = self.caller.size()
        if size is None or not self.ready:
            return
        try:
            if termios.tcgetwinsize(self.slave) != size:
                termios.tcsetwinsize(self.slave, size)
        except (OSError, termios.error):
            pass  # hung up

    def shrink(self) -> None:
        """By a column for a moment, where a program draws the screen: it draws it anew (SIGWINCH)."""
        now = caller.modes(self.slave)
        size = self.caller.size()
        if now is not None and size is not None and not caller.local(now) & termios.ICANON:
            try:
                termios.tcsetwinsize(self.slave, (size[0], max(size[1] - 1, 1)))
            except (OSError, termios.error):
                pass  # hung up

    def leader(self) -> int:
        """The pid of the session's leader where its own group has the foreground; else 0."""
        try:
            group = os.tcgetpgrp(self.master)
            answer = fcntl.ioctl(self.master, _TIOCGSID, bytes(4))
        except OSError:
            return 0
        return group if group == int.from_bytes(answer, "little") else 0

    def interrupt(self, number: int) -> None:
        """As if its key had been typed: it reaches whoever has the foreground there."""
        try:
            fcntl.ioctl(self.master, _TIOCSIG, number)
        except OSError:
            pass  # nobody has it

    def read_keys(self) -> bytes:
        """What was typed."""
        data = self.caller.read()
        if data is not None:
            return data
        if self.caller.gone():
            self.hang_up()
        else:
            self.caller.raw = False  # another has the foreground
        return b""

    def meaning(self, data: bytes) -> tuple[int, int]:
        """How many bytes come before the first that is a signal's key, and that signal; else all, 0."""
        now = caller.modes(self.slave)
        if now is None or not caller.local(now) & termios.ISIG:
            self._literal = False
            return len(data), 0
        literal = termios.ICANON | termios.IEXTEN
        quotes = caller.key(now, termios.VLNEXT) if caller.local(now) & literal == literal else -1
        keys = {
            caller.key(now, index): number
            for index, number in (
                (termios.VINTR, signal.SIGINT),
                (termios.VQUIT, signal.SIGQUIT),
                (termios.VSUSP, signal.SIGTSTP),
            )
        }
        for at, byte in enumerate(data):
            if self._literal:
                self._literal = False
            elif byte in keys:
                return at, keys[byte]
            elif byte == quotes:
                self._literal = True
        return len(data), 0

    def type(self, data: bytes) -> None:
        """Give it to the box."""
        self._typed += data
        self.pass_typed()

    def pass_typed(self) -> None:
        """As much as it takes now."""
        try:
            while self._typed:
                self._typed = self._typed[os.write(self.master, self._typed) :]
        except BlockingIOError:
            pass  # it is told when it takes more
        except OSError:
            self._typed = b""

    def output_waits(self) -> bool:
        """Whether the caller's terminal would stop us, were we to write there now."""
        return not self.caller.raw and not self.caller.in_front() and self.caller.stops_output()

    def fetch(self) -> int:
        """One read of what the box wrote, unless an earlier one is yet to be shown; how many bytes."""
        if self._shown:
            return 0
        try:
            self._shown = os.read(self.master, _MOST)
        except OSError:
            return 0
        return len(self._shown)

    def pass_shown(self) -> None:
        """As much as the caller's terminal takes now."""
        done = self.caller.write(self._shown) if self._shown else 0
        if done is None:
            self.hang_up()
        else:
            self._shown = self._shown[done:]

    def hang_up(self) -> None:
        """The caller's terminal is gone: so is the box's, whose session hears of it (SIGHUP)."""
        self.gone = True
        self.caller.raw = False
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)
        self.master = self.slave = -1
        self._typed = self._shown = b""

    def finish(self, signals: int) -> None:
        """The box has ended: show what it wrote last, and give the terminal back.

        A signal ends the waiting for a terminal that takes nothing (^S).
        """
        self.show()
        left = _LAST
        while self._flush(signals) and left > 0 and (count := self.fetch()):
            left -= count
        self.caller.leave()

    def _flush(self, signals: int) -> bool:
        """Show what was fetched, however long that takes; False where it cannot be."""
        poll = select.poll()
        poll.register(self.caller.fd, select.POLLOUT)
        poll.register(signals, select.POLLIN)
        self.pass_shown()
        while self._shown:
            ready = dict(poll.poll())
            if signals in ready and any(n in _ENDING for n, _ in read_signals(signals)):
                self._shown = b""
                return False
            self.pass_shown()
        return self.ready
