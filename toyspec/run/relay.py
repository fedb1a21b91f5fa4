"""setup after `supervise`: it waits for init, and tells the monitor what the terminal sent.

Every signal is blocked and taken one by one, so nothing is lost and no handler runs. On a terminal
setup stands in init's process group, for PID 1 drops what it has no handler for. There init's own
processes may signal it too: from them only a wish to stop counts.
"""

from __future__ import annotations

import os
import signal

READY = signal.SIGRTMIN
"""What setup tells the monitor once it listens: before that, init must not run its command."""
_KERNEL = 0x80  # SI_KERNEL (asm-generic/siginfo.h): the terminal's own
_TYPED = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
STOPPING = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
"""A full-screen program sends the first to its group itself. PID 1 that is refused the terminal by
one of the others would ask again for ever: the kernel drops the signal, and restarts the call."""


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
        told = signal.sigwaitinfo(every)
        typed = told.si_signo in _TYPED and told.si_code == _KERNEL
        if (typed or told.si_signo in STOPPING) and not _closed(life):
            os.kill(monitor, told.si_signo)


def _ended(init: int) -> bool:
    options = os.WEXITED | os.WNOWAIT | os.WNOHANG
    return os.waitid(os.P_PID, init, options) is not None


def _closed(life: int) -> bool:
    try:
        return not os.read(life, 1)
    except BlockingIOError:
        return False
