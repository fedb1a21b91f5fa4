"""A command in place of the spec's: searched in the box's PATH when init executes it."""

from __future__ import annotations

from toyspec.emit.resident.environment import value_of
from toyspec.emit.resident.failed import exists, note
from toyspec.emit.resident.memory import append, copy, find, length
from toyspec.emit.resident.process import leave
from toyspec.emit.resident.record import ARGV, ENVIRONMENT, EXEC_STEP, MOST_ATTEMPTS, PAGE
from toyspec.emit.resident.words import load8, load64, nr, room, store8, store64, syscall, text

_LONGEST = 4096  # bytes of a path (PATH_MAX)
_FAILED = 125


def execute(box: int) -> int:
    """Become ARGV. Where that fails, what counts is the first that found something, else the last.

    What is there is looked at once all have failed: until then, no call but execve is made.
    """
    name = load64(load64(box + ARGV))
    if find(name, 47):  # /
        return _fail(box, _become(box, name))
    results = room(8 * MOST_ATTEMPTS)
    last = _search(box, results, -1)
    return _fail(box, _search(box, results, last))


def _become(box: int, path: int) -> int:
    return syscall(nr("execve"), path, load64(box + ARGV), load64(box + ENVIRONMENT))


def _search(box: int, results: int, tried: int) -> int:
    """Try every directory, while `tried` is negative, and return how many were tried.

    Then, told that, return the result that counts.
    """
    name = load64(load64(box + ARGV))
    path = room(_LONGEST)
    directories = value_of(load64(box + ENVIRONMENT), text("PATH"))
    if directories == 0:
        directories = text("")
    result = -2  # ENOENT
    searched = 0
    at = 0
    while directories and at != tried:
        directories = _directory(directories, path)
        if load8(path) == 47 or (directories == 0 and not searched):
            if load8(path) != 47:
                append(path, text("/bin"))
            searched = 1
            if length(path) + length(name) + 2 > _LONGEST:
                continue
            append(append(path + length(path), text("/")), name)
            result = _tried(box, path, results, at, tried)
            at += 1
            if tried < 0 and not _goes_on(result):
                break
            if tried >= 0 and exists(path):
                break
    if tried < 0:
        return at
    return result


def _tried(box: int, path: int, results: int, at: int, tried: int) -> int:
    """The result of one attempt: made now, or before. For the last ones there is one room."""
    if at >= MOST_ATTEMPTS:
        at = MOST_ATTEMPTS - 1
    if tried < 0:
        store64(results + 8 * at, _become(box, path))
    return load64(results + 8 * at)


def _directory(directories: int, path: int) -> int:
    """Copy the first directory without slashes at its end; returns the rest, 0 where none is left."""
    colon = find(directories, 58)
    size = length(directories)
    if colon:
        size = colon - directories
    if size > _LONGEST - 2:
        size = 0
    copy(path, directories, size)
    while size > 1 and load8(path + size - 1) == 47:
        size -= 1
    store8(path + size, 0)
    if colon:
        return colon + 1
    return 0


def _goes_on(result: int) -> int:
    """ENOENT, ENOTDIR, EACCES: another directory may have it."""
    if result == -2 or result == -20 or result == -13:
        return 1
    return 0


def _fail(box: int, result: int) -> int:
    note(load64(box + PAGE), load64(box + EXEC_STEP), -result)
    return leave(_FAILED)
