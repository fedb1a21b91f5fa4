"""Which signals the monitor keeps to itself, and which are to end a box."""

from __future__ import annotations

from toyspec.emit.resident.words import flag


def is_ours(number: int) -> int:
    """About ourselves, and not for init."""
    if number == flag("signal", "SIGCHLD") or number == flag("signal", "SIGURG"):
        return 1
    if number == flag("signal", "SIGTTIN") or number == flag("signal", "SIGTTOU"):
        return 1  # who is in the background may not use the terminal
    return 0


def is_deadly(number: int) -> int:
    """What ends a box that does not run yet."""
    if number == flag("signal", "SIGTERM") or number == flag("signal", "SIGHUP"):
        return 1
    return is_key(number)


def is_key(number: int) -> int:
    """What a terminal sends where somebody wants an end: SIGINT, SIGQUIT."""
    if number == flag("signal", "SIGINT") or number == flag("signal", "SIGQUIT"):
        return 1
    return 0
