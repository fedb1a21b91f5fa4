"""How a process of the box ended, read before it is reaped."""

from __future__ import annotations

import os

_FORKED_NOT_EXECUTED = 0x40  # PF_FORKNOEXEC (include/linux/sched.h)
_FLAGS_FIELD = 9  # of /proc/PID/stat, from 1 (proc_pid_stat(5))


def executed(pid: int) -> bool | None:
    """Whether a process, or its zombie, ever made an execve; None where proc does not say."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            after_name = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return not int(after_name[_FLAGS_FIELD - 3]) & _FORKED_NOT_EXECUTED


def handles(pid: int, number: int) -> bool | None:
    """Whether a process has a handler for signal `number`; None where proc does not say."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            for line in file:
                if line.startswith(b"SigCgt:"):
                    return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    except OSError:
        pass
    return None


def wait_ended(pid: int) -> bool:
    """Wait until a child has ended, leaving its zombie; False where it is no child of ours."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
