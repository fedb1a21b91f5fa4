"""Processes: what is sent to them, how they end, and what can be read about one before it is reaped."""

from __future__ import annotations

from toyspec.emit.resident.clock import wait_on
from toyspec.emit.resident.memory import append, append_number, behind, copy, find, number
from toyspec.emit.resident.words import (
    flag,
    load8,
    load32,
    nr,
    room,
    store8,
    store16,
    store32,
    store64,
    syscall,
    text,
)

READY = 34
"""What setup tells the monitor once it listens: before that, init must not run its command."""
CHILD = 1  # P_PID (linux/wait.h)
EXITED = 4  # WEXITED
KEEP = 0x1000000  # WNOWAIT
INFO = 128  # bytes of a siginfo_t
POLLED = 8  # bytes of a pollfd
READABLE = 1  # POLLIN
KERNEL = 0x80  # SI_KERNEL (asm-generic/siginfo.h): of a signal, that a terminal sent it
_FORKED_NOT_EXECUTED = 0x40  # PF_FORKNOEXEC (include/linux/sched.h)
_FLAGS = 6  # fields from the state to the flags in /proc/PID/stat (proc_pid_stat(5))
_STARTED = 19  # and to the time when it began
_DYING = 5000  # ms that a process killed for certain is given to be gone
_STATUS = 8192  # bytes of /proc/PID/status that are looked at: the last, as groups come before them
_CUT = 2048  # bytes that are let go of at a time


def send(pid: int, signal: int) -> int:
    """A signal to a process that may have ended; never to a group."""
    if pid > 0:
        syscall(nr("kill"), pid, signal)
    return 0


def send_key(leader: int, signal: int) -> int:
    """A key's signal, as a terminal sends it: to the whole process group of the one who leads it."""
    if leader > 1 and syscall(nr("kill"), -leader, signal) < 0:
        syscall(nr("kill"), leader, signal)  # it does not lead one yet, or it has ended
    return 0


def kill(pid: int) -> int:
    """The signal that nothing survives."""
    return send(pid, flag("signal", "SIGKILL"))


def leave(status: int) -> int:
    """The end of this process."""
    while 1:
        syscall(nr("exit_group"), status)
    return 0


def wait_for(pid: int) -> int:
    """The raw wait status of a child of ours; -1 where it is none."""
    status = room(8)
    while 1:
        found = syscall(nr("wait4"), pid, status, 0, 0)
        if found == pid:
            return load32(status)
        if found != -4:  # EINTR
            return -1
    return -1


def ended(pid: int) -> int:
    """Whether a child has ended; it stays for whoever waits for it. 1 too where it is no child."""
    info = room(INFO)
    store32(info, 0)
    options = EXITED | KEEP | flag("wait", "WNOHANG")
    if syscall(nr("waitid"), CHILD, pid, info, options, 0) < 0:
        return 1
    if load32(info):
        return 1
    return 0


def poll_one(polled: int, fd: int) -> int:
    """Fill a pollfd that waits for something to read."""
    store32(polled, fd)
    store16(polled + 4, READABLE)
    store16(polled + 6, 0)
    return 0


def readable(fd: int, patience: int) -> int:
    """Whether there is something to read, or the end of it, within so many milliseconds."""
    polled = room(POLLED)
    poll_one(polled, fd)
    if wait_on(polled, 1, patience) > 0:
        return 1
    return 0


def of_proc(pid: int, name: int, buffer: int, size: int) -> int:
    """A file of the process, with a NUL behind it, in a buffer of `size` bytes; returns its length.

    -1 where there is none, or where this /proc counts pids otherwise than we do.
    """
    path = room(64)
    if _path_of(path, pid, name) < 0:
        return -1
    return of_file(path, buffer, size)


def _path_of(path: int, pid: int, name: int) -> int:
    """Where that file is; -1 where this /proc counts pids otherwise than we do."""
    own = syscall(nr("readlinkat"), -100, text("/proc/self"), path, 32)
    if own <= 0:
        return -1
    store8(path + own, 0)
    if number(path) != syscall(nr("getpid")):
        return -1
    append(append(append_number(append(path, text("/proc/")), pid), text("/")), name)
    return 0


def _status(pid: int, buffer: int) -> int:
    """The end of /proc/PID/status, _STATUS bytes at most, with a NUL behind it; -1 as `of_proc`."""
    path = room(64)
    if _path_of(path, pid, text("status")) < 0:
        return -1
    flags = flag("open", "O_RDONLY") | flag("open", "O_CLOEXEC")
    fd = syscall(nr("openat"), -100, path, flags, 0)
    if fd < 0:
        return -1
    done = 0
    count = 1
    while count > 0:
        if done == _STATUS - 1:
            done -= _CUT
            copy(buffer, buffer + _CUT, done)
        count = syscall(nr("read"), fd, buffer + done, _STATUS - 1 - done)
        if count > 0:
            done += count
    syscall(nr("close"), fd)
    store8(buffer + done, 0)
    return done


