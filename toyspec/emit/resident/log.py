"""What a detached box prints: read from two pipes, and kept in files that are turned over when full.

The box waits while its pipe is full and we write; it never waits for a reader of the log. What the
disk has no room for is lost, and a record says how much. The format is `toyspec.run.log`'s: a head
(nanoseconds of CLOCK_REALTIME; how many bytes, and which stream in the upper half), then the bytes.
"""

from __future__ import annotations

from toyspec.emit.resident.memory import copy, decimal, length
from toyspec.emit.resident.process import readable
from toyspec.emit.resident.record import (
    ERR_READ,
    FILE,
    LOG_DIRECTORY,
    LOG_FD,
    LOG_LAST,
    LOG_LAST_HOLDS,
    LOG_LOST,
    LOG_SIZE,
    OUT_READ,
    SAYS,
)
from toyspec.emit.resident.status import forget_pipe_signal
from toyspec.emit.resident.words import (
    flag,
    load32,
    load64,
    nr,
    room,
    store64,
    syscall,
    text,
)

OUT = 1
ERR = 2
_LOST = 3  # eight bytes: how many of both streams had no room
_HEAD = 16
_MOST = 16384  # bytes of one record
_ROOM = 16400
_LONGEST = 256  # bytes of what we say
_FILE = 1048576  # bytes of one file; there are four
_LEFT = 2097152  # twice what a stream of a box that has ended may hold (pipe-max-size, pipe(7)) ...
_SLOT = 4096  # ... of which each read takes this much at least, or leaves nothing
_EPIPE = -32
_REALTIME = 0  # CLOCK_REALTIME


def take(word: int) -> int:
    """The descriptor that a word names: of this process and its children, and of no other program."""
    fd = decimal(word)
    if fd > 2:
        cloexec = flag("fcntl_argument", "FD_CLOEXEC")
        syscall(nr("fcntl"), fd, flag("fcntl", "F_SETFD"), cloexec)
    return fd


def begin_log(box: int) -> int:
    """Before the slots' cells are let go of: the fields hold the pipes' ends from here on."""
    store64(box + LOG_FD, -1)
    if load64(box + OUT_READ) == 0:
        store64(box + OUT_READ, -1)
        store64(box + ERR_READ, -1)
        return 0
    store64(box + OUT_READ, load32(load64(box + OUT_READ)))
    store64(box + ERR_READ, load32(load64(box + ERR_READ)))
    store64(box + SAYS, load32(load64(box + SAYS)))
    store64(box + LOG_FD, _open(box, text("log"), flag("open", "O_TRUNC")))
    return 0


def stands(box: int) -> int:
    """Init executes the box's command: the one who started it, at the other end of our standard error,
    need not wait any more. What we have to say from now on is a part of the log. A second time does
    nothing.
    """
    if load64(box + SAYS) <= 2:
        return 0
    if syscall(nr("write"), 2, text(""), 1) == _EPIPE:
        forget_pipe_signal()  # he was killed: that is nothing to the box
    syscall(nr("dup3"), load64(box + SAYS), 2, 0)
    syscall(nr("close"), load64(box + SAYS))
    store64(box + SAYS, -1)
    return 0


def pump(box: int, field: int, stream: int) -> int:
    """Read once from a pipe that has something, or has ended, and keep that; returns how many bytes.
    Where the box read it first, as it may, that is nothing (EAGAIN).
    """
    fd = load64(box + field)
    record = room(_ROOM)
    size = syscall(nr("read"), fd, record + _HEAD, _MOST)
    if size > 0:
        if load64(box + LOG_LOST):
            _tell_lost(box)
        if not _write(box, record, stream, size):
            store64(box + LOG_LOST, load64(box + LOG_LOST) + size)
    elif size == 0:
        store64(box + field, -1)
        syscall(nr("close"), fd)
    return size


def keep(box: int, words: int) -> int:
    """Something to say that is not ours to print: whoever follows the log reads it."""
    record = room(_HEAD + _LONGEST)
    copy(record + _HEAD, words, length(words))
    return _write(box, record, ERR, length(words))


def drain(box: int) -> int:
    """The box has ended: keep what is left in the pipes. Somebody outside who was given the other end
    of one by the box may still write: there is an end to that, be it a byte at a time.
    """
    _drain(box, OUT_READ, OUT)
    _drain(box, ERR_READ, ERR)
    if load64(box + LOG_LOST):
        _tell_lost(box)
    if load64(box + LOG_LOST) and load64(box + LOG_SIZE):
        _tell_in_place(box)
    return 0


