"""The caller's terminal while a box uses it: lent to init's process group, and taken back.

Its size is not put back: whether the box or the person changed it, the kernel does not tell.
"""

from __future__ import annotations

import os
import termios

_Modes = list[int | list[bytes | int]]


class Terminal:
    """Descriptor 0, the controlling terminal. SIGTTOU must be blocked: we may be in the background.

    `lent`: the box has the foreground now. A terminal that went away makes every method do nothing.
    """

    def __init__(self, *, foreground: bool) -> None:
        self.lent = False
        self._group = os.getpgrp()
        self._callers: _Modes | None = None
        self._boxes: _Modes | None = None
        if foreground:
            self._callers = _modes()
            self.lent = True

    def group(self) -> int | None:
        """The foreground process group; None where there is no terminal any more."""
        try:
            return os.tcgetpgrp(0)
        except OSError:
            return None

    def ours(self) -> bool:
        """Whether the caller's own group has the foreground: a shell's `fg` did that."""
        return self.group() == self._group

    def gone(self) -> bool:
        """Whether it was hung up."""
        return self.group() is None

    def lend(self, group: int) -> None:
        """The foreground to the box's group, if it is the caller's; with the modes it had."""
        if not self.ours():
            return
        self._callers = _modes()
        self._set(group, self._boxes)
        self.lent = True

    def take_back(self) -> None:
        """The foreground and the modes to the caller, if the box has them."""
        if self.lent:
            self._boxes = _modes()
            self._set(self._group, self._callers)
            self.lent = False

    def _set(self, group: int, modes: _Modes | None) -> None:
        try:
            os.tcsetpgrp(0, group)
            if modes is not None and modes != _modes():
                termios.tcsetattr(0, termios.TCSANOW, modes)  # draining could wait for ever
        except (OSError, termios.error):
            pass  # the terminal is gone, and nobody is left to see it; or the group has ended


def _modes() -> _Modes | None:
    try:
        return termios.tcgetattr(0)
    except termios.error:
        return None
