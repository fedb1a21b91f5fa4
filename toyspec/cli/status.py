"""`--status-fd N`: whether N can be written to, before anything runs or is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toyspec.cli.error import UsageError
from toyspec.cli.words import DETACH

if TYPE_CHECKING:
    from toyspec.cli.words import Words

_MOST_DIGITS = 9  # of a descriptor: an int of the kernel's


def status_fd(words: Words) -> int | None:
    """The descriptor, if one is named; raises UsageError. Nothing of ours may be open yet."""
    text = words.one("status-fd")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise UsageError(f"--status-fd {text}: no number of a descriptor", "--status-fd 3 3>FILE")
    fd = int(text)
    if fd <= 2:  # standard error
        raise UsageError(f"--status-fd {fd}: 0, 1 and 2 are the box's", "--status-fd 3 3>FILE")
    if not is_writable(fd):
        raise UsageError(f"--status-fd {fd}: not open for writing", f"--status-fd {fd} {fd}>FILE")
    if words.flag(DETACH.key):
        raise UsageError("-d and --status-fd contradict each other", "toyspec ps says how it is")
    return fd


def is_writable(fd: int) -> bool:
    """Whether a descriptor is open, and for writing (fcntl(2), F_GETFL)."""
    import fcntl

    try:
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    except OSError:
        return False
    return flags & os.O_ACCMODE != os.O_RDONLY and not flags & os.O_PATH
