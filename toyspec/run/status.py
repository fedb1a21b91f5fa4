"""`--status-fd`: what a supervisor is told of a box, one JSON object a line, as bubblewrap has it.

Keys and their meaning are those of bwrap(1), --json-status-fd; `user-namespace`, `time-namespace`,
`start-time`, `setup-pid` and `monitor-pid` are added. Who does not read is no reason for a box to wait.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import stat
import time
from typing import TYPE_CHECKING

from toyspec.run.ending import start_time

if TYPE_CHECKING:
    from collections.abc import Callable

NAMESPACES = {
    "cgroup": "cgroup", "ipc": "ipc", "mnt": "mnt", "net": "net", "pid": "pid_for_children",
    "uts": "uts", "time": "time_for_children", "user": "user",
}  # fmt: skip
"""In the order in which bubblewrap names those that it has; and the box's in /proc/SETUP/ns. Setup is
in all of them but for two, which are its children's. Of an init that is a reaper nobody may see them.
"""
_AT_ONCE = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
PATIENCE = 1.0  # seconds that a line waits for room: then nobody gets it


class Status:
    """The descriptor `fd`, which stays the caller's. Every signal is blocked."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.runs = False
        os.set_inheritable(fd, False)

    def stands(self, init: int, setup: int) -> None:
        """The box is built, and init waits for the word to go."""
        told = {"child-pid": init}
        started = start_time(init)
        if started is not None:  # else this /proc is none, or another one than ours
            told |= {**_namespaces(setup), "start-time": started}
        told |= {"monitor-pid": os.getpid(), "setup-pid": setup}
        fields = ", ".join(f'"{name}": {number}' for name, number in told.items())
        self._tell(f"{{{fields}}}\n")

    def running(self) -> None:
        """Init executes the box's command. A second time says nothing."""
        if not self.runs:
            self.runs = True
            self._tell('{"running": true}\n')

    def ended(self, status: int) -> None:
        """The command, which ran, came to this exit status."""
        self.running()
        self._tell(f'{{"exit-code": {status}}}\n')

    def _tell(self, line: str) -> None:
        """By one call, which never waits longer than PATIENCE: a line is whole, or lost."""
        data = line.encode()
        try:
            kind = stat.S_IFMT(os.fstat(self.fd).st_mode)
            if kind == stat.S_IFSOCK:
                with socket.socket(fileno=os.dup(self.fd)) as other:
                    _patiently(self.fd, lambda: other.send(data, _AT_ONCE))
            elif kind == stat.S_IFIFO and (pipe := _opened_anew(self.fd)) is not None:
                try:
                    _patiently(pipe, lambda: os.write(pipe, data))
                finally:
                    os.close(pipe)
            else:
                _patiently(self.fd, lambda: os.write(self.fd, data))
        except BrokenPipeError:
            signal.sigtimedwait([signal.SIGPIPE], 0)  # ours, and none to hand on to the box
        except OSError:
            pass  # a full disk


def _patiently(fd: int, write: Callable[[], int]) -> None:
    """Once there is room, which others may take before us. Raises OSError."""
    end = time.monotonic() + PATIENCE
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    while poll.poll(max(0.0, end - time.monotonic()) * 1000):
        try:
            write()
            return
        except BlockingIOError:
            if time.monotonic() >= end:
                return


def _opened_anew(fd: int) -> int | None:
    """A pipe as one that does not block: as it is, that is the caller's to say. None where it is
    another user's, or there is no /proc.
    """
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None


def _namespaces(setup: int) -> dict[str, int]:
    """The inodes of those namespaces that are not the caller's own."""
    found = {}
    for name, file in NAMESPACES.items():
        try:
            inode = os.stat(f"/proc/{setup}/ns/{file}").st_ino
            if inode != os.stat(f"/proc/self/ns/{name}").st_ino:
                found[f"{name}-namespace"] = inode
        except OSError:
            continue  # this kernel has none of that kind, or does not let us look
    return found
