"""The caller's terminal while a box uses it: remembered before, put back after."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(slots=True)
class Terminal:
    """Modes and foreground process group as they were; SIGTTOU must be blocked to restore."""

    modes: list[object]
    group: int

    @staticmethod
    def remember() -> Terminal:
        """Standard input's; raises termios.error or OSError where it is no terminal."""
        import termios

        return Terminal(termios.tcgetattr(0), os.getpgrp())

    def take_back(self) -> None:
        """The caller is in the foreground again, with its own modes."""
        import termios

        try:
            os.tcsetpgrp(0, self.group)
            if termios.tcgetattr(0) != self.modes:
                termios.tcsetattr(0, termios.TCSADRAIN, self.modes)  # type: ignore[arg-type]
        except (OSError, termios.error):
            pass  # the terminal is gone; nobody is left to see it

    def hand_over(self, group: int) -> None:
        """The box's group is in the foreground again, if the caller is there now."""
        try:
            if os.tcgetpgrp(0) == self.group:
                os.tcsetpgrp(0, group)
        except OSError:
            pass  # init has ended meanwhile, or the terminal has
