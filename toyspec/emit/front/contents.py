"""Checks of files' bytes, and texts in a front's file."""

from __future__ import annotations

from toyspec.emit.front.record import REGULAR, STRIPPED
from toyspec.emit.resident.words import flag, load8, load16, load32, load64, nr, room, syscall, text

_STATX = 256
_BASIC = 0x7FF
_FORMAT = 0o170000
_REGULAR = 0o100000
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
