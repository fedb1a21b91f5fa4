"""A detached box from afar: signals to it, waiting for its end, and what is left of one that is lost.

Its processes are no children of ours. So each is held by a pidfd before anything is sent, and that
it is the one which the box's `status` names is made sure of: see `run.alive`.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from toyspec.run import alive, files, readers, state
from toyspec.run.lock import is_locked

if TYPE_CHECKING:
    from toyspec.run.state import Seen, Status

_STEP = 0.01  # seconds between two looks, where no event tells
_DYING = 10.0  # seconds in which a box that was killed is gone, or something is wrong with the host


def init_of(status: Status) -> int | None:
    """A pidfd of PID 1 of the box; None before it stands, or where it is gone."""
    return alive.hold(status.child, status.child_began, status.namespaces.get("pid"))


def monitor_of(status: Status) -> int | None:
    """A pidfd of its monitor."""
    return alive.hold(status.monitor, status.monitor_began)


def setup_of(status: Status, lock: int) -> int | None:
    """A pidfd of the box's setup; None where it is gone, or where proc does not show that it holds the
    box's lock, which is open as `lock`: nobody but setup and the monitor ever does.
    """
    return alive.hold_holder(status.setup, lock)


def send(seen: Seen, number: int) -> bool:
    """A signal to PID 1 of a box that runs; False where there is none (any more)."""
    if not seen.lives or not seen.status.ran:
        return False
    fd = init_of(seen.status)
    if fd is None:
        return False
    try:
        return alive.send(fd, number)
    finally:
        os.close(fd)


class Watcher:
    """One box, from one moment until its end, whoever removes or replaces its state meanwhile.

    `directory` and `said`, its `status`, are descriptors of what lies there; -1 where it does not.
    """

    def __init__(self, boxes: int, name: str) -> None:
        """Raises FileNotFoundError where there is no such box, and StateError. A box whose lock or status
        somebody removed is one that has ended.
        """
        from toyspec.run.boxes import open_box

        directory = open_box(boxes, name)
        if directory is None:
            raise FileNotFoundError(name)
        self.directory = directory
        self._lock, self.said = self._open("lock"), self._open("status")

    def _open(self, name: str) -> int:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            return os.open(name, flags, dir_fd=self.directory)
        except OSError:
            return -1

    def close(self) -> None:
        """Looks no more."""
        for fd in (self.said, self._lock, self.directory):
            if fd >= 0:
                os.close(fd)

    def lives(self) -> bool:
        """Whether one of the box's own processes is there, and not of one that was begun in its place."""
        held = self._lock >= 0 and is_locked(self._lock)
        return held and readers.is_there(self.directory, self.said) is not False

    def status(self) -> Status:
        """What its monitor has said so far."""
        return state.parse_status(os.pread(self.said, files.LARGEST, 0) if self.said >= 0 else b"")

    def ends(self, patience: float | None = None) -> bool:
        """Whether the box ends within that many seconds; None: however long it takes."""
        deadline = None if patience is None else time.monotonic() + patience
        while self.lives():
            left = None if deadline is None else min(deadline - time.monotonic(), alive.LONGEST)
            if left is not None and left <= 0:
                return False
            monitor = monitor_of(self.status())
            if monitor is None:
                time.sleep(_STEP)  # it ends just now, or just begins
                continue
            try:
                alive.has_ended(monitor, None if left is None else int(left * 1000) + 1)
            finally:
                os.close(monitor)
        return True

    def stop(self, number: int, grace: float) -> bool:
        """Send a signal to the box's PID 1, and kill that after `grace` seconds; whether it ended.

        A box that does not stand yet is ended by its monitor. Setup goes on where somebody had stopped
        it: it holds the lock until it has seen that PID 1 or the monitor is gone.
        """
        self._send(number)
        if self.ends(max(grace, 0.0)):
            return True
        self._send(signal.SIGKILL)
        if self.ends(_DYING):
            return True
        status = self.status()  # stopped, perhaps: PID 1 dies with them
        for fd in (monitor_of(status), setup_of(status, self._lock)):
            if fd is not None:
                alive.send(fd, signal.SIGKILL)
                os.close(fd)
        return self.ends(_DYING)

    def _send(self, number: int) -> None:
        status = self.status()
        if not self.lives():
            return
        fd = init_of(status) if status.ran else None
        if fd is None and not (status.ran and number == signal.SIGKILL):
            # where PID 1 has just ended, its monitor, killed now, could not write how
            fd, number = monitor_of(status), max(number, 0)
            if number != signal.SIGKILL:
                number = signal.SIGTERM
        if fd is not None:
            alive.send(fd, number)
            os.close(fd)
        setup = setup_of(status, self._lock) if fd is None or number == signal.SIGKILL else None
        if setup is not None:
            alive.send(setup, signal.SIGCONT)
            os.close(setup)


def end_lost(seen: Seen, boot: str | None) -> None:
    """Kill PID 1 of a box that lives on without any process of ours: all of them were killed at once,
    and its command had cleared what would have killed it too (PR_SET_PDEATHSIG).
    """
    if seen.lives or seen.status.exit_code is not None or seen.about.get("boot") != boot:
        return
    fd = init_of(seen.status)
    if fd is None:
        return
    try:
        alive.send(fd, signal.SIGKILL)
        alive.has_ended(fd, int(_DYING * 1000))
    except PermissionError:
        pass  # a set-uid program has taken its place: not the caller's any more
    finally:
        os.close(fd)
