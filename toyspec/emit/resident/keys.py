"""Keys that are typed, for the box; what they ask of a PID 1 that does not hear it, the monitor does."""

from __future__ import annotations

from toyspec.emit.resident.interrupted import note_key
from toyspec.emit.resident.press import pressed
from toyspec.emit.resident.process import ignores, takes
from toyspec.emit.resident.pty import hang_up, leader_of, pass_typed
from toyspec.emit.resident.record import (
    LITERAL,
    OUTER,
    PTY,
    RAW,
    SLAVE,
    TYPED,
    TYPED_END,
)
from toyspec.emit.resident.stop import stop
from toyspec.emit.resident.terminal import (
    ICANON,
    IEXTEN,
    ISIG,
    KEYS,
    LOCAL,
    foreground_of,
    modes,
)
from toyspec.emit.resident.words import (
    flag,
    load8,
    load32,
    load64,
    nr,
    room,
    store8,
    store64,
    syscall,
)

_MOST = 4096  # bytes of one read: a terminal gives no more at once
_AGAIN = -11  # EAGAIN
_VINTR = 0
_VQUIT = 1
_VSUSP = 10
_VLNEXT = 15


def type_keys(box: int) -> int:
    """Read what was typed, and give it to the box: nothing waits to be given yet."""
    pty = load64(box + PTY)
    data = room(_MOST)
    size = syscall(nr("read"), load64(pty + OUTER), data, _MOST)
    if size == _AGAIN:
        return 0
    if size <= 0:
        store64(pty + RAW, 0)  # another has the foreground
        if foreground_of(load64(pty + OUTER)) < 0:
            hang_up(pty)
        return 0
    at = 0
    while at < size:
        byte = load8(data + at)
        number = _meaning(pty, byte)
        note_key(box, number)
        if not (number and _is_done(box, pty, number)):
            _append(pty, byte)
        at += 1
    return pass_typed(pty)


def _append(pty: int, byte: int) -> int:
    end = load64(pty + TYPED_END)
    store8(pty + TYPED + end, byte)
    store64(pty + TYPED_END, end + 1)
    return 0


def _meaning(pty: int, byte: int) -> int:
    """The signal that this key is for; 0 where it is none's."""
    if byte >= 32 and byte < 127 and not load64(pty + LITERAL):
        return 0  # as good as never, and a paste is long
    now = room(64)
    if not modes(load64(pty + SLAVE), now) or not load32(now + LOCAL) & ISIG:
        store64(pty + LITERAL, 0)
        return 0
    if load64(pty + LITERAL):
        store64(pty + LITERAL, 0)
        return 0
    if byte == 0:
        return 0  # _POSIX_VDISABLE: what has no key
    if byte == load8(now + KEYS + _VINTR):
        return flag("signal", "SIGINT")
    if byte == load8(now + KEYS + _VQUIT):
        return flag("signal", "SIGQUIT")
    if byte == load8(now + KEYS + _VSUSP):
        return flag("signal", "SIGTSTP")
    quotes = ICANON | IEXTEN
    if byte == load8(now + KEYS + _VLNEXT) and load32(now + LOCAL) & quotes == quotes:
        store64(pty + LITERAL, 1)
    return 0


def _is_done(box: int, pty: int, number: int) -> int:
    """Whether that is all, and the box does not get the key."""
    pass_typed(pty)
    leader = leader_of(pty)
    if number == flag("signal", "SIGTSTP"):
        if leader == 0 or ignores(leader, number) != 0:
            return 0
        stop(box, number, 0)
        return 1
    taken = 1
    if leader:
        taken = takes(leader, number)
    pressed(box, number, taken)
    return 0
