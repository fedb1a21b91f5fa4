"""The checks of a front's file: whether this caller and this machine are as they were."""

from __future__ import annotations

from toyspec.emit.front.contents import behind_text, has_content, has_files, has_names
from toyspec.emit.front.paths import is_path, is_program, is_stat, leads
from toyspec.emit.front.record import (
    COMMAND,
    CONTENT,
    DIRECTORY,
    FILES,
    HOST,
    IDS,
    INHERITED,
    LEADS,
    NAMES,
    PATH,
    PROGRAM,
    SCHEDULING,
    STAT,
    STATUS,
    TERMINAL,
    VARIABLE,
    WORDS,
)
from toyspec.emit.front.terminal import terminals
from toyspec.emit.resident.environment import value_of
from toyspec.emit.resident.memory import decimal, same, unsigned32
from toyspec.emit.resident.words import (
    flag,
    load16,
    load64,
    nr,
    room,
    store64,
    syscall,
    text,
)

_NAMES = 65  # bytes of each name in struct utsname
_SIGNALS = 31  # those with names
_IGNORED = 1  # SIG_IGN
_NOT_ASKED = 0x1001000  # SIGPIPE and SIGXFSZ: Python ignores them by itself
_MOST_GROUPS = 64
_CPUS = 128  # bytes of a CPU mask
_LISTED = 4096
_STATX = 256
_BASIC = 0x7FF
_SECCOMP = 21  # PR_GET_SECCOMP (linux/prctl.h)


def holds(check: int, told: int) -> int:
    """Whether one check holds. `told`: argc, argv, envp, working directory, own path, scratch memory."""
    kind = load64(check)
    first = check + 16
    if kind == PATH:
        return is_path(check)
    if kind == LEADS:
        return leads(first + 8, behind_text(first))
    if kind == STAT:
        return is_stat(check)
    if kind == PROGRAM:
        return is_program(check)
    if kind == CONTENT:
        return has_content(check, load64(told + 40))
    if kind == NAMES:
        return has_names(check)
    if kind == FILES:
        return has_files(check)
    if kind == VARIABLE:
        return _is_variable(check, load64(told + 16))
    if kind == WORDS:
        return _are_words(check, load64(told), load64(told + 8))
    if kind == DIRECTORY:
        return same(first + 8, load64(told + 24))
    if kind == COMMAND:
        return same(first + 8, load64(told + 32))
    if kind == HOST:
        return _is_host(first)
    if kind == IDS:
        return _are_ids(check)
    if kind == STATUS:
        return _is_status(check)
    if kind == TERMINAL:
        return terminals() == load64(first)
    if kind == INHERITED:
        return _are_inherited(check)
    if kind == SCHEDULING:
        return _is_scheduling(check)
    return 0


def _is_variable(check: int, environment: int) -> int:
    how = load64(check + 16)
    name = check + 24
    value = value_of(environment, name + 8)
    if how == 0 or value == 0:
        return how == 0 and value == 0
    if how == 2:
        return 1
    return same(behind_text(name) + 8, value)


def _are_words(check: int, words: int, argv: int) -> int:
    if load64(check + 16) != words - 1:
        return 0
    word = check + 24
    at = 1
    while at < words:
        if not same(word + 8, load64(argv + 8 * at)):
            return 0
        word = behind_text(word)
        at += 1
    return 1


def _is_host(name: int) -> int:
    names = room(400)
    if syscall(nr("uname"), names) < 0:
        return 0
    at = 0
    while at < 5:
        if not same(name + 8, names + _NAMES * at):
            return 0
        name = behind_text(name)
        at += 1
    return 1


def _are_ids(check: int) -> int:
    groups = room(256)  # 4 * _MOST_GROUPS
    if syscall(nr("getuid")) != load64(check + 16) or syscall(nr("geteuid")) != load64(check + 24):
        return 0
    if syscall(nr("getgid")) != load64(check + 32) or syscall(nr("getegid")) != load64(check + 40):
        return 0
    count = syscall(nr("getgroups"), _MOST_GROUPS, groups)
    if count != load64(check + 48):
        return 0
    at = 0
    while at < count:  # the kernel sorts them
        if unsigned32(groups + 4 * at) != load64(check + 56 + 8 * at):
            return 0
        at += 1
    return 1


def _is_status(check: int) -> int:
    """No filter of system calls, as many privileges to gain, the same signals ignored."""
    action = room(32)
    if syscall(nr("prctl"), _SECCOMP, 0, 0, 0, 0) != 0:
        return 0
    kind = flag("prctl", "PR_GET_NO_NEW_PRIVS")
    if syscall(nr("prctl"), kind, 0, 0, 0, 0) != load64(check + 16):
        return 0
    ignored = 0
    signal = 1
    while signal <= _SIGNALS:
        store64(action, 0)
        syscall(nr("rt_sigaction"), signal, 0, action, 8)
        if load64(action) == _IGNORED:
            ignored |= 1 << (signal - 1)
        signal += 1
    return ignored & ~_NOT_ASKED == load64(check + 24)


def _are_inherited(check: int) -> int:
    """Each descriptor above 2 that an execve passes on is one of those, and there are as many."""
    names = room(_LISTED)
    flags = flag("open", "O_RDONLY") | flag("open", "O_DIRECTORY") | flag("open", "O_CLOEXEC")
    fd = syscall(nr("openat"), -100, text("/proc/self/fd"), flags, 0)
    if fd < 0:
        return 0
    found = 0
    while 1:
        size = syscall(nr("getdents64"), fd, names, _LISTED)
        if size <= 0:
            break
        at = 0
        while at < size:
            one = decimal(names + at + 19)  # d_name of struct linux_dirent64
            if one > 2 and syscall(nr("fcntl"), one, flag("fcntl", "F_GETFD"), 0) == 0:
                if not _is_among(one, check):
                    found = -1 << 32
                found += 1
            at += load16(names + at + 16)
    syscall(nr("close"), fd)
    return found == load64(check + 16)


def _is_among(one: int, check: int) -> int:
    at = 0
    while at < load64(check + 16):
        if load64(check + 24 + 8 * at) == one:
            return 1
        at += 1
    return 0


def _is_scheduling(check: int) -> int:
    mask = room(_CPUS)
    at = 0
    while at < _CPUS:
        store64(mask + at, 0)
        at += 8
    if syscall(nr("sched_getaffinity"), 0, _CPUS, mask) <= 0:
        return 0
    at = 0
    while at < _CPUS:
        if load64(mask + at) != load64(check + 24 + at):
            return 0
        at += 8
    return 20 - syscall(nr("getpriority"), 0, 0) == load64(check + 16)
