"""setup after `supervise`: it waits for init and hands on what the monitor and terminal send.

Every signal is blocked and taken one by one, so nothing is lost and no handler runs. Signals
count only from the monitor or the kernel (the terminal): init's own processes share setup's
process group on a terminal, and may signal it.
"""

from __future__ import annotations

import os
import signal

KERNEL = 0x80  # SI_KERNEL (asm-generic/siginfo.h): the terminal's ^C, ^\\ and ^Z
INTERRUPTED = signal.SIGRTMIN + 3
"""What setup sends the monitor when ^C or ^\\ was typed at the box."""


def relay(init: int) -> None:
    """Until init has ended; it stays a zombie for the monitor, which is its subreaper."""
    monitor = os.getppid()
    every = signal.valid_signals()
    while not _ended(init):
        info = signal.sigwaitinfo(every)
        number = info.si_signo
        if number == signal.SIGCHLD:
            continue
        typed = info.si_code == KERNEL
        if typed and number in (signal.SIGINT, signal.SIGQUIT):
            os.kill(monitor, INTERRUPTED)
        elif number == signal.SIGTSTP and (typed or info.si_pid == monitor):
            _stop(init)
        elif info.si_pid == monitor and not typed:
            _send(init, number)


def _ended(init: int) -> bool:
    try:
        return os.waitid(os.P_PID, init, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
    except ChildProcessError:
        return True


def _stop(init: int) -> None:
    """PID 1 ignores SIGTSTP, not SIGSTOP from outside; then setup stops, which the monitor sees."""
    _send(init, signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)
    _send(init, signal.SIGCONT)


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it ended just now; that is what the loop looks at next
