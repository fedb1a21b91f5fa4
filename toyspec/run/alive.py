"""Processes of others, told apart by more than their number: a pid comes again, a pidfd does not.

pidfd_open(2) holds what has the number now; that it is the one that is meant tell its start time
(field 22 of proc_pid_stat(5)) and, for PID 1 of a box, its pid namespace, or the lock that it holds
(proc_pid_fdinfo(5)).
"""

from __future__ import annotations

import os
import select
import signal

LONGEST = 86_400.0
"""Seconds to wait at once: poll(2) counts milliseconds in an int. Who waits longer waits again."""


def start_time(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
        return int(fields[19])
    except (OSError, ValueError, IndexError):
        return None


def hold(pid: int, began: int, namespace: int | None = None) -> int | None:
    """A pidfd, to be closed, of the process `pid` that began then; None where it is gone.

    `namespace`: the inode of its pid namespace, where that is known.
    """
    if pid <= 0:
        return None
    try:
        fd = os.pidfd_open(pid)
    except (OSError, OverflowError):
        return None
    if start_time(pid) == began and not has_ended(fd) and _is_in(pid, namespace):
        return fd
    os.close(fd)
    return None


def hold_holder(pid: int, lock: int) -> int | None:
    """A pidfd, to be closed, of the process `pid` where it holds the lock of the open file `lock`
    (F_OFD_SETLK); None where it does not, or where proc does not let us look.
    """
    if pid <= 0:
        return None
    try:
        fd = os.pidfd_open(pid)
    except (OSError, OverflowError):
        return None
    if _locks(pid, os.fstat(lock)) and not has_ended(fd):
        return fd
    os.close(fd)
    return None


def _locks(pid: int, file: os.stat_result) -> bool:
    try:
        for each in os.listdir(f"/proc/{pid}/fd"):
            if os.path.samestat(os.stat(f"/proc/{pid}/fd/{each}"), file):
                with open(f"/proc/{pid}/fdinfo/{each}", "rb") as info:
                    if b"OFDLCK" in info.read():
                        return True
    except OSError:
        pass  # gone, or none that we may look into
    return False


def _is_in(pid: int, namespace: int | None) -> bool:
    if namespace is None:
        return True
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino == namespace
    except PermissionError:
        return True  # a reaper lets nobody look, and its start time told already
    except OSError:
        return False


def has_ended(fd: int, milliseconds: int | None = 0) -> bool:
    """Whether the process of a pidfd ends within that time; None: however long it takes."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(milliseconds))


def send(fd: int, number: int) -> bool:
    """Send a signal to the process of a pidfd; False where it has ended. Raises PermissionError."""
    try:
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return False
    return True
