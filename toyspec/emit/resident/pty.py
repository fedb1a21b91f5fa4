"""The box's own terminal from outside: what is typed goes in, what the box writes there comes out.

Two buffers, and nothing that could block: neither direction waits for the other, and a box that
writes faster than the caller's terminal takes it is held up by its own.
"""

from __future__ import annotations

from toyspec.emit.resident.clock import wait_on
from toyspec.emit.resident.process import POLLED, READABLE, poll_one
from toyspec.emit.resident.record import (
    BUFFER,
    FILE,
    GROUP,
    HELD,
    HUNG_UP,
    MASTER,
    OUTER,
    PTY,
    PTY_SIZE,
    RAW,
    SHOWN,
    SHOWN_AT,
    SHOWN_END,
    SLAVE,
    SOCKET,
    TERMINAL,
    TYPED,
    TYPED_AT,
    TYPED_END,
    VIEW,
)
from toyspec.emit.resident.refusal import refuse
from toyspec.emit.resident.terminal import (
    ICANON,
    LOCAL,
    foreground_of,
    give_back,
    in_front,
    modes,
    open_again,
    set_modes,
    stops_output,
    take_keys,
)
from toyspec.emit.resident.words import (
    flag,
    load16,
    load32,
    load64,
    nr,
    room,
    store16,
    store64,
    syscall,
    text,
)

WRITABLE = 4  # POLLOUT
LOOK = 100  # ms between two looks whether we came to the foreground: nothing tells of it
_READ_WRITE = 3  # PROT_READ | PROT_WRITE
_PRIVATE = 0x22  # MAP_PRIVATE | MAP_ANONYMOUS
_AGAIN = -11  # EAGAIN
_FLAGS = 0x40000040  # MSG_CMSG_CLOEXEC | MSG_DONTWAIT
_RIGHTS = 24  # bytes of a control message with two descriptors
_LAST = 65536  # bytes: more than a pty holds (drivers/tty/pty.c) when its box has ended
_SIGNALS = 2048


def prepare_pty(box: int) -> int:
    """Memory for it, before the first step."""
    pty = syscall(nr("mmap"), 0, PTY_SIZE, _READ_WRITE, _PRIVATE, -1, 0)
    if pty < 0 and pty > -4096:
        refuse(load64(box + FILE), text("no memory for the box's terminal"), 0, 0)
    store64(box + PTY, pty)
    return 0


def begin_pty(box: int) -> int:
    """When `supervise` begins."""
    pty = load64(box + PTY)
    if pty == 0:
        return 0
    store64(pty + SOCKET, load32(load64(box + TERMINAL)))
    store64(pty + MASTER, -1)
    store64(pty + SLAVE, -1)
    store64(pty + GROUP, syscall(nr("getpgid"), 0))
    store64(pty + OUTER, open_again())
    if load64(load64(box + FILE) + VIEW) >= 0:
        store64(pty + HELD, 1)
    return 0


def is_ready(pty: int) -> int:
    """Whether init has handed it over."""
    return load64(pty + MASTER) >= 0


def wants(pty: int, polled: int) -> int:
    """Fill three pollfds: the socket, the master, the caller's terminal. A hang-up is always told of."""
    poll_one(polled, load64(pty + SOCKET))
    poll_one(polled + POLLED, -1)
    poll_one(polled + 2 * POLLED, -1)
    if load64(pty + MASTER) < 0:
        return 0
    events = 0
    if not load64(pty + HELD) and _shown(pty) == 0:
        events = READABLE
    if _typed(pty):
        events |= WRITABLE
    if events:
        poll_one(polled + POLLED, load64(pty + MASTER))
        store16(polled + POLLED + 4, events)
    events = 0
    if load64(pty + RAW) and _typed(pty) == 0:
        events = READABLE
    if _shown(pty):
        events |= WRITABLE
    poll_one(polled + 2 * POLLED, load64(pty + OUTER))
    store16(polled + 2 * POLLED + 4, events)
    return 0


