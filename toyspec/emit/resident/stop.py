"""A box stops with its job, as ^Z does it with one that has no PID 1, and goes on when that goes on."""

from __future__ import annotations

from toyspec.emit.resident.clock import sleep
from toyspec.emit.resident.freeze import TABLE, begin_table, end_table, freeze, thaw
from toyspec.emit.resident.process import ended, send
from toyspec.emit.resident.pty import enter, resize, shrink
from toyspec.emit.resident.record import INIT_ROLE, PAGE, PIDS, PTY, SETUP, SETUP_LISTENS
from toyspec.emit.resident.terminal import give_back, look_again
from toyspec.emit.resident.words import (
    flag,
    load32,
    load64,
    nr,
    room,
    store64,
    syscall,
)

_REDRAWING = 30  # ms that a program has to see that its window was changed
_NOT_STOPPED = 50  # ms: what asks in vain for the terminal must not spin


def stop(box: int, number: int, whom: int) -> int:
    """By that signal: the whole job (0: our process group), or ourselves alone. A kernel that would not stop us (an orphaned process group: nobody could
    continue it) does not stop the box either.
    """
    setup = load32(load64(box + SETUP))
    init = load64(load64(box + PAGE) + PIDS + 8 * INIT_ROLE)
    frozen = room(TABLE)
    begin_table(frozen)
    if not load64(box + SETUP_LISTENS):
        send(setup, flag("signal", "SIGSTOP"))
    if init:
        freeze(init, frozen)
    # Killed by the box before that held still, there is nothing to stop for.
    if not ended(setup):
        if load64(box + PTY):
            give_back(load64(box + PTY))
        if not _stop_ourselves(number, whom):
            sleep(_NOT_STOPPED)
        if load64(box + PTY):
            enter(load64(box + PTY))
            shrink(load64(box + PTY))
        thaw(frozen)
        if load64(box + PTY):
            sleep(_REDRAWING)
            look_again(load64(box + PTY))
            resize(load64(box + PTY))
        if not load64(box + SETUP_LISTENS):
            send(setup, flag("signal", "SIGCONT"))
    return end_table(frozen)


def _stop_ourselves(number: int, whom: int) -> int:
    """Here we stop, unless we are told already to go on; whether we did."""
    if _told_to_go_on():
        return 1
    signals = room(8)
    store64(signals, 1 << (number - 1))
    syscall(nr("kill"), whom, number)
    syscall(nr("rt_sigprocmask"), flag("sigprocmask", "SIG_UNBLOCK"), signals, 0, 8)
    syscall(nr("rt_sigprocmask"), flag("sigprocmask", "SIG_BLOCK"), signals, 0, 8)
    return _told_to_go_on()


def _told_to_go_on() -> int:
    """Whether a SIGCONT waits; one from before the wish to stop cannot (signal(7))."""
    signals = room(8)
    syscall(nr("rt_sigpending"), signals, 8)
    return load64(signals) >> (flag("signal", "SIGCONT") - 1) & 1
