"""The monitor after `supervise`: it says `go`, hands on signals, and waits until setup has ended.

Every signal is blocked; those in the file record's DEAF are dropped.
"""

from __future__ import annotations

from toyspec.emit.resident.clock import now, wait_on
from toyspec.emit.resident.early import came_early, hand_on
from toyspec.emit.resident.forget import WHILE, forget, forgotten
from toyspec.emit.resident.going import began, waits_to_go
from toyspec.emit.resident.interrupted import note_signal
from toyspec.emit.resident.kinds import is_key, is_ours
from toyspec.emit.resident.lasting import LOOKS, be_told, is_removed
from toyspec.emit.resident.log import ERR, OUT, pump, stands
from toyspec.emit.resident.passing import pass_on
from toyspec.emit.resident.press import end_box, pressed, unheard
from toyspec.emit.resident.process import POLLED, READY, poll_one, readable, send, send_key, takes
from toyspec.emit.resident.pty import LOOK, enter, interrupt, is_ready, looks, show, wants
from toyspec.emit.resident.record import (
    DEADLINE,
    DEAF,
    EARLY,
    ERR_READ,
    EXEC_READ,
    EXECUTING,
    FILE,
    GO_STEP,
    GO_WRITE,
    GONE,
    GRACE,
    HUNG_UP,
    INIT_ROLE,
    LOG_DIRECTORY,
    OUT_READ,
    PAGE,
    PARENT,
    PIDS,
    PTY,
    REAPS,
    SETUP,
    SETUP_LISTENS,
    SIGNAL_FD,
    STATUS,
    STOP_SIGNAL,
    TOLD_TO_GO,
    UNTOLD,
    VIEW,
    VIEW_SINCE,
)
from toyspec.emit.resident.status import tell_running, tell_stands
from toyspec.emit.resident.stop import stop
from toyspec.emit.resident.terminal import foreground_of
from toyspec.emit.resident.view import close_view
from toyspec.emit.resident.watch import first_look
from toyspec.emit.resident.words import (
    flag,
    load16,
    load32,
    load64,
    nr,
    room,
    store32,
    store64,
    syscall,
    text,
)

_VIEW_PATIENCE = 5000  # ms that init may wait for the view's last line
_VIEW_STEP = 500  # when init comes to wait for the view, no event tells
_SIGNALS = 2048  # bytes of 16 signalfd_siginfo
_ONE = 128
_CLOEXEC_NONBLOCK = 0o2004000  # SFD_CLOEXEC | SFD_NONBLOCK, the same on both


def setup_of(box: int) -> int:
    """Setup's pid."""
    return load32(load64(box + SETUP))


def init_of(box: int) -> int:
    """Init's pid as the host knows it, valid until it is waited for; 0 before its fork."""
    return load64(load64(box + PAGE) + PIDS + 8 * INIT_ROLE)


def watch_over(box: int) -> int:
    """Until setup has ended; its raw wait status is in GONE then. Init is left to look at.

    That init executes its command wakes us only where a view has to be gone by then, somebody is told,
    or a signal waits for it: when one comes, it is asked.
    """
    every = room(8)
    store64(every, -1)
    store64(box + SIGNAL_FD, syscall(nr("signalfd4"), -1, every, 8, _CLOEXEC_NONBLOCK))
    if load64(box + SIGNAL_FD) < 0:
        return unheard(box)
    be_told(box)
    _end_with_state(box)
    polled = room(8 * POLLED)
    pty = load64(box + PTY)
    count = 5
    if pty:
        count = 8
    poll_one(polled, load64(box + SIGNAL_FD))
    while 1:
        view = load64(load64(box + FILE) + VIEW)
        exec_fd = load32(load64(box + EXEC_READ))
        if view < 0 and not _execve_matters(box):
            exec_fd = -1
        if pty:
            wants(pty, polled + 5 * POLLED)
        poll_one(polled + POLLED, exec_fd)
        poll_one(polled + 2 * POLLED, view)
        poll_one(polled + 3 * POLLED, load64(box + OUT_READ))
        poll_one(polled + 4 * POLLED, load64(box + ERR_READ))
        _end_with_parent(box)
        if load64(box + UNTOLD):
            _end_with_state(box)
        ready = wait_on(polled, count, _patience(box))
        if ready == 0:
            forget(box)
        if ready > 0:
            if load16(polled + 6) and _read_signals(box) and _setup_ended(box):
                break
            if load16(polled + POLLED + 6):
                _is_executing(box)
            if load16(polled + 2 * POLLED + 6) and load64(load64(box + FILE) + VIEW) >= 0:
                _drawn(box)
            if load16(polled + 3 * POLLED + 6):
                pump(box, OUT_READ, OUT)
            if load16(polled + 4 * POLLED + 6):
                pump(box, ERR_READ, ERR)
            if pty and pass_on(box, pty, polled + 5 * POLLED):
                _go_if_ready(box)
                _tell_of_its_end(box, pty)
        _look_at_the_clock(box)
    return 0


