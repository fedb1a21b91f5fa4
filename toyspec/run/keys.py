"""What is typed and shown at a box's own terminal, and what keys ask of a PID 1 that does not hear them."""

from __future__ import annotations

import select
import signal
from typing import TYPE_CHECKING

from toyspec.run.ending import ignores, kill, takes
from toyspec.run.interrupted import by_key

if TYPE_CHECKING:
    from toyspec.run.monitor import Monitor
    from toyspec.run.terminal import Terminal


def pass_on(monitor: Monitor, terminal: Terminal, fd: int, events: int) -> None:
    """One of the terminal's descriptors is ready."""
    if not terminal.ready:
        terminal.take()
        monitor.go_if_ready()
        return
    if terminal.gone:
        return
    if fd == terminal.master:
        if events & select.POLLOUT:
            terminal.pass_typed()
        if events & select.POLLIN:
            _show(monitor, terminal)
    elif events & select.POLLIN:
        _type(monitor, terminal)
    elif events & select.POLLOUT:
        terminal.pass_shown()
    elif events:
        terminal.hang_up()
    if terminal.gone:
        kill(monitor.box.init, signal.SIGHUP)
        monitor.give_time()


def _show(monitor: Monitor, terminal: Terminal) -> None:
    if terminal.output_waits():
        monitor.stop(signal.SIGTTOU)
    elif terminal.fetch():
        terminal.pass_shown()


def _type(monitor: Monitor, terminal: Terminal) -> None:
    """A key that would stop a PID 1 stops the whole job, unless that ignores it, as a shell does."""
    data = terminal.read_keys()
    while data and not terminal.gone:
        at, number = terminal.meaning(data)
        monitor.interrupted = by_key(number)
        terminal.type(data[:at])
        key, data = data[at : at + 1], data[at + 1 :]
        leader = terminal.leader() if number else 0
        if number == signal.SIGTSTP:
            if leader and ignores(leader, number) is False:
                monitor.stop(number)
                continue
        elif number:
            monitor.pressed(number, takes(leader, number) if leader else True)
        terminal.type(key)