def _drain(box: int, field: int, stream: int) -> int:
    left = _LEFT
    while left > 0 and load64(box + field) >= 0 and readable(load64(box + field), 0):
        size = pump(box, field, stream)
        if size <= 0:
            break
        left -= size + _SLOT  # also where each takes a byte
    return 0


def _tell_lost(box: int) -> int:
    record = room(24)
    store64(record + _HEAD, load64(box + LOG_LOST))
    if _write(box, record, _LOST, 8):
        store64(box + LOG_LOST, 0)
    return 0


def _tell_in_place(box: int) -> int:
    """Not even that has room: it takes the last record's, whose bytes are lost, too. Who follows the log
    has read them.
    """
    at = load64(box + LOG_LAST)
    size = load64(box + LOG_SIZE) - at - _HEAD
    if size < 8:
        return 0
    record = room(_ROOM)
    zeroed = 0
    while zeroed < size:
        store64(record + _HEAD + zeroed, 0)
        zeroed += 8
    lost = load64(box + LOG_LOST) + load64(box + LOG_LAST_HOLDS)
    store64(record + _HEAD, lost)
    _stamp(record, _LOST, size)
    fd = load64(box + LOG_FD)
    syscall(nr("fcntl"), fd, flag("fcntl", "F_SETFL"), 0)  # else it would be written behind the end
    done = syscall(nr("pwrite64"), fd, record, _HEAD + size, at)
    syscall(nr("fcntl"), fd, flag("fcntl", "F_SETFL"), flag("open", "O_APPEND"))
    if done == _HEAD + size:
        store64(box + LOG_LAST_HOLDS, lost)
        store64(box + LOG_LOST, 0)
    return 0


def _stamp(record: int, stream: int, size: int) -> int:
    """The head of a record."""
    time = room(16)
    syscall(nr("clock_gettime"), _REALTIME, time)
    store64(record, load64(time) * 1000000000 + load64(time + 8))
    store64(record + 8, stream << 32 | size)
    return 0


def _write(box: int, record: int, stream: int, size: int) -> int:
    """The head, and the record as a whole or not at all; whether there was room."""
    whole = _HEAD + size
    if load64(box + LOG_SIZE) + whole > _FILE:
        _turn(box)
    _stamp(record, stream, size)
    done = syscall(nr("write"), load64(box + LOG_FD), record, whole)
    if done == whole:
        store64(box + LOG_LAST, load64(box + LOG_SIZE))
        store64(box + LOG_LAST_HOLDS, size)
        if stream == _LOST:
            store64(box + LOG_LAST_HOLDS, load64(record + _HEAD))
        store64(box + LOG_SIZE, load64(box + LOG_SIZE) + whole)
        return 1
    if done > 0:
        syscall(nr("ftruncate"), load64(box + LOG_FD), load64(box + LOG_SIZE))
    return 0


def _turn(box: int) -> int:
    """The file is full: the next one takes its name, and what is older moves on. Where there can be no
    other file (the directory was removed, the disk is full) this one begins anew.
    """
    syscall(nr("unlinkat"), load64(load64(box + FILE) + LOG_DIRECTORY), text("log.new"), 0)
    new = _open(box, text("log.new"), flag("open", "O_EXCL"))
    store64(box + LOG_SIZE, 0)
    if new < 0:
        return syscall(nr("ftruncate"), load64(box + LOG_FD), 0)
    _rename(box, text("log.2"), text("log.3"))
    _rename(box, text("log.1"), text("log.2"))
    _rename(box, text("log"), text("log.1"))
    _rename(box, text("log.new"), text("log"))
    syscall(nr("close"), load64(box + LOG_FD))
    store64(box + LOG_FD, new)
    return 0


def _rename(box: int, old: int, new: int) -> int:
    directory = load64(load64(box + FILE) + LOG_DIRECTORY)
    return syscall(nr("renameat"), directory, old, directory, new)


def _open(box: int, name: int, fresh: int) -> int:
    """A file to append to; `fresh`: how. Where it is a FIFO, nobody waits for whoever reads there."""
    flags = flag("open", "O_WRONLY") | flag("open", "O_CREAT") | flag("open", "O_NONBLOCK")
    flags |= flag("open", "O_APPEND") | flag("open", "O_NOFOLLOW") | flag("open", "O_CLOEXEC")
    directory = load64(load64(box + FILE) + LOG_DIRECTORY)
    return syscall(nr("openat"), directory, name, flags | fresh, 0o600)
