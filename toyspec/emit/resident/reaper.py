"""A reaper after `supervise`: PID 1, whose child is the box's command.

Every signal is blocked and taken one by one, so none is lost, and none comes before the command is
there to get it.
"""

from __future__ import annotations

from toyspec.emit.resident.forget import WHILE, forget
from toyspec.emit.resident.kinds import is_key
from toyspec.emit.resident.memory import append, length
from toyspec.emit.resident.process import INFO, KERNEL, leave, send, send_key
from toyspec.emit.resident.record import (
    CALLER_ENVIRONMENT,
    COMMAND_ROLE,
    FILE,
    LOST,
    PAGE,
    PIDS,
)
from toyspec.emit.resident.words import (
    flag,
    load32,
    load64,
    nr,
    room,
    store8,
    store64,
    syscall,
    text,
)


def supervise_init(box: int) -> int:
    """Until the command has ended; its exit status is ours, 128+n where signal n ended it.

    What ended before its execve, by a signal that nobody sent through here, is noted as lost.
    """
    page = load64(box + PAGE)
    command = load64(page + PIDS + 8 * COMMAND_ROLE)
    _forget_words(load64(load64(box + FILE) + CALLER_ENVIRONMENT))
    sent = 0
    every = room(8)
    store64(every, -1)
    info = room(INFO)
    status = room(8)
    patience = room(16)
    store64(patience, 0)
    store64(patience + 8, WHILE * 1000000)
    ran = _ended(command, status)
    while ran < 0:
        signal = syscall(nr("rt_sigtimedwait"), every, info, patience, 8)
        if signal < 0:
            forget(box)
            patience = 0
        if signal > 0 and signal != flag("signal", "SIGCHLD") and load32(info + 8) != KERNEL:
            sent |= 1 << (signal - 1)
            if is_key(signal) and load32(info + 16) == 0:  # from outside
                send_key(command, signal)
            else:
                send(command, signal)  # not reaped yet: its number is its own
        ran = _ended(command, status)
    raw = load32(status)
    number = raw & 0x7F
    if ran == 0 and (number == 0 or sent >> (number - 1) & 1 == 0):
        store64(page + LOST, raw + 1)
    if number:
        return leave(128 + number)
    return leave(raw >> 8 & 0xFF)


def _forget_words(environment: int) -> int:
    """Anybody in the box may read /proc/1/cmdline, and our words name the host's files: it shows
    `init` instead (proc(5): it is this memory). Where argv[0] is shorter, nothing.
    """
    count = 0
    at = (
        environment - 16
    )  # the last word's address; below the first one's stands how many there are
    while load64(at) != count:
        at -= 8
        count += 1
    if count == 0:
        return 0
    first = load64(at + 8)
    last = load64(environment - 16)
    end = last + length(last)
    roomy = length(first) >= length(text("init"))
    byte = first
    while byte < end:
        store8(byte, 0)
        byte += 1
    if roomy:
        append(first, text("init"))
    return 0


def _ended(command: int, status: int) -> int:
    """1 once the command has ended, 0 where it had not executed anything; -1 while it lives.

    Orphans are reaped on the way. A child of which a signal of its own tells becomes one of which
    SIGCHLD does by its execve (de_thread in fs/exec.c), and wait(2) keeps the two kinds apart.
    """
    pid = _reap(status, 0)
    while pid > 0:
        if pid == command:
            return 1
        pid = _reap(status, 0)
    if _reap(status, flag("wait", "__WCLONE")) == command:
        return 0
    return -1


def _reap(status: int, kind: int) -> int:
    return syscall(nr("wait4"), -1, status, flag("wait", "WNOHANG") | kind, 0)
