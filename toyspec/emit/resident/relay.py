"""setup after `supervise`: it waits for init.

Every signal is blocked and taken one by one, so nothing is lost and no handler runs.
"""

from __future__ import annotations

from toyspec.emit.resident.forget import WHILE, forget
from toyspec.emit.resident.process import READY, ended, leave, send, wait_for
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
        if syscall(nr("rt_sigtimedwait"), every, 0, patience, 8) < 0:
            forget(box)
            patience = 0
    return leave(0)


def _closed(life: int) -> int:
    """Whether the one who could write there is gone: end of file, not EAGAIN."""
    byte = room(8)
    if syscall(nr("read"), life, byte, 1) == 0:
        return 1
    return 0