def _execve_matters(box: int) -> int:
    """Whether somebody is told of the command's execve, or a signal waits for it."""
    if load64(box + EARLY):
        return 1
    return load64(load64(box + FILE) + STATUS) >= 0 and not load64(box + EXECUTING)


def _end_with_parent(box: int) -> int:
    """Asked before each wait: SIGCONT wakes us where it, or only a thread of it, has ended."""
    parent = load64(box + PARENT)
    if parent and syscall(nr("getppid")) != parent:
        store64(box + PARENT, 0)
        end_box(box)
    return 0


def _end_with_state(box: int) -> int:
    """What is kept of the box is gone, and with it whoever could ask the box to end."""
    if is_removed(box):
        _signal(box, flag("signal", "SIGTERM"), 0)
    return 0


def _patience(box: int) -> int:
    """Milliseconds until the clock matters again; -1: it does not."""
    due = -1
    if load64(load64(box + FILE) + VIEW) >= 0:
        due = _VIEW_STEP
    if load64(box + PTY) and looks(load64(box + PTY)):
        due = LOOK
    if load64(box + UNTOLD):
        due = LOOKS
    deadline = load64(box + DEADLINE)
    if deadline:
        left = deadline - now()
        if left < 0:
            return 0
        if due < 0 or left < due:
            due = left
    if due < 0 and not forgotten(box):
        return WHILE
    return due


def _look_at_the_clock(box: int) -> int:
    deadline = load64(box + DEADLINE)
    if deadline and now() >= deadline:
        end_box(box)
    if load64(box + PTY) and looks(load64(box + PTY)):
        enter(load64(box + PTY))
    if load64(load64(box + FILE) + VIEW) < 0:
        return 0
    if not waits_to_go(load64(box + PAGE), load64(box + GO_STEP)):
        return 0
    if load64(box + VIEW_SINCE) == 0:
        store64(box + VIEW_SINCE, now())
    if now() - load64(box + VIEW_SINCE) >= _VIEW_PATIENCE:
        _drawn(box)  # stuck: a box without its last line is better than none
    return 0


def _drawn(box: int) -> int:
    """The last line is out, or none will be: nobody writes to the terminal but the box."""
    close_view(box)
    if load64(box + PTY):
        show(load64(box + PTY))
    return _go_if_ready(box)


def _go_if_ready(box: int) -> int:
    """One byte: init may execute its command. Nobody reading means that it failed.

    What the box writes to a terminal of its own is held until the trace is drawn; on streams of the
    caller's, init is.
    """
    if not load64(box + SETUP_LISTENS) or load64(box + TOLD_TO_GO):
        return 0
    if load64(box + PTY):
        if not is_ready(load64(box + PTY)):
            return 0
    elif load64(load64(box + FILE) + VIEW) >= 0:
        return 0
    store64(box + TOLD_TO_GO, 1)
    first_look(box)
    tell_stands(box)
    syscall(nr("write"), load32(load64(box + GO_WRITE)), text("g"), 1)
    return 0


