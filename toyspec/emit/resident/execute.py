"""A command in place of the spec's: searched in the box's PATH when init executes it."""

from __future__ import annotations

from toyspec.emit.resident.environment import value_of
from toyspec.emit.resident.failed import attempt, exists, note, tried
from toyspec.emit.resident.memory import append, copy, find, length
from toyspec.emit.resident.process import leave
from toyspec.emit.resident.record import ARGV, ENVIRONMENT, EXEC_STEP, PAGE
from toyspec.emit.resident.unexecuted import note_mode
from toyspec.emit.resident.words import load8, load64, nr, room, store8, syscall, text

_LONGEST = 4096  # bytes of a path (PATH_MAX)
_FAILED = 125


def execute(box: int) -> int:
    """Become ARGV. Where that fails, what counts is the first that found something, else the last.

    What is there is looked at once all have failed: until then, no call but execve is made.
    """
    argv = load64(box + ARGV)
    name = load64(argv)
    environment = load64(box + ENVIRONMENT)
    path = room(_LONGEST)
    if find(name, 47):  # /
        return _fail(box, syscall(nr("execve"), name, argv, environment), name)
    step = load64(box + EXEC_STEP)
    result = -2  # ENOENT
    count = 0
    directories = _path(environment)
    while directories:
        directories = _next(directories, name, path)
        if load8(path):
            result = syscall(nr("execve"), path, argv, environment)
            tried(box, step + count, result)
            count += 1
            if not _goes_on(result):
                break
    at = 0
    directories = _path(environment)
    while at < count:
        directories = _next(directories, name, path)
        if load8(path):
            if exists(path):
                return _fail(box, load64(attempt(box, step + at)), path)
            at += 1
    return _fail(box, result, path)


def _path(environment: int) -> int:
    """The box's PATH, as far as it names absolute directories; else the one that every box has."""
    path = value_of(environment, text("PATH"))
    at = path
    while at:
        if load8(at) == 47:
            return path
        at = find(at, 58)
        if at:
            at += 1
    return text("/bin")


def _next(directories: int, name: int, path: int) -> int:
    """The name in the first directory; nothing where that is not absolute. Returns the rest, or 0."""
    absolute = load8(directories) == 47
    rest = _directory(directories, path)
    if not absolute or length(path) + length(name) + 2 > _LONGEST:
        store8(path, 0)
        return rest
    append(append(path + length(path), text("/")), name)
    return rest


def _directory(directories: int, path: int) -> int:
    """Copy the first directory without slashes at its end; returns the rest, 0 where none is left."""
    colon = find(directories, 58)
    size = length(directories)
    if colon:
        size = colon - directories
    if size > _LONGEST - 2:
        size = 0
    copy(path, directories, size)
    while size and load8(path + size - 1) == 47:
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


def _fail(box: int, result: int, path: int) -> int:
    note_mode(load64(box + PAGE), path)
    note(load64(box + PAGE), load64(box + EXEC_STEP), -result)
    return leave(_FAILED)
