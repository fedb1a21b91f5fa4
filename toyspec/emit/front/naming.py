"""What the command is: its own path, its other half's, and the name by which it was started."""

from __future__ import annotations

from toyspec.emit.resident.memory import append, copy, length, same
from toyspec.emit.resident.words import load8, load64, nr, store8, store64, syscall, text

LONGEST = 4096  # PATH_MAX
_ROOM_FOR_NAMES = 64  # bytes of a path that are added to what the caller says
_AT_EXECFN = 31  # linux/auxvec.h: how the command was named
_READ_WRITE = 3  # PROT_READ | PROT_WRITE
_PRIVATE = 0x22  # MAP_PRIVATE | MAP_ANONYMOUS


def own_path(own: int, environment: int) -> int:
    """The path of this program; without /proc as the caller said it."""
    size = syscall(nr("readlinkat"), -100, text("/proc/self/exe"), own, LONGEST - _ROOM_FOR_NAMES)
    if size > 0 and size < LONGEST - _ROOM_FOR_NAMES:
        store8(own + size, 0)
        return 0
    store8(own, 0)
    append(own, _name(environment))
    return 0


def _name(environment: int) -> int:
    """How the caller named this program; an empty text where nobody says."""
    while load64(environment):
        environment += 8
    vector = environment + 8
    while load64(vector):
        if load64(vector) == _AT_EXECFN and length(load64(vector + 8)) < LONGEST - _ROOM_FOR_NAMES:
            return load64(vector + 8)
        vector += 16
    return text("")


def beside(own: int, python: int) -> int:
    """The path of the other half."""
    end = append(python, own)
    while end > python and load8(end - 1) != 47:  # /
        end -= 1
    append(end, text("toyspec-python"))
    return 0


def with_name(own: int, environment: int) -> int:
    """The caller's envp, and in it the name of this program where that is another one than its path:
    the directory that a symbolic link to it lies in decides as well what is run by that name.
    """
    name = _name(environment)
    if load8(name) == 0 or same(name, own):
        return environment
    count = 1
    while load64(environment + 8 * (count - 1)):
        count += 1
    made = syscall(nr("mmap"), 0, 8 * count + 8 + LONGEST, _READ_WRITE, _PRIVATE, -1, 0)
    if made < 0 and made > -4096:
        return environment
    copy(made + 8, environment, 8 * count)  # with the NULL
    entry = made + 8 * count + 8
    append(append(entry, text("TOYSPEC_COMMAND=")), name)
    store64(made, entry)
    return made
