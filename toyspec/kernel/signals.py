"""signalfd(2): signals as something to poll."""

from __future__ import annotations

import os
from typing import Final

from toyspec.kernel.call import Arena, syscall

_NUMBERS: Final = {"x86_64": 289, "aarch64": 74}  # signalfd4
_CLOEXEC_NONBLOCK: Final = 0o2004000  # SFD_CLOEXEC | SFD_NONBLOCK, the same on both
_SIZE: Final = 128  # struct signalfd_siginfo
_SENDER: Final = 12  # offset of ssi_pid


def open_signals(arch: str) -> int:
    """A descriptor that is readable while a signal waits; raises OSError.

    Signals have to be blocked to wait there.
    """
    every = Arena(b"\xff" * 8)
    fd = syscall(_NUMBERS[arch], -1, every.address, 8, _CLOEXEC_NONBLOCK)
    if fd < 0:
        raise OSError(-fd, "signalfd: " + os.strerror(-fd))
    return fd


def read_signals(fd: int) -> list[tuple[int, int]]:
    """The signals that wait, each with its sender's pid (0 where the kernel sent it)."""
    found: list[tuple[int, int]] = []
    while True:
        try:
            data = os.read(fd, _SIZE * 16)
        except BlockingIOError:
            return found
        for at in range(0, len(data), _SIZE):
            number = int.from_bytes(data[at : at + 4], "little")
            sender = int.from_bytes(data[at + _SENDER : at + _SENDER + 4], "little")
            found.append((number, sender))
