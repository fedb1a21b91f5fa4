"""Another program takes over where the box cannot be: one that explains better than we can."""

from __future__ import annotations

from toyspec.emit.resident.process import set_mask
from toyspec.emit.resident.record import AGAIN, CALLER_ENVIRONMENT, DEAF, STATUS
from toyspec.emit.resident.words import flag, load64, nr, room, store64, syscall

_SIGNALS = 31  # those with names
_ACTION = 32  # bytes of the kernel's struct sigaction
_IGNORED = 1  # SIG_IGN
_DEFAULT = 0  # SIG_DFL


def hand_over(file: int) -> int:
    """Become that program, as our caller started us; returns where there is none to become."""
    again = load64(file + AGAIN)
    if again == 0:
        return 0
    signal = 1
    while signal <= _SIGNALS:
        if load64(file + DEAF) >> (signal - 1) & 1:
            ignore(signal, _IGNORED)
        signal += 1
    pipe = flag("signal", "SIGPIPE")
    ignore(pipe, _IGNORED)  # forgets the one that waits where nobody read `go` any more
    ignore(pipe, _DEFAULT)
    set_mask(0)
    hold_back(flag("signal", "SIGINT"))  # as the front does before Python
    if load64(file + STATUS) > 2:
        syscall(nr("fcntl"), load64(file + STATUS), flag("fcntl", "F_SETFD"), 0)
    return syscall(nr("execve"), load64(again), again, load64(file + CALLER_ENVIRONMENT))


def hold_back(signal: int) -> int:
    """Blocked: it waits for who is executed next."""
    signals = room(8)
    store64(signals, 1 << (signal - 1))
    return syscall(nr("rt_sigprocmask"), flag("sigprocmask", "SIG_BLOCK"), signals, 0, 8)


def ignore(signal: int, how: int) -> int:
    """SIG_IGN (1), or SIG_DFL (0) again."""
    action = room(_ACTION)
    store64(action, how)
    store64(action + 8, 0)
    store64(action + 16, 0)
    store64(action + 24, 0)
    return syscall(nr("rt_sigaction"), signal, action, 0, 8)
