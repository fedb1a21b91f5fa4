"""A box that holds still: while the caller's shell has the terminal, nothing in it runs.

Stopping PID 1 alone leaves the rest: a process that stayed could take the terminal's foreground and
read what is typed at the shell, or end the process that would end the box.

A table is three numbers (address, how many fit, how many there are) over memory of its own, which
grows; an entry is pid, parent, group and state, 4 bytes each. The kernel lists pids in ascending
order, so that a pid is found by halving.
"""

from __future__ import annotations

from toyspec.emit.resident.clock import sleep
from toyspec.emit.resident.memory import append, decimal, length, number
from toyspec.emit.resident.process import behind_name, next_word, of_file, send
from toyspec.emit.resident.words import (
    flag,
    load8,
    load16,
    load32,
    load64,
    nr,
    room,
    store32,
    store64,
    syscall,
    text,
)

TABLE = 24
_ENTRY = 16
_FIRST = 256  # entries of a new table: one page
_MOST_PASSES = 1000  # each finds what was forked during the one before
_PATIENCE = 250  # ms that those who were told to stop are waited for: some sleep deeply
_LISTED = 4096  # bytes of /proc's listing at once
_STAT = 512
_READ_WRITE = 3  # PROT_READ | PROT_WRITE
_PRIVATE = 0x22  # MAP_PRIVATE | MAP_ANONYMOUS
_MAY_MOVE = 1  # MREMAP_MAYMOVE


def begin_table(table: int) -> int:
    """An empty one; without memory nothing fits."""
    memory = syscall(nr("mmap"), 0, _FIRST * _ENTRY, _READ_WRITE, _PRIVATE, -1, 0)
    store64(table, memory)
    store64(table + 8, _FIRST)
    if memory < 0 and memory > -4096:
        store64(table + 8, 0)
    store64(table + 16, 0)
    return 0


def end_table(table: int) -> int:
    """Give its memory back."""
    if load64(table + 8):
        syscall(nr("munmap"), load64(table), load64(table + 8) * _ENTRY)
    return 0


def freeze(init: int, stopped: int) -> int:
    """Stop every process of the box; those that ran are in the table `stopped` then, for `thaw`.

    It is waited until they hold still: one that reads the terminal, and was told while it slept
    there, would yet take what is typed at the shell.

    All descend from init: the kernel gives it the orphans of its namespace, unless that was joined.
    """
    every = room(TABLE)
    begin_table(every)
    passes = 0
    waited = 0
    while passes < _MOST_PASSES and waited < _PATIENCE:
        _list(every)
        before = load64(stopped + 16)
        if not _stop_more(every, init, stopped):
            break
        if load64(stopped + 16) == before:
            waited += 1
            sleep(1)
        passes += 1
    end_table(every)
    return 0


def _stop_more(every: int, init: int, stopped: int) -> int:
    """Stop those that run and were not told before; how many run yet."""
    before = load64(stopped + 16)
    running = 0
    at = 0
    while at < load64(every + 16):
        entry = load64(every) + at * _ENTRY
        if _runs(every, entry, init):
            running += 1
            pid = load32(entry)
            if not _holds(stopped, before, pid):
                send(pid, flag("signal", "SIGSTOP"))
                _add(stopped, pid, 0, 0, 0)
        at += 1
    return running


def thaw(stopped: int) -> int:
    """Let those go on, in the order in which they were stopped: init first."""
    at = 0
    while at < load64(stopped + 16):
        send(load32(load64(stopped) + at * _ENTRY), flag("signal", "SIGCONT"))
        at += 1
    return 0


def _runs(every: int, entry: int, init: int) -> int:
    """Whether it is the box's, and not stopped (T), traced (t) or ended (Z, X: proc_pid_stat(5))."""
    state = load32(entry + 12)
    if state == 84 or state == 116 or state == 90 or state == 88:
        return 0
    return _descends(every, entry, init)


def _holds(table: int, count: int, pid: int) -> int:
    """Whether a pid is among the first `count`."""
    at = 0
    while at < count:
        if load32(load64(table) + at * _ENTRY) == pid:
            return 1
        at += 1
    return 0


def _descends(every: int, entry: int, init: int) -> int:
    """Whether a process is init, or a child of one that descends from it."""
    steps = 0
    while entry and load32(entry) != init:
        entry = _entry_of(every, load32(entry + 4))
        steps += 1
        if steps > load64(every + 16):
            return 0  # read while it changed: it goes round
    if entry:
        return 1
    return 0


def _entry_of(every: int, pid: int) -> int:
    """The entry of a pid; 0 where it has none."""
    low = 0
    high = load64(every + 16)
    while low < high:
        middle = (low + high) // 2
        entry = load64(every) + middle * _ENTRY
        if load32(entry) == pid:
            return entry
        if load32(entry) < pid:
            low = middle + 1
        else:
            high = middle
    return 0


def _add(table: int, pid: int, parent: int, group: int, state: int) -> int:
    """One entry more; without memory it is left out."""
    count = load64(table + 16)
    fitting = load64(table + 8)
    if count == fitting:
        memory = syscall(
            nr("mremap"), load64(table), fitting * _ENTRY, 2 * fitting * _ENTRY, _MAY_MOVE
        )
        if memory < 0 and memory > -4096:
            return 0
        store64(table, memory)
        store64(table + 8, 2 * fitting)
    entry = load64(table) + count * _ENTRY
    store32(entry, pid)
    store32(entry + 4, parent)
    store32(entry + 8, group)
    store32(entry + 12, state)
    store64(table + 16, count + 1)
    return 0


def _list(every: int) -> int:
    """Every process that /proc shows."""
    store64(every + 16, 0)
    names = room(_LISTED)
    flags = flag("open", "O_RDONLY") | flag("open", "O_DIRECTORY") | flag("open", "O_CLOEXEC")
    fd = syscall(nr("openat"), -100, text("/proc"), flags, 0)
    if fd < 0:
        return 0
    while 1:
        size = syscall(nr("getdents64"), fd, names, _LISTED)
        if size <= 0:
            break
        at = 0
        while at < size:
            pid = decimal(names + at + 19)  # d_name of struct linux_dirent64
            if pid > 0:
                _look_at(every, pid, names + at + 19)
            at += load16(names + at + 16)
    syscall(nr("close"), fd)
    return 0


def _look_at(every: int, pid: int, name: int) -> int:
    path = room(64)
    stat = room(_STAT)
    if length(name) > 32:
        return 0
    append(append(append(path, text("/proc/")), name), text("/stat"))
    size = of_file(path, stat, _STAT)
    if size <= 0:
        return 0  # it has ended
    at = behind_name(stat, size)
    if at == 0:
        return 0
    parent = next_word(at)
    if parent == 0:
        return 0
    group = next_word(parent)
    if group == 0:
        return 0
    return _add(every, pid, number(parent), number(group), load8(at))
