"""How the processes of a box end, and what can be read about one before it is reaped."""

from __future__ import annotations

import os
import select
import signal

_FORKED_NOT_EXECUTED = 0x40  # PF_FORKNOEXEC (include/linux/sched.h)
_FLAGS_FIELD = 9  # of /proc/PID/stat, from 1 (proc_pid_stat(5))
_START_FIELD = 22
_DYING = 5000  # ms that a process killed for certain is given to be gone


def executed(pid: int) -> bool | None:
    """Whether a process, or its zombie, ever made an execve; None where proc does not say."""
    flags = _stat(pid, _FLAGS_FIELD)
    return None if flags is None else not flags & _FORKED_NOT_EXECUTED


def has_run(reaper: int) -> bool:
    """Whether a reaper's command was executed: its oldest child, which its end of the exec pipe alone does
    not tell from one that was killed. False too where it has ended: how, the reaper's end tells. True where
    the kernel lists no children (CONFIG_PROC_CHILDREN).
    """
    listed = _proc(reaper, f"task/{reaper}/children")
    if listed is None:
        return True
    return any(executed(int(pid)) for pid in listed.split()[:1])


def start_time(pid: int) -> int | None:
    """When a process began, in clock ticks since boot: with its pid it tells it from any other. None
    where proc does not say.
    """
    return _stat(pid, _START_FIELD)


def _stat(pid: int, field: int) -> int | None:
    """A number of /proc/PID/stat behind the name, which may hold anything."""
    stat = _proc(pid, "stat")
    return None if stat is None else int(stat.rpartition(b")")[2].split()[field - 3])


def takes(pid: int, number: int) -> bool | None:
    """Whether a process handles signal `number`, or ignores it by choice; None if unknown.

    PID 1 that does neither loses the signal: the kernel does not end it (signal(7), kill(2)). Who
    is not PID 1, since its box joined a pid namespace, is ended by it: that is taking it too.
    """
    for line in (_proc(pid, "status") or b"").splitlines():
        name, _, mask = line.partition(b":")
        if name == b"NSpid" and mask.split()[-1:] != [b"1"]:
            return True
        if name in (b"SigCgt", b"SigIgn") and int(mask, 16) >> (number - 1) & 1:
            return True
        if name == b"SigCgt":
            return False
    return None


def ignores(pid: int, number: int) -> bool | None:
    """Whether a process ignores signal `number` by choice, as a shell does SIGTSTP; None if unknown."""
    for line in (_proc(pid, "status") or b"").splitlines():
        name, _, mask = line.partition(b":")
        if name == b"SigIgn":
            return bool(int(mask, 16) >> (number - 1) & 1)
    return None


def _proc(pid: int, name: str) -> bytes | None:
    """A file of the process, unless this /proc counts pids otherwise than we do."""
    try:
        with open("/proc/self/stat", "rb") as own:
            if int(own.read().split(b" ", 1)[0]) != os.getpid():
                return None
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return None


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process that may have ended; never to a group."""
    if pid > 0:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass  # reaped already


def send_key(leader: int, number: int) -> None:
    """A key's signal, as a terminal sends it: to the whole process group of the one who leads it."""
    try:
        os.killpg(leader, number)
    except OSError:  # it does not lead one yet, or it has ended
        kill(leader, number)


def end_of_init(init: int) -> tuple[bool | None, int] | None:
    """Kill init, whose setup has ended: whether it ever made an execve, and its raw wait status.

    It dies by its PDEATHSIG, unless it cleared that. None where it is no child of ours.
    """
    kill(init)
    try:
        os.waitid(os.P_PID, init, os.WEXITED | os.WNOWAIT)
        ran = executed(init)
        return ran, os.waitpid(init, 0)[1]
    except ChildProcessError:
        return None


def end_child(pid: int) -> None:
    """Kill a process and wait for it, if it is a child of ours: a helper that setup left behind."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except ChildProcessError:
        return  # setup waited for it
    kill(pid)
    os.waitpid(pid, 0)


def wait_for_unknown_init(exec_fd: int) -> None:
    """Wait until an init is gone of which only setup knew the pid, and setup was killed.

    Its end of the exec pipe closes with it. It has run none of the box's commands: PDEATHSIG
    holds. Whoever is waited for besides was born to the caller before it became toyspec.
    """
    poll = select.poll()
    poll.register(exec_fd, select.POLLIN)
    poll.poll(_DYING)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass  # there was none
