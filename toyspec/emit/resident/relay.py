"""setup after `supervise`: it waits for init, and tells the monitor what the terminal sent.

Every signal is blocked and taken one by one, so nothing is lost and no handler runs. On a terminal
setup stands in init's process group, for PID 1 drops what it has no handler for. There init's own
processes may signal it too: from them only a wish to stop counts.
"""

from __future__ import annotations

from toyspec.emit.resident.forget import WHILE, forget
from toyspec.emit.resident.process import INFO, KERNEL, READY, ended, leave, send, wait_for
from toyspec.emit.resident.record import INIT, LIFE_READ
from toyspec.emit.resident.words import flag, load32, load64, nr, room, store64, syscall


def supervise_setup(box: int) -> int:
    """Until init has ended.

    Init stays a zombie for the monitor, its subreaper. Where the monitor is gone, init is killed:
    it may have cleared the PDEATHSIG by which it would die with setup.
    """
    init = load32(load64(box + INIT))
    life = load32(load64(box + LIFE_READ))
    monitor = syscall(nr("getppid"))
    every = room(8)
    store64(every, -1)
    info = room(INFO)
    patience = room(16)
    store64(patience, 0)
    store64(patience + 8, WHILE * 1000000)
    if not _closed(life):
        send(monitor, READY)
    while not ended(init):
        if _closed(life):
            send(init, flag("signal", "SIGKILL"))
            wait_for(init)
            break
        signal = syscall(nr("rt_sigtimedwait"), every, info, patience, 8)
        if signal < 0:
            forget(box)
            patience = 0
        if signal > 0 and _matters(signal, load32(info + 8)) and not _closed(life):
            send(monitor, signal)
    return leave(0)


def _matters(signal: int, code: int) -> int:
    if is_stopping(signal):
        return 1
    if code != KERNEL:
        return 0
    if signal == flag("signal", "SIGINT") or signal == flag("signal", "SIGQUIT"):
        return 1
    if signal == flag("signal", "SIGHUP"):
        return 1
    return 0


def is_stopping(signal: int) -> int:
    """A full-screen program sends the first to its group itself. PID 1 that is refused the terminal by
    one of the others would ask again for ever: the kernel drops the signal, and restarts the call.
    """
    if signal == flag("signal", "SIGTSTP") or signal == flag("signal", "SIGTTIN"):
        return 1
    if signal == flag("signal", "SIGTTOU"):
        return 1
    return 0


def _closed(life: int) -> int:
    """Whether the one who could write there is gone: end of file, not EAGAIN."""
    byte = room(8)
    if syscall(nr("read"), life, byte, 1) == 0:
        return 1
    return 0
