"""The caller's terminal, which the box has no descriptor of: whose turn it is there, and its modes.

It is opened a second time: O_NONBLOCK on descriptor 0 would hold for everybody who shares that.
SIGTTIN and SIGTTOU must be blocked: then nothing here stops us in the background (tty_check_change
in drivers/tty/tty_jobctrl.c). A terminal that went away makes everything here do nothing.
"""

from __future__ import annotations

from toyspec.emit.resident.memory import copy
from toyspec.emit.resident.record import (
    CALLERS,
    CALLERS_MODES,
    GROUP,
    OURS,
    OURS_MODES,
    OUTER,
    RAW,
)
from toyspec.emit.resident.words import (
    flag,
    load8,
    load32,
    load64,
    nr,
    room,
    store8,
    store32,
    store64,
    syscall,
    text,
)

TERMIOS = 36  # bytes of the kernel's struct termios (asm-generic/termbits.h)
LOCAL = 12  # offset of c_lflag
KEYS = 17  # offset of c_cc
ISIG = 0x1
ICANON = 0x2
IEXTEN = 0x8000
_TCGETS = 0x5401  # asm-generic/ioctls.h
_TCSETS = 0x5402
_TOSTOP = 0x100
_RAW_INPUT = 0x1DEB  # IGNBRK to ICRNL but IUCLC, IGNPAR and INPCK; IXON, IXOFF, IXANY
_OPOST = 0x1
_RAW_CONTROL = 0x130  # CSIZE, PARENB
_CS8 = 0x30
_RAW_LOCAL = 0x804B  # ISIG, ICANON, ECHO, ECHONL, IEXTEN
_VTIME = 5
_VMIN = 6


def foreground_of(fd: int) -> int:
    """The foreground process group of our controlling terminal; negative where it is none."""
    group = room(8)
    found = syscall(nr("ioctl"), fd, flag("ioctl", "TIOCGPGRP"), group)
    if found < 0:
        return found
    return load32(group)


def is_terminal(fd: int) -> int:
    """Whether it is any terminal."""
    return modes(fd, room(64))


def open_again() -> int:
    """A description of our own of the controlling terminal; 0 itself where there can be none."""
    fd = _opened(text("/dev/tty"))
    if fd < 0:
        fd = _opened(text("/proc/self/fd/0"))
    if fd < 0:
        return 0
    return fd


def _opened(path: int) -> int:
    flags = flag("open", "O_RDWR") | flag("open", "O_NOCTTY") | flag("open", "O_NONBLOCK")
    fd = syscall(nr("openat"), -100, path, flags | flag("open", "O_CLOEXEC"), 0)
    if fd >= 0 and foreground_of(fd) < 0:
        syscall(nr("close"), fd)  # whatever has that name
        return -1
    return fd


def in_front(pty: int) -> int:
    """Whether our process group has the foreground: a shell's `fg` does that."""
    return foreground_of(load64(pty + OUTER)) == load64(pty + GROUP)


def stops_output(pty: int) -> int:
    """Whether who writes there from the background is to be stopped (stty tostop)."""
    now = room(64)
    if not modes(load64(pty + OUTER), now):
        return 0
    return load32(now + LOCAL) & _TOSTOP


def take_keys(pty: int) -> int:
    """Every key to the box from here on, if we are in the foreground; returns whether."""
    now = room(64)
    fd = load64(pty + OUTER)
    look_again(pty)
    if not in_front(pty) or not modes(fd, now):
        return 0
    if load64(pty + RAW) and load64(pty + OURS_MODES) and _equal(now, pty + OURS):
        return 1
    copy(pty + CALLERS, now, TERMIOS)
    store64(pty + CALLERS_MODES, 1)
    store32(now, load32(now) & ~_RAW_INPUT)
    store32(now + 4, load32(now + 4) & ~_OPOST)
    store32(now + 8, load32(now + 8) & ~_RAW_CONTROL | _CS8)
    store32(now + LOCAL, load32(now + LOCAL) & ~_RAW_LOCAL)
    store8(now + KEYS + _VMIN, 1)
    store8(now + KEYS + _VTIME, 0)
    set_modes(fd, now)
    store64(pty + OURS_MODES, modes(fd, pty + OURS))
    store64(pty + RAW, 1)
    return look_again(pty)


def look_again(pty: int) -> int:
    """Whether the keys are still ours. A shell may have taken the foreground meanwhile: it was told that we
    stopped, as we did, and not yet that we were told to go on. It would take our modes for its own.
    """
    now = room(64)
    if load64(pty + RAW) and not in_front(pty):
        store64(pty + RAW, 0)
        if modes(load64(pty + OUTER), now) and _equal(now, pty + OURS):
            set_modes(load64(pty + OUTER), pty + CALLERS)
    return load64(pty + RAW)


def give_back(pty: int) -> int:
    """The caller's modes again, if the foreground is ours to give back."""
    if look_again(pty) and load64(pty + CALLERS_MODES):
        set_modes(load64(pty + OUTER), pty + CALLERS)
    store64(pty + RAW, 0)
    return 0


def modes(fd: int, found: int) -> int:
    """Read the modes of a terminal; whether there are any."""
    present = room(64)
    if syscall(nr("ioctl"), fd, _TCGETS, present) < 0:
        return 0
    copy(found, present, TERMIOS)
    return 1


def set_modes(fd: int, wanted: int) -> int:
    """Give a terminal these modes."""
    return syscall(nr("ioctl"), fd, _TCSETS, wanted)  # draining could wait for ever


def _equal(one: int, other: int) -> int:
    at = 0
    while at < TERMIOS:
        if load8(one + at) != load8(other + at):
            return 0
        at += 1
    return 1