def _is_executing(box: int) -> int:
    """Whether init's execve succeeded, or will never be made: its end of file may be overtaken."""
    if not load64(box + EXECUTING) and readable(load32(load64(box + EXEC_READ)), 0):
        store64(box + EXECUTING, 1)
        if not load64(box + PTY):
            close_view(box)
        if began(box):
            tell_running(box)
            stands(box)
        hand_on(box, init_of(box))
    return load64(box + EXECUTING)


def _read_signals(box: int) -> int:
    """Whether setup may have ended, or stopped."""
    waiting = room(_SIGNALS)
    child = 0
    size = _SIGNALS
    while size == _SIGNALS:
        size = syscall(nr("read"), load64(box + SIGNAL_FD), waiting, _SIGNALS)
        at = 0
        while at < size:
            if load32(waiting + at) == flag("signal", "SIGCHLD"):
                child = 1
            _signal(box, load32(waiting + at), load32(waiting + at + 12))
            at += _ONE
    return child


def _signal(box: int, number: int, sender: int) -> int:
    """One that was sent to us. `sender` 0: by a terminal, or there was no memory to queue who did."""
    pty = load64(box + PTY)
    if number == READY and (sender == setup_of(box) or sender == 0):
        store64(box + SETUP_LISTENS, 1)
        return _go_if_ready(box)
    if number == flag("signal", "SIGCONT") or number == flag("signal", "SIGWINCH"):
        if pty:
            enter(pty)  # a shell's `fg`, or another size
        return 0
    detached = load64(load64(box + FILE) + LOG_DIRECTORY)
    if number == flag("signal", "SIGIO") and sender == 0 and detached:
        return _end_with_state(box)
    if load64(load64(box + FILE) + DEAF) >> (number - 1) & 1 or is_ours(number):
        return 0
    note_signal(box, number, sender)
    if number == flag("signal", "SIGTSTP"):
        return stop(box, number, syscall(nr("getpid")))  # who else was meant was told, too
    if not _is_executing(box):
        return came_early(box, number)
    if is_key(number) and sender == 0 and pty:
        interrupt(pty, number)  # its trace is not drawn yet: whom does it reach inside?
    elif is_key(number) and sender == 0:
        send_key(init_of(box), number)
    else:
        send(init_of(box), _as_asked(box, number))
    return _consider(box, number)


def _as_asked(box: int, number: int) -> int:
    """What init gets: to end, it is asked in the box's own way."""
    if number == flag("signal", "SIGTERM"):
        return load64(box + STOP_SIGNAL)
    return number


def _consider(box: int, number: int) -> int:
    """What a signal that init may have no handler for is to come to."""
    if number == flag("signal", "SIGTERM"):
        return _give_time(box)
    if number == flag("signal", "SIGHUP"):
        if load64(box + PTY) and foreground_of(0) < 0:
            return _give_time(box)  # it was hung up
        if _taken(box, number) == 0:
            return _give_time(box)
        return 0
    if is_key(number):
        return pressed(box, number, _taken(box, number))
    return 0


def _taken(box: int, number: int) -> int:
    """Whether the signal comes to anything: a PID 1 without a handler for it never learns of it."""
    if load64(box + REAPS):
        return 1
    return takes(init_of(box), number)


def _give_time(box: int) -> int:
    if load64(box + DEADLINE) == 0:
        store64(box + DEADLINE, now() + load64(box + GRACE))
    return 0


def _tell_of_its_end(box: int, pty: int) -> int:
    """Once the caller's terminal is gone, the box has the grace to end by itself."""
    if load64(pty + HUNG_UP) == 1:
        store64(pty + HUNG_UP, 2)  # told of
        send(init_of(box), flag("signal", "SIGHUP"))
        _give_time(box)
    return 0


def _setup_ended(box: int) -> int:
    """Whether it has. Whoever stopped it: it must see init's end."""
    status = room(8)
    options = flag("wait", "WNOHANG") | flag("wait", "WUNTRACED")
    store32(status, 0)
    found = syscall(nr("wait4"), setup_of(box), status, options, 0)
    if found == 0:
        return 0
    if load32(status) & 0xFF == 0x7F:
        send(setup_of(box), flag("signal", "SIGCONT"))
        return 0
    store64(box + GONE, load32(status))
    return 1