def looks(pty: int) -> int:
    """Whether it has to be looked now and then whether the foreground is ours."""
    return load64(pty + MASTER) >= 0 and not load64(pty + HELD) and not load64(pty + RAW)


def _typed(pty: int) -> int:
    return load64(pty + TYPED_END) - load64(pty + TYPED_AT)


def _shown(pty: int) -> int:
    return load64(pty + SHOWN_END) - load64(pty + SHOWN_AT)


def receive(pty: int) -> int:
    """Init hands it over: it becomes as large as the caller's, with the caller's modes."""
    head = room(56)
    vector = room(16)
    control = room(32)
    store64(head, 0)
    store64(head + 8, 0)
    store64(head + 16, vector)
    store64(head + 24, 1)
    store64(head + 32, control)
    store64(head + 40, _RIGHTS)
    store64(head + 48, 0)
    store64(control, 0)
    byte = room(8)
    store64(vector, byte)
    store64(vector + 8, 1)
    found = syscall(nr("recvmsg"), load64(pty + SOCKET), head, _FLAGS)
    if found == _AGAIN:
        return 0
    syscall(nr("close"), load64(pty + SOCKET))
    store64(pty + SOCKET, -1)
    if found <= 0 or load64(control) < _RIGHTS:
        return 0  # it failed, as its own step says
    store64(pty + MASTER, load32(control + 16))
    store64(pty + SLAVE, load32(control + 20))
    now = room(64)
    if in_front(pty) and modes(load64(pty + OUTER), now):
        set_modes(load64(pty + SLAVE), now)
    resize(pty)
    if not load64(pty + HELD):
        enter(pty)
    return 1


def show(pty: int) -> int:
    """The trace is drawn: from here on the box is seen and heard."""
    store64(pty + HELD, 0)
    return enter(pty)


def enter(pty: int) -> int:
    """All keys to the box, if it is seen and the foreground is ours."""
    if load64(pty + MASTER) >= 0 and not load64(pty + HELD) and take_keys(pty):
        resize(pty)
    return 0


def resize(pty: int) -> int:
    """As the caller's terminal is."""
    size = room(8)
    own = room(8)
    get = flag("ioctl", "TIOCGWINSZ")
    if syscall(nr("ioctl"), load64(pty + OUTER), get, size) < 0:
        return 0
    if syscall(nr("ioctl"), load64(pty + SLAVE), get, own) == 0 and load64(own) == load64(size):
        return 0
    return syscall(nr("ioctl"), load64(pty + SLAVE), flag("ioctl", "TIOCSWINSZ"), size)


def shrink(pty: int) -> int:
    """By a column for a moment, where a program draws the screen: it draws it anew (SIGWINCH)."""
    size = room(8)
    now = room(64)
    if load64(pty + MASTER) < 0 or load64(pty + HELD) or not modes(load64(pty + SLAVE), now):
        return 0
    if load32(now + LOCAL) & ICANON:
        return 0
    if syscall(nr("ioctl"), load64(pty + OUTER), flag("ioctl", "TIOCGWINSZ"), size) < 0:
        return 0
    if load16(size + 2) > 1:
        store16(size + 2, load16(size + 2) - 1)
    return syscall(nr("ioctl"), load64(pty + SLAVE), flag("ioctl", "TIOCSWINSZ"), size)


def leader_of(pty: int) -> int:
    """The pid of the session's leader where its own group has the foreground; else 0."""
    session = room(8)
    group = foreground_of(load64(pty + MASTER))
    if group <= 0:
        return 0
    if syscall(nr("ioctl"), load64(pty + MASTER), flag("ioctl", "TIOCGSID"), session) < 0:
        return 0
    if load32(session) != group:
        return 0
    return group


