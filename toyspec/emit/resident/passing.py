"""Between the caller's terminal and the box's own: whatever of the two is ready."""

from __future__ import annotations

from toyspec.emit.resident.keys import type_keys
from toyspec.emit.resident.process import POLLED, READABLE
from toyspec.emit.resident.pty import (
    WRITABLE,
    fetch,
    hang_up,
    output_waits,
    pass_shown,
    pass_typed,
    receive,
)
from toyspec.emit.resident.record import HUNG_UP
from toyspec.emit.resident.stop import stop
from toyspec.emit.resident.words import flag, load16, load64


def pass_on(box: int, pty: int, polled: int) -> int:
    """The pollfds are the socket's, the master's, and the caller's terminal's. Returns 1 where init
    handed over the terminal, or it hung up.
    """
    news = 0
    if load16(polled + 6) and receive(pty):
        news = 1
    if load16(polled + POLLED + 6) & WRITABLE:
        pass_typed(pty)
    if load16(polled + POLLED + 6) & READABLE:
        if output_waits(pty):
            stop(box, flag("signal", "SIGTTOU"), 0)
        elif fetch(pty):
            pass_shown(pty)
    events = load16(polled + 2 * POLLED + 6)
    if load64(pty + HUNG_UP) == 0:
        if events & READABLE:
            type_keys(box)
        elif events & WRITABLE:
            pass_shown(pty)
        elif events:
            hang_up(pty)
    if load64(pty + HUNG_UP):
        news = 1
    return news
