"""Checks of files' bytes, and texts in a front's file."""

from __future__ import annotations

from toyspec.emit.front.record import REGULAR, STRIPPED
from toyspec.emit.resident.memory import same
from toyspec.emit.resident.words import flag, load8, load16, load32, load64, nr, room, syscall, text

_STATX = 256
_BASIC = 0x7FF
_FORMAT = 0o170000
_REGULAR = 0o100000
_LISTED = 4096  # bytes of a directory at once
_SLACK = 4096  # bytes that are read beyond what is compared: blanks


def behind_text(written: int) -> int:
    """The address behind a text of the file."""
    return written + 16 + (load64(written) & ~7)


def equal(written: int, at: int, size: int) -> int:
    """Whether a text of the file is so many bytes."""
    if load64(written) != size:
        return 0
    one = written + 8
    end = at + size
    while at < end - 7:
        if load64(at) != load64(one):
            return 0
        at += 8
        one += 8
    while at < end:
        if load8(at) != load8(one):
            return 0
        at += 1
        one += 1
    return 1


def has_content(check: int, scratch: int) -> int:
    """Whether a file can be read and holds these bytes, or cannot be read."""
    how = load64(check + 16)
    wanted = load64(check + 24)
    path = check + 32
    content = behind_text(path)
    flags = flag("open", "O_RDONLY") | flag("open", "O_CLOEXEC")
    if how & REGULAR:
        flags |= flag("open", "O_NOCTTY") | flag("open", "O_NONBLOCK")
    fd = syscall(nr("openat"), -100, path + 8, flags, 0)
    if fd < 0:
        return wanted == 0
    size = _read(fd, scratch, load64(content) + _SLACK)
    if how & REGULAR and not _is_regular(fd):
        size = -1
    syscall(nr("close"), fd)
    if size < 0 or not wanted:
        return size < 0 and not wanted
    if how & STRIPPED:
        while size and _is_blank(load8(scratch + size - 1)):
            size -= 1
        while size and _is_blank(load8(scratch)):
            scratch += 1
            size -= 1
    return equal(content, scratch, size)


def _read(fd: int, to: int, most: int) -> int:
    done = 0
    while done < most:
        count = syscall(nr("read"), fd, to + done, most - done)
        if count < 0:
            return -1
        if count == 0:
            break
        done += count
    return done


def _is_regular(fd: int) -> int:
    seen = room(_STATX)
    if syscall(nr("statx"), fd, text(""), flag("at", "AT_EMPTY_PATH"), _BASIC, seen) < 0:
        return 0
    return load16(seen + 28) & _FORMAT == _REGULAR


def _is_blank(byte: int) -> int:
    if byte == 32:
        return 1
    return byte >= 9 and byte <= 13


def has_names(check: int) -> int:
    """Whether a directory has these names and no other; without any it need not be there."""
    names = room(_LISTED)
    count = load64(check + 16)
    path = check + 24 + 8 * count
    flags = flag("open", "O_RDONLY") | flag("open", "O_DIRECTORY") | flag("open", "O_CLOEXEC")
    fd = syscall(nr("openat"), -100, path + 8, flags, 0)
    if fd < 0:
        return count == 0
    found = 0
    while 1:
        size = syscall(nr("getdents64"), fd, names, _LISTED)
        if size <= 0:
            break
        at = 0
        while at < size:
            name = names + at + 19  # d_name of struct linux_dirent64
            if not same(name, text(".")) and not same(name, text("..")):
                if not _is_listed(check, count, name):
                    found = -1 << 32
                found += 1
            at += load16(names + at + 16)
    syscall(nr("close"), fd)
    return found == count


def _is_listed(check: int, count: int, name: int) -> int:
    """By halving."""
    low = 0
    while low < count:
        middle = (low + count) // 2
        order = compared(name, check + load64(check + 24 + 8 * middle) + 8)
        if order == 0:
            return 1
        if order < 0:
            count = middle
        else:
            low = middle + 1
    return 0


def compared(one: int, other: int) -> int:
    """Negative, 0 or positive: how two texts are ordered by their bytes."""
    at = 0
    while load8(one + at) == load8(other + at):
        if load8(one + at) == 0:
            return 0
        at += 1
    return load8(one + at) - load8(other + at)


def has_files(check: int) -> int:
    """Whether files of a directory are the same as they were: inode, size, ctime."""
    count = load64(check + 16)
    directory = check + 24 + 24 * count
    name = behind_text(directory)
    flags = flag("open", "O_PATH") | flag("open", "O_DIRECTORY") | flag("open", "O_CLOEXEC")
    fd = syscall(nr("openat"), -100, directory + 8, flags, 0)
    if fd < 0:
        return 0
    at = 0
    while at < count and _is_file(fd, name + 8, check + 24 + 24 * at):
        name = behind_text(name)
        at += 1
    syscall(nr("close"), fd)
    return at == count


def _is_file(fd: int, name: int, wanted: int) -> int:
    seen = room(_STATX)
    if syscall(nr("statx"), fd, name, 0, _BASIC, seen) < 0:
        return load64(wanted) == -1
    if load64(seen + 32) != load64(wanted) or load64(seen + 40) != load64(wanted + 8):
        return 0
    return load64(seen + 96) * 1000000000 + load32(seen + 104) == load64(wanted + 16)