def of_file(path: int, buffer: int, size: int) -> int:
    """What a file begins with, and a NUL behind it; returns its length, or a negative errno."""
    flags = flag("open", "O_RDONLY") | flag("open", "O_CLOEXEC")
    fd = syscall(nr("openat"), -100, path, flags, 0)
    if fd < 0:
        return fd
    done = 0
    while done < size - 1:
        count = syscall(nr("read"), fd, buffer + done, size - 1 - done)
        if count <= 0:
            break
        done += count
    syscall(nr("close"), fd)
    store8(buffer + done, 0)
    return done


def behind_name(stat: int, size: int) -> int:
    """The state in /proc/PID/stat: the name before it may hold anything. 0 where it is cut off."""
    at = stat + size
    while at > stat:
        at -= 1
        if load8(at) == 41:  # )
            return at + 2
    return 0


def next_word(at: int) -> int:
    """What follows the next blank; 0 where there is none."""
    blank = find(at, 32)
    if blank:
        return blank + 1
    return 0


def executed(pid: int) -> int:
    """Whether a process, or its zombie, ever made an execve; -1 where proc does not say."""
    flags = _of_stat(pid, _FLAGS)
    if flags < 0:
        return -1
    if flags & _FORKED_NOT_EXECUTED:
        return 0
    return 1


def start_time(pid: int) -> int:
    """When a process began, in clock ticks since boot; -1 where proc does not say."""
    return _of_stat(pid, _STARTED)


def _of_stat(pid: int, fields: int) -> int:
    """A number of /proc/PID/stat, so many fields behind the state; -1 where proc does not say."""
    stat = room(1024)
    size = of_proc(pid, text("stat"), stat, 1024)
    if size <= 0:
        return -1
    at = behind_name(stat, size)
    field = 0
    while at and field < fields:
        at = next_word(at)
        field += 1
    if at == 0:
        return -1
    return number(at)


def takes(pid: int, signal: int) -> int:
    """Whether a process handles a signal, or ignores it by choice; -1 where proc does not say.

    PID 1 that does neither loses the signal: the kernel does not end it (signal(7), kill(2)). Who
    is not PID 1, since its box joined a pid namespace, is ended by it: that is taking it too.
    """
    status = room(_STATUS)
    if _status(pid, status) <= 0:
        return -1
    found = _line(status, text("NSpid:"))
    if found and not _ends_in_one(found):
        return 1
    ignored = _line(status, text("SigIgn:\t"))
    if ignored == 0:
        return -1
    caught = _line(ignored, text("SigCgt:\t"))
    if caught == 0:
        return -1
    return (_mask(ignored) | _mask(caught)) >> (signal - 1) & 1


def ignores(pid: int, signal: int) -> int:
    """Whether a process ignores a signal by choice, as a shell does SIGTSTP; -1 where proc is silent."""
    status = room(_STATUS)
    if _status(pid, status) <= 0:
        return -1
    found = _line(status, text("SigIgn:\t"))
    if found == 0:
        return -1
    return _mask(found) >> (signal - 1) & 1


def _line(at: int, name: int) -> int:
    """What stands behind the name of a line; 0 where there is none."""
    while at:
        found = behind(at, name)
        if found:
            return found
        at = find(at, 10)
        if at:
            at += 1
    return 0


def _ends_in_one(at: int) -> int:
    """Whether the last number of this line is 1."""
    last = at
    while load8(at) and load8(at) != 10:
        if load8(at) == 9:
            last = at + 1
        at += 1
    if load8(last) == 49 and at - last == 1:
        return 1
    return 0


def _mask(at: int) -> int:
    """A hexadecimal number."""
    value = 0
    while 1:
        digit = load8(at)
        if digit >= 48 and digit <= 57:
            value = value * 16 + digit - 48
        elif digit >= 97 and digit <= 102:
            value = value * 16 + digit - 87
        else:
            break
        at += 1
    return value


def end_child(pid: int) -> int:
    """Kill a process and wait for it, if it is a child of ours: a helper that setup left behind."""
    if pid <= 0:
        return 0
    options = EXITED | KEEP | flag("wait", "WNOHANG")
    if syscall(nr("waitid"), CHILD, pid, 0, options, 0) < 0:
        return 0  # setup waited for it
    kill(pid)
    wait_for(pid)
    return 0


def wait_for_unknown_init(exec_fd: int) -> int:
    """Wait until an init is gone of which only setup knew the pid, and setup was killed.

    Its end of the exec pipe closes with it. It has run none of the box's commands: PDEATHSIG
    holds. Whoever is waited for besides was born to the caller before it became the box.
    """
    readable(exec_fd, _DYING)
    while syscall(nr("wait4"), -1, 0, flag("wait", "WNOHANG"), 0) > 0:
        continue
    return 0


def set_mask(mask: int) -> int:
    """The signals that are blocked."""
    every = room(8)
    store64(every, mask)
    return syscall(nr("rt_sigprocmask"), flag("sigprocmask", "SIG_SETMASK"), every, 0, 8)
