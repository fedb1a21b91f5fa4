"""Programs in memory: a sealed file without a name, which nobody can write any more, then executed."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from collections.abc import Mapping

_EXECUTABLE = 0x10  # MFD_EXEC (linux/memfd.h, Linux 6.3): not with Python's os yet
_ADD_SEALS = 1033  # F_ADD_SEALS (linux/fcntl.h)
_EVERY_SEAL = 0xF  # seal, shrink, grow, write
_EINVAL = 22


def create(name: str) -> int:
    """A new file in memory, empty, closed by an execve; raises OSError."""
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        return os.memfd_create(name, flags | _EXECUTABLE)
    except OSError as error:
        if error.errno != _EINVAL:  # a kernel before 6.3, where every memfd is executable
            raise
        return os.memfd_create(name, flags)


def seal(fd: int) -> None:
    """Nobody changes the file from now on."""
    import fcntl

    fcntl.fcntl(fd, _ADD_SEALS, _EVERY_SEAL)


def passed_on(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Without an entry that has no name: the kernel hands it on, and os.execve refuses it."""
    if "" not in environment:
        return environment
    return {name: value for name, value in environment.items() if name}


def execute(
    name: str, program: memoryview, argv: list[str], environment: Mapping[str, str]
) -> None:
    """Become the program in these bytes; returns only by OSError: there is no memory, or the kernel
    executes none (vm.memfd_noexec, sysctl vm(5)).
    """
    fd = create(name)
    try:
        while program:
            program = program[os.write(fd, program) :]
        seal(fd)
        os.execve(fd, argv, passed_on(environment))  # noqa: S606  # no shell
    finally:
        os.close(fd)
