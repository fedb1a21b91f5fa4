"""Programs in memory: a file without a name, sealed, so that nobody can change what runs (memfd_create(2)).

Where others could see a box's process before its command runs, its /proc/PID/exe must be no file of the
host's: they could write there once the box has ended (CVE-2019-5736).
"""

from __future__ import annotations

from toyspec.emit.resident.again import ignore
from toyspec.emit.resident.record import SEALS
from toyspec.emit.resident.refusal import refuse
from toyspec.emit.resident.words import flag, load64, nr, room, store64, syscall, text

_MEMORY = 0x13  # MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC (linux/memfd.h)
_OLD_MEMORY = 3  # before Linux 6.3
_EINVAL = 22
_ADD_SEALS = 1033  # F_ADD_SEALS (linux/fcntl.h)
_GET_SEALS = 1034
_EVERY_SEAL = 15
_LARGEST = 1 << 30
_ACTION = 32  # bytes of the kernel's struct sigaction
_IGNORED = 1  # SIG_IGN


def memory_file() -> int:
    """A new one, empty, closed by an execve; negative where there is none."""
    fd = syscall(nr("memfd_create"), text("toyspec"), _MEMORY)
    if fd == -_EINVAL:
        fd = syscall(nr("memfd_create"), text("toyspec"), _OLD_MEMORY)
    return fd


def survive_limits() -> int:
    """A file longer than RLIMIT_FSIZE is an error of write(2), not our end (SIGXFSZ, setrlimit(2)).

    Returns what held before, for `ignore`.
    """
    action = room(_ACTION)
    store64(action, 0)
    syscall(nr("rt_sigaction"), flag("signal", "SIGXFSZ"), 0, action, 8)
    ignore(flag("signal", "SIGXFSZ"), _IGNORED)
    return load64(action)


def seal(fd: int) -> int:
    """Nobody changes it from now on. Negative where that is not possible."""
    return syscall(nr("fcntl"), fd, _ADD_SEALS, _EVERY_SEAL)


def become_sealed(file: int, argv: int, environment: int) -> int:
    """Begin again as a sealed copy of this very file, where the box needs that and it is none yet."""
    if not load64(file + SEALS):
        return 0
    flags = flag("open", "O_RDONLY") | flag("open", "O_CLOEXEC")
    own = syscall(nr("openat"), -100, text("/proc/self/exe"), flags, 0)
    if own < 0:
        refuse(
            file,
            text("this box runs from a copy in memory only, and there is no /proc/self/exe"),
            0,
            0,
        )
    if syscall(nr("fcntl"), own, _GET_SEALS, 0) == _EVERY_SEAL:
        return syscall(nr("close"), own)
    fd = memory_file()
    before = survive_limits()
    count = 1
    while fd >= 0 and count > 0:
        count = syscall(nr("sendfile"), fd, own, 0, _LARGEST)
    ignore(flag("signal", "SIGXFSZ"), before)
    if count == 0 and seal(fd) == 0:
        syscall(nr("execveat"), fd, text(""), argv, environment, flag("at", "AT_EMPTY_PATH"))
    return refuse(
        file, text("this box runs from a copy in memory only, and this machine executes none"), 0, 0
    )
