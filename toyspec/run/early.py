"""Signals that come before the box's command is executed: what init still is takes none of them."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from toyspec.run.ending import executed, has_run, kill

if TYPE_CHECKING:
    from toyspec.run.monitor import Monitor

_DEADLY = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)


def came_early(monitor: Monitor, number: int) -> None:
    """It ends the box, or waits for the command: who is no PID 1 would die of it, and nobody know why."""
    if number in _DEADLY:
        monitor.ended_by = number
        monitor.kill()
    else:
        monitor.early.append(number)


def began(monitor: Monitor) -> bool:
    """Whether the end of the exec pipe was the command's execve. Of a box that we killed, its end says
    that: its init may have come so far since.
    """
    if monitor.ended_by is not None or not monitor.ran(executed):
        return False
    return not monitor.box.reaps or has_run(monitor.box.init)


def hand_on(monitor: Monitor) -> None:
    """To the command, which is there now."""
    for number in monitor.early:
        kill(monitor.box.init, number)
    monitor.early.clear()
