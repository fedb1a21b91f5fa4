"""The box's command cannot be executed: what is behind that, and what helps."""

from __future__ import annotations

from toyspec.emit.resident.cold import cold, told
from toyspec.emit.resident.memory import find
from toyspec.emit.resident.record import (
    ARGV,
    EXEC_STEP,
    FAILED_MODE,
    FAILED_STEP,
    FILE,
    MISSING,
    PAGE,
    PATHS,
    SEARCHED,
)
from toyspec.emit.resident.saying import add
from toyspec.emit.resident.shown import shown
from toyspec.emit.resident.words import (
    load16,
    load32,
    load64,
    nr,
    room,
    store8,
    store64,
    syscall,
    text,
)

_STATX = 256
_MODE = 3  # STATX_TYPE | STATX_MODE (linux/stat.h)
_FORMAT = 0o170000  # S_IFMT
_DIRECTORY = 0o040000
_REGULAR = 0o100000
_EACCES = 13


def note_mode(page: int, path: int) -> int:
    """What the file is that was not executed, as the box sees it; 0 where it sees none."""
    seen = room(_STATX)
    if load64(page + FAILED_STEP) == 0:
        store64(page + FAILED_MODE, 0)
        if syscall(nr("statx"), -100, path, 0, _MODE, seen) >= 0:
            store64(page + FAILED_MODE, load16(seen + 28))
    return 0


def is_absent(errno: int) -> int:
    """Whether nothing was found to execute."""
    if errno == 2 or errno == 20:  # ENOENT, ENOTDIR
        return 1
    return 0


def cannot_start(box: int, errno: int) -> int:
    """The path of what is there all the same: what it names to be executed by is not. Else 0."""
    if is_absent(errno) and load64(load64(box + PAGE) + FAILED_MODE):
        return _path(box)
    return 0


def add_advice(vector: int, box: int, errno: int, digits: int) -> int:
    """Cause and remedy, as `up` has them. `digits` is room for a mode's."""
    argv = load64(box + ARGV)
    path = cannot_start(box, errno)
    if path:
        add(vector, text("    likely cause: "))
        add(vector, path)
        add(
            vector,
            text(" needs an interpreter that is not in the box: a script's first line names it, "),
        )
        return add(vector, text("or a program's ELF header\n    what to do: bind what holds it\n"))
    if is_absent(errno):
        if argv == 0:
            return add(vector, _told(box, MISSING))
        if find(load64(argv), 47) == 0:  # /
            add(vector, _told(box, SEARCHED))
        add(vector, text("    what to do: name a command that is in the box's root, "))
        return add(vector, text("or bind what holds it\n"))
    if errno == _EACCES:
        _add_denied(vector, _path(box), load64(load64(box + PAGE) + FAILED_MODE), digits)
    return vector


def _add_denied(vector: int, path: int, mode: int, digits: int) -> int:
    if path == 0:
        return vector
    if mode & _FORMAT == _DIRECTORY:
        add(vector, text("    likely cause: "))
        add(vector, path)
        return add(vector, text(" is a directory\n    what to do: name the program in it\n"))
    if mode & _FORMAT != _REGULAR or mode & 0o111:
        return vector
    add(vector, text("    likely cause: "))
    add(vector, path)
    add(vector, text(" is not executable (mode "))
    add(vector, _octal(digits, mode))
    add(vector, text(")\n    what to do: chmod +x "))
    add(vector, path)
    return add(vector, text("\n"))


def _path(box: int) -> int:
    """What was to be executed, as it is shown: a word of the caller's, or the path of the step that counts."""
    argv = load64(box + ARGV)
    if argv:
        return shown(load64(argv))
    table = load64(box + PATHS)
    if table == 0:
        return 0
    at = load64(load64(box + PAGE) + FAILED_STEP) - load64(box + EXEC_STEP)
    return told(load64(box + FILE), load32(cold(load64(box + FILE)) + table + 4 * at))


def _told(box: int, field: int) -> int:
    return told(load64(box + FILE), load64(box + field))


def _octal(digits: int, mode: int) -> int:
    """Four digits with a NUL."""
    at = 0
    while at < 4:
        store8(digits + at, 48 + (mode >> (9 - 3 * at) & 7))
        at += 1
    store8(digits + 4, 0)
    return digits
