"""setup after `supervise`: it waits for init.

Every signal is blocked and taken one by one, so nothing is lost and no handler runs.
"""

from __future__ import annotations

import os
import signal

READY = signal.SIGRTMIN
"""What setup tells the monitor once it listens: before that, init must not run its command."""


def relay(init: int, life: int) -> None:
    """Until init has ended. `life`: a pipe that the monitor alone can write to.

    Init stays a zombie for the monitor, its subreaper. Where the monitor is gone, init is killed:
    it may have cleared the PDEATHSIG by which it would die with setup.
    """
    monitor = os.getppid()
    every = signal.valid_signals()
    if not _closed(life):
        os.kill(monitor, READY)
    while not _ended(init):
        if _closed(life):
            os.kill(init, signal.SIGKILL)
            os.waitpid(init, 0)
            return
        signal.sigwaitinfo(every)


def _ended(init: int) -> bool:
    options = os.WEXITED | os.WNOWAIT | os.WNOHANG
    return os.waitid(os.P_PID, init, options) is not None


def _closed(life: int) -> bool:
    try:
        return not os.read(life, 1)
    except BlockingIOError:
        return False
