"""Checks of what lies at a path of this machine, and where it leads."""

from __future__ import annotations

from toyspec.emit.front.contents import behind_text, equal
from toyspec.emit.front.record import (
    DEVICE,
    INODE,
    OWNER,
    PATH_END,
    PATH_KIND,
    PATH_MAJOR,
    PATH_MINOR,
    PATH_MODE,
    PATH_SIZE,
    PATH_TEXTS,
    PATH_UID,
    PATH_UNREADABLE,
    PATH_WRITABLE,
)
from toyspec.emit.resident.memory import append, append_number, unsigned32
from toyspec.emit.resident.words import flag, load16, load32, load64, nr, room, syscall, text

_STATX = 256
_BASIC = 0x7FF
_FORMAT = 0o170000
_PERMISSIONS = 0o7777
_REGULAR = 0o100000
_SYMLINK = 0o120000
_SET_UID = 0o4000
_LONGEST = 4096
_READ = 4  # R_OK
_WRITE = 2
_EXECUTE = 1
_EPERM = -1
_EACCES = -13
_NO_SET_UID = 2  # ST_NOSUID (statfs(2))
_FLAGS = 80  # f_flags in struct statfs


def is_path(check: int) -> int:
    """All that `start.look_paths.path` says of one, but for what only Python can find out."""
    path = check + PATH_TEXTS
    seen = room(_STATX)
    still = flag("at", "AT_SYMLINK_NOFOLLOW") | flag("at", "AT_NO_AUTOMOUNT")
    found = syscall(nr("statx"), -100, path + 8, still, _BASIC, seen)
    if found < 0:
        if load64(check + PATH_KIND):
            return 0
        return _is_absent(found)
    kind = load16(seen + 28) & _FORMAT
    if kind != load64(check + PATH_KIND) or unsigned32(seen + 20) != load64(check + PATH_UID):
        return 0
    if kind == _SYMLINK:
        if not _is_link(path + 8, behind_text(path)):
            return 0
        found = syscall(nr("statx"), -100, path + 8, flag("at", "AT_NO_AUTOMOUNT"), _BASIC, seen)
        if found < 0:
            if load64(check + PATH_END):
                return 0
            return _is_absent(found)
    if not _is_end(check, seen):
        return 0
    return leads(path + 8, behind_text(behind_text(path)))


def _is_absent(found: int) -> int:
    """Whether an errno is not that of a directory which the caller may not search."""
    if found == _EACCES:
        return 0
    return found != _EPERM


def _is_end(check: int, seen: int) -> int:
    """What the path leads to, and what the caller may do with it."""
    mode = load16(seen + 28)
    if mode & _FORMAT != load64(check + PATH_END):
        return 0
    if mode & _PERMISSIONS != load64(check + PATH_MODE):
        return 0
    if load64(check + PATH_MAJOR) >= 0:
        if load32(seen + 128) != load64(check + PATH_MAJOR):
            return 0
        if load32(seen + 132) != load64(check + PATH_MINOR):
            return 0
    if load64(check + PATH_SIZE) >= 0 and load64(seen + 40) != load64(check + PATH_SIZE):
        return 0
    path = check + PATH_TEXTS + 8
    writable = syscall(nr("faccessat"), -100, path, _WRITE) == 0
    if writable != load64(check + PATH_WRITABLE):
        return 0
    return (syscall(nr("faccessat"), -100, path, _READ) != 0) == load64(check + PATH_UNREADABLE)


def _is_link(path: int, wanted: int) -> int:
    link = room(_LONGEST)
    return equal(wanted, link, syscall(nr("readlinkat"), -100, path, link, _LONGEST))


def leads(path: int, wanted: int) -> int:
    """Whether a path leads there, symlinks followed: the kernel's own word for what is open."""
    link = room(64)
    fd = syscall(nr("openat"), -100, path, flag("open", "O_PATH") | flag("open", "O_CLOEXEC"), 0)
    if fd < 0:
        return 0
    append_number(append(link, text("/proc/self/fd/")), fd)
    found = _is_link(link, wanted)
    syscall(nr("close"), fd)
    return found


def is_stat(check: int) -> int:
    """What stat(2) says of a path, as far as it counts; that nothing is there where nothing counts."""
    seen = room(_STATX)
    counts = load64(check + 16)
    if syscall(nr("statx"), -100, check + 64, 0, _BASIC, seen) < 0:
        return counts == 0
    if counts & DEVICE and not _is_device(seen, check + 24):
        return 0
    if counts & INODE and load64(seen + 32) != load64(check + 40):
        return 0
    if counts & OWNER and unsigned32(seen + 20) != load64(check + 48):
        return 0
    return counts != 0


def _is_device(seen: int, wanted: int) -> int:
    return load32(seen + 136) == load64(wanted) and load32(seen + 140) == load64(wanted + 8)


def is_program(check: int) -> int:
    """Whether a helper can be executed, has privileges, and lies on a mount that takes them away."""
    seen = room(_STATX)
    there = load64(check + 16)
    path = check + 48
    if syscall(nr("statx"), -100, path, 0, _BASIC, seen) < 0:
        return there == 0
    mode = load16(seen + 28)
    if mode & _FORMAT != _REGULAR or syscall(nr("faccessat"), -100, path, _EXECUTE) < 0:
        return there == 0
    if syscall(nr("statfs"), path, seen) < 0:
        return there == 0
    nosuid = (load64(seen + _FLAGS) & _NO_SET_UID) != 0
    if there == 0 or nosuid != load64(check + 32):
        return 0
    privileged = 0
    if mode & _SET_UID:
        if syscall(nr("statx"), -100, path, 0, _BASIC, seen) < 0:
            return 0
        privileged = load32(seen + 20) == 0
    if not privileged:
        privileged = syscall(nr("getxattr"), path, text("security.capability"), seen, 64) >= 0
    return privileged == load64(check + 24)
