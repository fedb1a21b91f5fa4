"""The caller's terminal while a box uses it: lent to init's process group, and taken back.

It is descriptor 0, the controlling terminal. SIGTTOU must be blocked: we may be in the background.
A terminal that went away makes everything here do nothing. Its size is not put back: whether the
box or the person changed it, the kernel does not tell.
"""

from __future__ import annotations

from toyspec.emit.resident.memory import copy
from toyspec.emit.resident.record import (
    BOXES,
    BOXES_MODES,
    CALLERS,
    CALLERS_MODES,
    GROUP,
    LENT,
    TAKES_FOREGROUND,
)
from toyspec.emit.resident.words import (
    flag,
    load8,
    load32,
    load64,
    nr,
    room,
    store32,
    store64,
    syscall,
)

_TCGETS = 0x5401  # asm-generic/ioctls.h
_TCSETS = 0x5402
_TERMIOS = 36  # bytes of the kernel's struct termios (asm-generic/termbits.h)


def foreground_of(fd: int) -> int:
    """The foreground process group of our controlling terminal; negative where it is none."""
    group = room(8)
    found = syscall(nr("ioctl"), fd, flag("ioctl", "TIOCGPGRP"), group)
    if found < 0:
        return found
    return load32(group)


def is_terminal(fd: int) -> int:
    """Whether it is any terminal."""
    modes = room(64)
    if syscall(nr("ioctl"), fd, _TCGETS, modes) < 0:
        return 0
    return 1


def prepare_terminal(box: int) -> int:
    """Before the box takes the foreground: whose it is, and in which modes."""
    store64(box + GROUP, syscall(nr("getpgid"), 0))
    if load64(box + TAKES_FOREGROUND):
        store64(box + CALLERS_MODES, _modes(box + CALLERS))
        store64(box + LENT, 1)
    return 0


def is_ours(box: int) -> int:
    """Whether the caller's own group has the foreground: a shell's `fg` did that."""
    if foreground_of(0) == load64(box + GROUP):
        return 1
    return 0


def lend(box: int, group: int) -> int:
    """The foreground to the box's group, if it is the caller's; with the modes it had."""
    if not is_ours(box):
        return 0
    store64(box + CALLERS_MODES, _modes(box + CALLERS))
    _set(group, load64(box + BOXES_MODES), box + BOXES)
    store64(box + LENT, 1)
    return 0


def take_back(box: int) -> int:
    """The foreground and the modes to the caller, if the box has them."""
    if not load64(box + LENT):
        return 0
    store64(box + BOXES_MODES, _modes(box + BOXES))
    _set(load64(box + GROUP), load64(box + CALLERS_MODES), box + CALLERS)
    store64(box + LENT, 0)
    return 0


def _set(group: int, known: int, modes: int) -> int:
    """The terminal may be gone, and nobody left to see it; or the group has ended."""
    number = room(8)
    store32(number, group)
    if syscall(nr("ioctl"), 0, flag("ioctl", "TIOCSPGRP"), number) < 0 or not known:
        return 0
    present = room(64)
    if not _modes(present):
        return 0
    at = 0
    while at < _TERMIOS:
        if load8(present + at) != load8(modes + at):
            syscall(nr("ioctl"), 0, _TCSETS, modes)  # draining could wait for ever
            break
        at += 1
    return 0


def _modes(modes: int) -> int:
    """Read the modes; whether there are any."""
    present = room(64)
    if syscall(nr("ioctl"), 0, _TCGETS, present) < 0:
        return 0
    copy(modes, present, _TERMIOS)
    return 1
