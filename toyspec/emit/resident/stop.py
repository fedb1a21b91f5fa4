"""The whole job stops, as ^Z does with one that has no PID 1, and goes on when it goes on."""

from __future__ import annotations

from toyspec.emit.resident.clock import sleep
from toyspec.emit.resident.freeze import TABLE, begin_table, end_table, freeze, thaw, thaw_group
from toyspec.emit.resident.process import ended, send
from toyspec.emit.resident.record import (
    INIT_ROLE,
    PAGE,
    PIDS,
    SETUP,
    SETUP_LISTENS,
    TERMINAL,
)
from toyspec.emit.resident.terminal import is_ours, lend, take_back
from toyspec.emit.resident.words import (
    flag,
    load32,
    load64,
    nr,
    room,
    store64,
    syscall,
)

_NOT_STOPPED = 50  # ms: what asks in vain for the terminal must not spin


def stop(box: int) -> int:
    """A kernel that would not stop us (an orphaned process group: nobody could continue it)
    does not stop the box either.
    """
    setup = load32(load64(box + SETUP))
    init = load64(load64(box + PAGE) + PIDS + 8 * INIT_ROLE)
    frozen = room(TABLE)
    begin_table(frozen)
    if load64(box + SETUP_LISTENS):
        # Whoever stopped it: it must see our own end.
        send(setup, flag("signal", "SIGCONT"))
    if load64(box + TERMINAL) and is_ours(box):
        _go_on(box, setup, init, frozen)  # a shell's `fg` of a running job: it only lacked that
        return end_table(frozen)
    if not load64(box + SETUP_LISTENS):
        send(setup, flag("signal", "SIGSTOP"))
    if init:
        freeze(init, frozen)
    # Killed by the box before that held still, there is nothing to stop for.
    if not ended(setup):
        if load64(box + TERMINAL):
            take_back(box)
        if not _stop_ourselves():
            sleep(_NOT_STOPPED)
        _go_on(box, setup, init, frozen)
    return end_table(frozen)


def _stop_ourselves() -> int:
    """Here we stop, with our process group, unless we are told already to go on; whether we did."""
    if _told_to_go_on():
        return 1
    signals = room(8)
    store64(signals, 1 << (flag("signal", "SIGTSTP") - 1))
    syscall(nr("kill"), 0, flag("signal", "SIGTSTP"))
    syscall(nr("rt_sigprocmask"), flag("sigprocmask", "SIG_UNBLOCK"), signals, 0, 8)
    syscall(nr("rt_sigprocmask"), flag("sigprocmask", "SIG_BLOCK"), signals, 0, 8)
    return _told_to_go_on()


def _told_to_go_on() -> int:
    """Whether a SIGCONT waits; one from before the wish to stop cannot (signal(7))."""
    signals = room(8)
    syscall(nr("rt_sigpending"), signals, 8)
    return load64(signals) >> (flag("signal", "SIGCONT") - 1) & 1


def _go_on(box: int, setup: int, init: int, frozen: int) -> int:
    """The terminal to the box; then what held still, and what had stopped with its group.

    Once the box has the terminal, setup gets no SIGCONT any more: that would take back a ^Z which
    waits there to be told (signal(7): it discards stop signals, blocked ones too).
    """
    if load64(box + SETUP_LISTENS):
        send(setup, flag("signal", "SIGCONT"))
    if load64(box + TERMINAL):
        lend(box, init)
    thaw(frozen)
    if init:
        thaw_group(init)
    if not load64(box + SETUP_LISTENS):
        send(setup, flag("signal", "SIGCONT"))
    return 0
