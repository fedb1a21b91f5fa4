"""A step failed: it is noted in the shared page, the first one wins, and the process ends."""

from __future__ import annotations

from toyspec.emit.resident.outcome import end_helpers
from toyspec.emit.resident.process import (
    kill,
    leave,
    wait_for,
    wait_for_unknown_init,
)
from toyspec.emit.resident.reasons import tell_failure
from toyspec.emit.resident.record import (
    ATTEMPTS,
    CURRENT,
    EXEC_READ,
    EXEC_STEP,
    EXEC_WRITE,
    EXECS,
    FAILED_ERRNO,
    FAILED_STEP,
    MONITOR_ROLE,
    MOST_ATTEMPTS,
    PAGE,
    SETUP,
)
from toyspec.emit.resident.unexecuted import note_mode
from toyspec.emit.resident.view import close_view
from toyspec.emit.resident.words import (
    flag,
    load32,
    load64,
    nr,
    room,
    store64,
    syscall,
)

_NO_PROCESS = 0x7FFFFFFF
_FAILED = 125
_STATX = 256


def failed(box: int, role: int, result: int) -> int:
    """The step that `role` is in came to `result`, which the plan does not want."""
    page = load64(box + PAGE)
    step = load64(page + CURRENT + 8 * role)
    errno = 0
    if result < 0:
        errno = -result
    if step >= load64(box + EXEC_STEP):
        tried(box, step, result)
        step = _counting(box, step)
        errno = -load64(attempt(box, step))
        note_mode(page, load64(load64(box + EXECS) + 8 * (step - load64(box + EXEC_STEP))))
    note(page, step, errno)
    if role == MONITOR_ROLE:
        _abandon(box)
        end_helpers(page)
        close_view(box)
        return leave(tell_failure(box))
    return leave(_FAILED)


def note(page: int, step: int, errno: int) -> int:
    """Say which step failed, unless another one did before."""
    if load64(page + FAILED_STEP) == 0:
        store64(page + FAILED_ERRNO, errno)
        store64(page + FAILED_STEP, step)
    return 0


def tried(box: int, step: int, result: int) -> int:
    """An execve did not find the command: the plan may have another. Returns `result`."""
    store64(attempt(box, step), result)
    return result


def attempt(box: int, step: int) -> int:
    """Where the result of one of the command's execve stands."""
    at = step - load64(box + EXEC_STEP)
    if at >= MOST_ATTEMPTS:
        at = MOST_ATTEMPTS - 1
    return load64(box + PAGE) + ATTEMPTS + 8 * at


def _counting(box: int, last: int) -> int:
    """Which execve counts: the first that found something, else the last."""
    first = load64(box + EXEC_STEP)
    step = first
    while step < last:
        if exists(load64(load64(box + EXECS) + 8 * (step - first))):
            return step
        step += 1
    return last


def exists(path: int) -> int:
    """Whether anything is there."""
    seen = room(_STATX)
    found = syscall(nr("statx"), -100, path, flag("at", "AT_SYMLINK_NOFOLLOW"), 0, seen)
    if found < 0:
        return 0
    return 1


def _abandon(box: int) -> int:
    """A step of the monitor's failed when there may have been a setup already."""
    setup = load32(load64(box + SETUP))
    if setup != _NO_PROCESS and setup > 0:
        kill(setup)
        wait_for(setup)
        # Or its end would never come; closed already, as planned, it is no more ours to close.
        syscall(nr("close"), load32(load64(box + EXEC_WRITE)))
        wait_for_unknown_init(load32(load64(box + EXEC_READ)))
    return 0