def interrupt(pty: int, number: int) -> int:
    """As if its key had been typed: it reaches whoever has the foreground there."""
    return syscall(nr("ioctl"), load64(pty + MASTER), flag("ioctl", "TIOCSIG"), number)


def pass_typed(pty: int) -> int:
    """As much as the box takes now."""
    while _typed(pty):
        at = pty + TYPED + load64(pty + TYPED_AT)
        done = syscall(nr("write"), load64(pty + MASTER), at, _typed(pty))
        if done == _AGAIN:
            return 0  # it is told when it takes more
        if done <= 0:
            store64(pty + TYPED_AT, load64(pty + TYPED_END))
        else:
            store64(pty + TYPED_AT, load64(pty + TYPED_AT) + done)
    store64(pty + TYPED_AT, 0)
    store64(pty + TYPED_END, 0)
    return 0


def output_waits(pty: int) -> int:
    """Whether the caller's terminal would stop us, were we to write there now."""
    return not load64(pty + RAW) and not in_front(pty) and stops_output(pty) != 0


def fetch(pty: int) -> int:
    """One read of what the box wrote, unless an earlier one is yet to be shown; how many bytes."""
    if _shown(pty):
        return 0
    count = syscall(nr("read"), load64(pty + MASTER), pty + SHOWN, BUFFER)
    if count <= 0:
        return 0
    store64(pty + SHOWN_AT, 0)
    store64(pty + SHOWN_END, count)
    return count


def pass_shown(pty: int) -> int:
    """As much as the caller's terminal takes now."""
    if _shown(pty) == 0:
        return 0
    at = pty + SHOWN + load64(pty + SHOWN_AT)
    done = syscall(nr("write"), load64(pty + OUTER), at, _shown(pty))
    if done > 0:
        store64(pty + SHOWN_AT, load64(pty + SHOWN_AT) + done)
    elif done != _AGAIN:
        hang_up(pty)
    return 0


def hang_up(pty: int) -> int:
    """The caller's terminal is gone: so is the box's, whose session hears of it (SIGHUP)."""
    store64(pty + HUNG_UP, 1)
    store64(pty + RAW, 0)
    if load64(pty + MASTER) >= 0:
        syscall(nr("close"), load64(pty + MASTER))
        syscall(nr("close"), load64(pty + SLAVE))
    store64(pty + MASTER, -1)
    store64(pty + TYPED_END, load64(pty + TYPED_AT))
    store64(pty + SHOWN_END, load64(pty + SHOWN_AT))
    return 0


def finish(pty: int, signals: int) -> int:
    """The box has ended: show what it wrote last, and give the terminal back.

    A signal ends the waiting for a terminal that takes nothing (^S).
    """
    show(pty)
    left = _LAST
    while _flush(pty, signals) and left > 0:
        count = fetch(pty)
        if count == 0:
            break
        left -= count
    return give_back(pty)


def _flush(pty: int, signals: int) -> int:
    """Show what was fetched, however long that takes; 0 where it cannot be."""
    polled = room(2 * POLLED)
    pass_shown(pty)
    while _shown(pty):
        poll_one(polled, signals)
        poll_one(polled + POLLED, load64(pty + OUTER))
        store16(polled + POLLED + 4, WRITABLE)
        wait_on(polled, 2, -1)
        if load16(polled + 6) and _is_ending(signals):
            store64(pty + SHOWN_END, load64(pty + SHOWN_AT))
            return 0
        pass_shown(pty)
    return load64(pty + MASTER) >= 0


def _is_ending(signals: int) -> int:
    """Whether one of those is among the signals that wait."""
    waiting = room(_SIGNALS)
    size = syscall(nr("read"), signals, waiting, _SIGNALS)
    at = 0
    while at < size:
        number = load32(waiting + at)
        if number == flag("signal", "SIGTERM") or number == flag("signal", "SIGHUP"):
            return 1
        if number == flag("signal", "SIGINT") or number == flag("signal", "SIGQUIT"):
            return 1
        at += 128
    return 0
