"""Where a compiled file lies: what runs from it the next time is none of the box's to write."""

from __future__ import annotations

from toyspec.emit.resident.memory import behind, same
from toyspec.emit.resident.record import AS_FILE, OWN_PLACE, WRITABLE
from toyspec.emit.resident.refusal import refuse
from toyspec.emit.resident.words import (
    flag,
    load8,
    load32,
    load64,
    nr,
    room,
    store8,
    store64,
    syscall,
    text,
)

_LONGEST = 4096  # PATH_MAX
_STATX = 256  # bytes of a struct statx: its mask at 0, inode at 32, device at 136, mount at 144
_MOUNT_ID = 0x1000  # STATX_MNT_ID (linux/stat.h, Linux 5.8)
_WANTED = 0x1100  # and STATX_INO


def is_reachable() -> int:
    """Whether this program is in reach by its path, on the very mount that it was executed from. It is not
    where it runs in a box: that mount was left behind, and no path leads there (CVE-2019-5736).
    """
    path = room(_LONGEST)
    size = syscall(nr("readlinkat"), -100, text("/proc/self/exe"), path, _LONGEST - 1)
    if size <= 0:
        return 0
    store8(path + size, 0)
    how = room(24)  # struct open_how: flags, mode, resolve
    store64(how, flag("open", "O_PATH") | flag("open", "O_CLOEXEC"))
    store64(how + 8, 0)
    store64(how + 16, flag("resolve", "RESOLVE_NO_SYMLINKS"))
    fd = syscall(nr("openat2"), -100, path, how, 24)
    if fd < 0:
        return 0
    one = room(_STATX)
    other = room(_STATX)
    found = syscall(nr("statx"), fd, text(""), flag("at", "AT_EMPTY_PATH"), _WANTED, one)
    found |= syscall(nr("statx"), -100, text("/proc/self/exe"), 0, _WANTED, other)
    syscall(nr("close"), fd)
    if found < 0 or load32(one) & load32(other) & _MOUNT_ID == 0:
        return 0
    if load64(one + 32) != load64(other + 32) or load64(one + 136) != load64(other + 136):
        return 0
    return load64(one + 144) == load64(other + 144)


def check_place(file: int) -> int:
    """A box covers its own file where that was written to; nowhere else may it be in the box's reach."""
    tops = load64(file + WRITABLE)
    if not load64(file + AS_FILE) or load64(tops) == 0:
        return 0
    own = room(_LONGEST)
    size = syscall(nr("readlinkat"), -100, text("/proc/self/exe"), own, _LONGEST - 1)
    if size <= 0:
        refuse(
            file, text("no /proc says where this box's file is, which the box must not write"), 0, 0
        )
    store8(own + size, 0)
    if behind(own, text("/memfd:toyspec (deleted)")):
        return 0  # a copy, which was asked before
    made = load64(file + OWN_PLACE)
    if made:
        if not same(own, made):
            refuse(file, text("this box is to lie where it was made, as it covers that: "), made, 0)
        return 0
    while load64(tops):
        rest = behind(own, load64(tops))
        if rest and (load8(rest) == 47 or load8(rest) == 0):
            refuse(
                file,
                text("this box could write its own file here: make it anew where it is to lie"),
                0,
                0,
            )
        tops += 8
    return 0
