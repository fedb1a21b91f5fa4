"""Descriptors that a box must not get, where the kernel closes no ranges as plans want it (before Linux 5.11)."""

from __future__ import annotations

from toyspec.emit.resident.memory import decimal
from toyspec.emit.resident.record import STATUS, SWEEPS
from toyspec.emit.resident.refusal import refuse
from toyspec.emit.resident.words import flag, load16, load64, nr, room, syscall, text

_LISTED = 4096


def keep_out(file: int) -> int:
    """No descriptor above 2 is open from now on, but the one that is told what becomes of the box. Who starts
    the file has any, and the plan, which was made before, names none.
    """
    if not load64(file + SWEEPS):
        return 0
    names = room(_LISTED)
    flags = flag("open", "O_RDONLY") | flag("open", "O_DIRECTORY") | flag("open", "O_CLOEXEC")
    fd = syscall(nr("openat"), -100, text("/proc/self/fd"), flags, 0)
    if fd < 0:
        refuse(
            file, text("no /proc says which descriptors are open, which the box must not get"), 0, 0
        )
    while 1:
        size = syscall(nr("getdents64"), fd, names, _LISTED)
        if size <= 0:
            break
        at = 0
        while at < size:
            one = decimal(names + at + 19)  # d_name of struct linux_dirent64
            if one > 2 and one != fd and one != load64(file + STATUS):
                syscall(nr("close"), one)
            at += load16(names + at + 16)
    return syscall(nr("close"), fd)
