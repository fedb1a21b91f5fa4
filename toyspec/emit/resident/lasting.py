"""A box that is left to itself lasts as long as what is kept of it.

Once that is removed (by systemd-logind at the last logout, say), no command finds the box any more, and
another of its name would run beside it. So it ends then, as if it were asked to.

The kernel tells of removed files by SIGIO (F_NOTIFY, fcntl(2)): unlike inotify(7) that takes no descriptor,
and nothing of which a user has only so many. Which file it was, the lock tells: it has no name any more.
"""

from __future__ import annotations

from toyspec.emit.resident.log import keep
from toyspec.emit.resident.record import FILE, LOCK, LOG_DIRECTORY, UNTOLD
from toyspec.emit.resident.words import flag, load32, load64, nr, room, store64, syscall, text

LOOKS = 60000
"""Milliseconds between two looks, where the kernel tells nobody."""
_NOTIFY = 1026  # F_NOTIFY (linux/fcntl.h)
_REMOVED = 0x80000008  # DN_DELETE, and DN_MULTISHOT: not only the first
_STATX = 256
_NAMES = 4  # STATX_NLINK (linux/stat.h)


def be_told(box: int) -> int:
    """From here on SIGIO comes where something is removed; else UNTOLD is 1."""
    file = load64(box + FILE)
    store64(box + UNTOLD, 0)
    if load64(file + LOCK) and syscall(
        nr("fcntl"), load64(file + LOG_DIRECTORY), _NOTIFY, _REMOVED
    ):
        store64(box + UNTOLD, 1)
    return 0


def is_removed(box: int) -> int:
    """Whether the lock was. Says so, once."""
    file = load64(box + FILE)
    if load64(file + LOCK) == 0:
        return 0
    seen = room(_STATX)
    at = flag("at", "AT_EMPTY_PATH")
    if syscall(nr("statx"), load64(file + LOCK), text(""), at, _NAMES, seen) or load32(seen + 16):
        return 0
    store64(file + LOCK, 0)
    store64(box + UNTOLD, 0)
    keep(
        box,
        text("toyspec: what was kept of this box was removed: nobody can name it, so it ends\n"),
    )
    return 1
