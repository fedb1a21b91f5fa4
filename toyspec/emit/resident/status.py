"""`--status FD`: what a supervisor is told of a box, one JSON object a line, as bubblewrap has it.

The same lines as `toyspec.run.status`. Who does not read is no reason for a box to wait.
"""

from __future__ import annotations

from toyspec.emit.resident.clock import now, wait_on
from toyspec.emit.resident.memory import append, append_number, decimal, length
from toyspec.emit.resident.process import POLLED, poll_one, start_time
from toyspec.emit.resident.record import (
    FILE,
    INIT_ROLE,
    PAGE,
    PIDS,
    SAID_RUNNING,
    SETUP,
    STATUS,
)
from toyspec.emit.resident.refusal import refuse
from toyspec.emit.resident.words import (
    flag,
    load16,
    load32,
    load64,
    nr,
    room,
    store16,
    store64,
    syscall,
    text,
)

_LINE = 640  # bytes of the longest line, and more
_STATX = 256
_INODE = 0x100  # STATX_INO (linux/stat.h)
_PATIENCE = 1000  # ms that a line waits for room: then nobody gets it
_WRITABLE = 4  # POLLOUT
_EPIPE = -32
_EAGAIN = -11
_PIPE = 0o010000  # S_IFIFO
_SOCKET = 0o140000  # S_IFSOCK
_FORMAT = 0o170000  # S_IFMT
_GETFL = 3  # F_GETFL (asm-generic/fcntl.h)
_ACCESS = 3  # O_ACCMODE
_AT_ONCE = 0x4040  # MSG_DONTWAIT | MSG_NOSIGNAL (linux/socket.h)


def take_status(file: int, word: int) -> int:
    """The descriptor that is named. It does not cross into the box, nor into what helps to make it."""
    fd = decimal(word)
    flags = -1
    if fd > 2:
        flags = syscall(nr("fcntl"), fd, _GETFL, 0)
    if flags < 0 or flags & _ACCESS == 0 or flags & flag("open", "O_PATH"):
        refuse(file, text("--status takes a descriptor open for writing, above 2, not "), word, 0)
    store64(file + STATUS, fd)
    close = flag("fcntl_argument", "FD_CLOEXEC")
    return syscall(nr("fcntl"), fd, flag("fcntl", "F_SETFD"), close)


def tell_stands(box: int) -> int:
    """The box is built, and init waits for the word to go."""
    if load64(load64(box + FILE) + STATUS) < 0:
        return 0
    init = load64(load64(box + PAGE) + PIDS + 8 * INIT_ROLE)
    setup = load32(load64(box + SETUP))
    line = room(_LINE)
    end = append_number(append(line, text('{"child-pid": ')), init)
    started = start_time(init)
    if started >= 0:  # else this /proc is none, or another one than ours
        end = _namespace(end, setup, text("cgroup"), text("cgroup"))
        end = _namespace(end, setup, text("ipc"), text("ipc"))
        end = _namespace(end, setup, text("mnt"), text("mnt"))
        end = _namespace(end, setup, text("net"), text("net"))
        end = _namespace(end, setup, text("pid"), text("pid_for_children"))
        end = _namespace(end, setup, text("uts"), text("uts"))
        end = _namespace(end, setup, text("time"), text("time_for_children"))
        end = _namespace(end, setup, text("user"), text("user"))
        end = append_number(append(end, text(', "start-time": ')), started)
    end = append_number(append(end, text(', "monitor-pid": ')), syscall(nr("getpid")))
    end = append_number(append(end, text(', "setup-pid": ')), setup)
    append(end, text("}\n"))
    return _tell(load64(load64(box + FILE) + STATUS), line)


def tell_running(box: int) -> int:
    """Init executes the box's command. A second time says nothing."""
    file = load64(box + FILE)
    if load64(file + STATUS) < 0 or load64(file + SAID_RUNNING):
        return 0
    store64(file + SAID_RUNNING, 1)
    return _tell(load64(file + STATUS), text('{"running": true}\n'))


def tell_ended(box: int, status: int) -> int:
    """The command, which ran, came to this exit status. Returns it."""
    fd = load64(load64(box + FILE) + STATUS)
    if fd >= 0:
        tell_running(box)
        line = room(64)
        append(append_number(append(line, text('{"exit-code": ')), status), text("}\n"))
        _tell(fd, line)
    return status


def _namespace(end: int, setup: int, name: int, file: int) -> int:
    """Its inode, unless it is the caller's own, or this kernel does not let us look.

    Setup is in all of the box's namespaces but for two, which are its children's.
    """
    inode = _inode(setup, file)
    if inode < 0 or inode == _inode(0, name):
        return end
    end = append(append(append(end, text(', "')), name), text('-namespace": '))
    return append_number(end, inode)


def _inode(pid: int, name: int) -> int:
    """Of a namespace of the process, 0 being us; -1 where nobody tells."""
    path = room(64)
    end = append(path, text("/proc/"))
    if pid:
        end = append_number(end, pid)
    else:
        end = append(end, text("self"))
    append(append(end, text("/ns/")), name)
    seen = room(_STATX)
    if syscall(nr("statx"), -100, path, 0, _INODE, seen) < 0:
        return -1
    return load64(seen + 32)


def _tell(fd: int, line: int) -> int:
    """By one call, which never waits longer than _PATIENCE: a line is whole, or lost."""
    seen = room(_STATX)
    kind = 0
    if syscall(nr("statx"), fd, text(""), flag("at", "AT_EMPTY_PATH"), _INODE, seen) >= 0:
        kind = load16(seen + 28) & _FORMAT
    pipe = -1
    if kind == _PIPE:
        pipe = _opened_anew(fd)
    if pipe >= 0:
        _patiently(pipe, line, 0)
        syscall(nr("close"), pipe)
    elif kind == _SOCKET:
        _patiently(fd, line, 1)
    else:
        _patiently(fd, line, 0)
    return 0


def _patiently(fd: int, line: int, is_socket: int) -> int:
    """Once there is room, which others may take before us."""
    end = now() + _PATIENCE
    polled = room(POLLED)
    while 1:
        poll_one(polled, fd)
        store16(polled + 4, _WRITABLE)
        if wait_on(polled, 1, _until(end)) <= 0:
            return 0
        if is_socket:
            done = syscall(nr("sendto"), fd, line, length(line), _AT_ONCE, 0, 0)
        else:
            done = syscall(nr("write"), fd, line, length(line))
        if done == _EPIPE:
            forget_pipe_signal()
        if done != _EAGAIN or _until(end) == 0:
            return 0
    return 0


def _until(end: int) -> int:
    """Milliseconds; 0 where it is over."""
    left = end - now()
    if left > 0:
        return left
    return 0


def _opened_anew(fd: int) -> int:
    """A pipe as one that does not block: as it is, that is the caller's to say. Negative where it is
    another user's, or there is no /proc.
    """
    path = room(64)
    append_number(append(path, text("/proc/self/fd/")), fd)
    flags = flag("open", "O_WRONLY") | flag("open", "O_NONBLOCK") | flag("open", "O_CLOEXEC")
    return syscall(nr("openat"), -100, path, flags, 0)


def forget_pipe_signal() -> int:
    """The one that our own write came to: none to hand on to the box."""
    signals = room(8)
    store64(signals, 1 << (flag("signal", "SIGPIPE") - 1))
    time = room(16)
    store64(time, 0)
    store64(time + 8, 0)
    return syscall(nr("rt_sigtimedwait"), signals, 0, time, 8)
