"""The caller's terminal, which the box has no descriptor of: whose turn it is there, and its modes.

It is opened a second time: O_NONBLOCK on descriptor 0 would hold for everybody who shares that.
SIGTTIN and SIGTTOU must be blocked: then nothing here stops us in the background (tty_check_change
in drivers/tty/tty_jobctrl.c). A terminal that went away makes every method do nothing.
"""

from __future__ import annotations

import os
import termios
from errno import EAGAIN
from typing import Final

Modes = list[int | list[bytes | int]]
Size = tuple[int, int]

_IFLAG, _OFLAG, _CFLAG, _LFLAG, _CC = 0, 1, 2, 3, 6
_RAW_INPUT: Final = (
    termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP | termios.INLCR
    | termios.IGNCR | termios.ICRNL | termios.IXON | termios.IXOFF | termios.IXANY
)  # fmt: skip
_RAW_LOCAL: Final = (
    termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN
)  # fmt: skip
_FLAGS: Final = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
_MOST: Final = 4096  # bytes of one read: a terminal gives no more at once


class Caller:
    """Descriptor 0, our controlling terminal. `raw`: every key is the box's now."""

    def __init__(self) -> None:
        self.raw = False
        self.modes: Modes | None = None  # the caller's own, while ours are set
        self._ours: Modes | None = None
        self._group = os.getpgrp()
        self.fd = _again()

    def in_front(self) -> bool:
        """Whether our process group has the foreground: a shell's `fg` does that."""
        return self._foreground() == self._group

    def gone(self) -> bool:
        """Whether it was hung up."""
        return self._foreground() is None

    def _foreground(self) -> int | None:
        try:
            return os.tcgetpgrp(self.fd)
        except OSError:
            return None

    def stops_output(self) -> bool:
        """Whether who writes there from the background is to be stopped (stty tostop)."""
        now = modes(self.fd)
        return now is not None and bool(_flag(now, _LFLAG) & termios.TOSTOP)

    def enter(self) -> bool:
        """Every key to the box from here on, if we are in the foreground; returns whether."""
        self.look_again()
        if not self.in_front():
            return False
        now = modes(self.fd)
        if now is not None and (not self.raw or now != self._ours):
            self.modes = now
            self._ours = _made_raw(now)
            _set(self.fd, self._ours)
            self._ours = modes(self.fd)
        self.raw = now is not None
        self.look_again()
        return self.raw

    def look_again(self) -> None:
        """A shell may have taken the foreground meanwhile: it was told that we stopped, as we did, and not yet
        that we were told to go on. It would take our modes for its own.
        """
        if self.raw and not self.in_front():
            self.raw = False
            if self.modes is not None and modes(self.fd) == self._ours:
                _set(self.fd, self.modes)

    def leave(self) -> None:
        """The caller's modes again, if the foreground is ours to give back."""
        self.look_again()
        if self.raw and self.modes is not None:
            _set(self.fd, self.modes)
        self.raw = False

    def read(self) -> bytes | None:
        """What was typed; empty where nothing was, None where nothing can be read any more."""
        try:
            return os.read(self.fd, _MOST) or None
        except OSError as error:
            return b"" if error.errno == EAGAIN else None

    def write(self, data: bytes) -> int | None:
        """How many bytes it took; None where it is gone."""
        try:
            return os.write(self.fd, data)
        except OSError as error:
            return 0 if error.errno == EAGAIN else None

    def size(self) -> Size | None:
        """Rows and columns."""
        try:
            return termios.tcgetwinsize(self.fd)
        except (OSError, termios.error):
            return None


def modes(fd: int) -> Modes | None:
    """The modes of a terminal; None where it is gone."""
    try:
        return termios.tcgetattr(fd)
    except termios.error:
        return None


def local(now: Modes) -> int:
    """c_lflag of termios(3)."""
    return _flag(now, _LFLAG)


def key(now: Modes, index: int) -> int:
    """The byte that has a meaning (c_cc of termios(3)); -1 where none has."""
    characters = now[_CC]
    assert isinstance(characters, list)
    byte = characters[index]
    return byte[0] if isinstance(byte, bytes) and byte != b"\0" else -1


def copy(now: Modes, fd: int) -> None:
    """Give another terminal these modes."""
    _set(fd, now)


def _flag(now: Modes, at: int) -> int:
    found = now[at]
    assert isinstance(found, int)
    return found


def _made_raw(now: Modes) -> Modes:
    """As cfmakeraw(3) has it; TOSTOP stays."""
    characters = now[_CC]
    assert isinstance(characters, list)
    characters = list(characters)
    characters[termios.VMIN], characters[termios.VTIME] = b"\x01", b"\0"
    return [
        _flag(now, _IFLAG) & ~_RAW_INPUT,
        _flag(now, _OFLAG) & ~termios.OPOST,
        _flag(now, _CFLAG) & ~(termios.CSIZE | termios.PARENB) | termios.CS8,
        _flag(now, _LFLAG) & ~_RAW_LOCAL,
        now[4],
        now[5],
        characters,
    ]


def _set(fd: int, wanted: Modes) -> None:
    try:
        termios.tcsetattr(fd, termios.TCSANOW, wanted)  # draining could wait for ever
    except (OSError, termios.error):
        pass  # it is gone, and nobody is left to see it


def _again() -> int:
    """A description of our own of the controlling terminal; 0 itself where there can be none."""
    for path in ("/dev/tty", "/proc/self/fd/0"):
        try:
            fd = os.open(path, _FLAGS)
        except OSError:
            continue
        try:
            os.tcgetpgrp(fd)
        except OSError:
            os.close(fd)  # whatever has that name
            continue
        return fd
    return 0
