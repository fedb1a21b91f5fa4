"""The standard streams of a process that begins."""

from __future__ import annotations

from toyspec.emit.resident.words import flag, load16, nr, room, syscall, text

_ACCESS = 3  # O_ACCMODE
_STATX = 256  # bytes of a struct statx, whose mode is at 28
_TYPE = 1  # STATX_TYPE (linux/stat.h)
_FORMAT = 0o170000  # S_IFMT
_DIRECTORY = 0o040000


def open_streams() -> int:
    """Closed standard streams become /dev/null: 0 to 2 cross into the box, and whatever is opened
    later would take their numbers. Returns bits: from the lowest, whether 0, 1 and 2 were opened with
    O_PATH; then whether each of them can only be read, as every directory.
    """
    found = 0
    fd = 0
    while fd < 3:
        flags = syscall(nr("fcntl"), fd, flag("fcntl", "F_GETFL"), 0)
        if flags < 0:
            syscall(nr("openat"), -100, text("/dev/null"), flag("open", "O_RDWR"), 0)
        elif flags & flag("open", "O_PATH"):
            found |= 1 << fd
        elif flags & _ACCESS == 0:
            found |= 8 << fd
        fd += 1
    return found


def directory_in(seen: int) -> int:
    """The first of 0, 1 and 2 that is a directory; negative where none is. `seen`: what `open_streams`
    returned.
    """
    fd = 0
    while fd < 3:
        if seen >> (fd + 3) & 1 and _mode(fd) & _FORMAT == _DIRECTORY:
            return fd
        fd += 1
    return -1


def _mode(fd: int) -> int:
    """Type and permissions; 0 where nobody tells."""
    seen = room(_STATX)
    if syscall(nr("statx"), fd, text(""), flag("at", "AT_EMPTY_PATH"), _TYPE, seen) < 0:
        return 0
    return load16(seen + 28)


def name_of(fd: int) -> int:
    """What a standard stream is called."""
    if fd == 0:
        return text("standard input")
    if fd == 1:
        return text("standard output")
    return text("standard error")
