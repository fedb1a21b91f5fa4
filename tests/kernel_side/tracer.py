"""A small ptrace tracer: every system call of a process and of all that it forks, as it is made.

ptrace(2). One call can be made to fail without being executed, or its process killed at its entry.
Only x86_64. The tracer works as root and as an ordinary user on processes of its own.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import struct
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final

SUPPORTED: Final = platform.machine() == "x86_64"

_SEIZE, _INTERRUPT, _LISTEN, _SYSCALL_INFO = 0x4206, 0x4207, 0x4208, 0x420E
_CONT, _SYSCALL, _DETACH, _PEEKUSER, _POKEUSER, _EVENTMSG = 7, 24, 17, 3, 6, 0x4201
_OPTIONS: Final = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x100000  # SYSGOOD FORK VFORK CLONE EXEC EXITKILL
_EVENT_FORKS: Final = (1, 2, 3)  # fork, vfork, clone
_EVENT_EXEC: Final = 4
_EVENT_STOP: Final = 128
_RAX: Final = 10 * 8  # struct user_regs_struct
_ORIG_RAX: Final = 15 * 8
_RDI: Final = 14 * 8
_RIP: Final = 16 * 8
SYSCALL_LENGTH: Final = 2  # bytes of the instruction
_WALL: Final = 0x40000000
_INFO: Final = ctypes.create_string_buffer(88)  # struct ptrace_syscall_info: the last one asked for
_INFO_AT: Final = ctypes.addressof(_INFO)
_INFO_FIELDS: Final = struct.Struct(
    "<B7xQ8x7Q"
)  # what stop, where it goes on; a call and its arguments
_INFO_RESULT: Final = 24
_ENTRY, _EXIT = 1, 2

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_PTRACE: Final = _LIBC.ptrace
_PTRACE.restype = ctypes.c_long
_PTRACE.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


@dataclass(slots=True)
class Seen:
    """One system call: `args` are the six registers; `result` is set at its exit (-errno).

    `place` is the address of the instruction that makes it.
    """

    number: int
    args: tuple[int, ...]
    place: int = 0
    result: int | None = None
    fails: int = 0  # the errno that it was made to fail with


@dataclass(slots=True, eq=False)
class Process:
    """A traced process. `state` is the watcher's own."""

    pid: int
    parent: Process | None = None
    call: Seen | None = None
    status: int | None = None  # as waitpid gives it, once it has ended
    free: bool = False  # runs without stops at its calls
    memory: int = -1
    state: Any = None

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes of its memory. Raises OSError where they are not all mapped."""
        data = os.pread(self._memory(), size, address)
        if len(data) != size:
            raise OSError(errno.EFAULT, f"only {len(data)} of {size} bytes at {address:#x}")
        return data

    def write(self, address: int, data: bytes) -> None:
        """Change its memory, read-only or not; that which it shares with another stays theirs.

        A process that is killed while it stands still has no memory any more: nothing is changed.
        """
        try:
            written = os.pwrite(self._memory(), data, address)
        except ProcessLookupError:
            return
        assert written in (0, len(data)), f"{written} of {len(data)} bytes at {address:#x}"

    def _memory(self) -> int:
        if self.memory < 0:
            self.memory = os.open(f"/proc/{self.pid}/mem", os.O_RDWR | os.O_CLOEXEC)
        return self.memory

    def string(self, address: int, most: int = 1 << 20) -> bytes:
        """The NUL-terminated string at `address`, without the NUL."""
        data = b""
        while len(data) < most:
            step = min(4096 - (address + len(data)) % 4096, 256)
            data += self.read(address + len(data), step)
            if b"\0" in data[-step:]:
                return data[: data.index(b"\0")]
        raise OSError(errno.E2BIG, f"no end of the string at {address:#x}")

    def place(self) -> int:
        """The address of the instruction that comes next."""
        ctypes.set_errno(0)
        found: int = _PTRACE(_PEEKUSER, self.pid, _RIP, None)
        return found

    def number(self) -> int:
        """What it would call, where a call's instruction comes next."""
        ctypes.set_errno(0)
        found: int = _PTRACE(_PEEKUSER, self.pid, _RAX, None)
        return found

    def answer(self, result: int) -> None:
        """Have it find `result` where a call leaves that."""
        ptrace(_POKEUSER, self.pid, _RAX, result)

    def argument(self) -> int:
        """What the register of a function's first argument holds."""
        ctypes.set_errno(0)
        found: int = _PTRACE(_PEEKUSER, self.pid, _RDI, None)
        return found

    def forget_memory(self) -> None:
        """After an exec or its end: the memory is another."""
        if self.memory >= 0:
            os.close(self.memory)
            self.memory = -1


@dataclass(frozen=True, slots=True)
class Fail:
    """What `Watcher.entry` may return: do not make the call, let it fail."""

    errno: int


@dataclass(frozen=True, slots=True)
class Kill:
    """What `Watcher.entry` may return: SIGKILL before the call is made."""


@dataclass(frozen=True, slots=True)
class Detach:
    """What `Watcher.entry` may return: the call is made, and the process is followed no more.

    A setuid program that an ordinary user traces gains nothing (execve(2)): before it, let go.
    """


class Watcher:
    """Sees every call; each method may be overridden."""

    def entry(self, process: Process, seen: Seen) -> Fail | Kill | Detach | None:
        """Before the call: its memory can be read."""

    def exit(self, process: Process, seen: Seen) -> None:
        """After the call: its outputs can be read."""

    def forked(self, parent: Process, child: Process) -> None:
        """`child` was made; it has not run yet."""

    def executed(self, process: Process) -> None:
        """`process` runs a new program."""

    def trapped(self, process: Process) -> int | None:
        """A SIGTRAP. Gives the address where it goes on, seen from there; None: it is its own."""

    def ended(self, process: Process) -> None:
        """`process` is gone; `process.status` says how."""


class StuckError(TimeoutError):
    """The traced processes did not end in time."""


@dataclass(slots=True)
class Tracer:
    """Follows processes for `watcher` until all have ended."""

    watcher: Watcher
    processes: dict[int, Process] = field(default_factory=dict)
    every: list[Process] = field(default_factory=list)  # also those that have ended
    early: dict[int, int] = field(default_factory=dict)  # stopped before its parent's fork event
    silent: list[Process] = field(default_factory=list)  # killed before they could name their child

    def seize(self, pid: int) -> Process:
        """Begin to trace `pid`, which must be blocked or asleep until this returns."""
        ptrace(_SEIZE, pid, 0, _OPTIONS)
        process = self._add(Process(pid))
        ptrace(_INTERRUPT, pid)
        _, status = os.waitpid(pid, _WALL)
        if not os.WIFSTOPPED(status):
            raise ChildProcessError(f"{pid} ended before it was traced: {status:#x}")
        self._resume(process)
        return process

    def run(self, seconds: float) -> None:
        """Until no traced process is left. Raises StuckError, after killing all, when it takes longer."""

        def late(number: int, frame: FrameType | None) -> None:
            raise StuckError(f"alive after {seconds} s: {sorted(self.processes)}")

        before = signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            while self.processes or self.silent:
                self._stopped(*os.waitpid(-1, _WALL))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            self._end()

    def _add(self, process: Process) -> Process:
        self.processes[process.pid] = process
        self.every.append(process)
        return process

    def _end(self) -> None:
        for pid in (*self.processes, *self.early):
            os.kill(pid, signal.SIGKILL)
        for pid in (*self.processes, *self.early):
            while True:
                try:
                    _, status = os.waitpid(pid, _WALL)
                except ChildProcessError:
                    break
                if not os.WIFSTOPPED(status):
                    break
        for process in self.every:
            process.forget_memory()

    def _resume(self, process: Process, number: int = 0) -> None:
        failing = process.call is not None and process.call.fails
        free = process.free and not failing
        ptrace(_CONT if free else _SYSCALL, process.pid, 0, number)

    def _stopped(self, pid: int, status: int) -> None:
        process = self.processes.get(pid)
        if process is None:
            if not os.WIFSTOPPED(status):
                if self.early.pop(pid, None) is None and self.silent:
                    self.silent.pop()
                return
            if not self.silent:
                self.early[pid] = status
                return
            process = self._forked(self.silent.pop(), pid)
        if not os.WIFSTOPPED(status):
            process.status = status
            process.forget_memory()
            del self.processes[pid]
            self.watcher.ended(process)
            return
        number, event = os.WSTOPSIG(status), status >> 16
        if number == signal.SIGTRAP | 0x80:
            self._syscall(process)
        elif event in _EVENT_FORKS:
            self._fork(process)
            self._resume(process)
        elif event == _EVENT_EXEC:
            process.forget_memory()
            self.watcher.executed(process)
            self._resume(process)
        elif event == _EVENT_STOP:
            if number == signal.SIGTRAP:
                self._resume(process)
            else:
                ptrace(_LISTEN, pid)
        elif number == signal.SIGTRAP and (place := self.watcher.trapped(process)) is not None:
            ptrace(_POKEUSER, pid, _RIP, place)
            self._resume(process)
        else:
            self._resume(process, number)

    def _fork(self, parent: Process) -> None:
        """A parent that was killed in this very stop no longer tells the pid: 0, our own group."""
        message = ctypes.c_ulong()
        ptrace(_EVENTMSG, parent.pid, 0, ctypes.addressof(message))
        pid = message.value
        if pid == 0 and not self.early:
            self.silent.append(parent)
            return
        if pid == 0:
            pid = next(iter(self.early))
        if pid not in self.processes:
            self._forked(parent, pid)
        if pid in self.early:
            self._stopped(pid, self.early.pop(pid))

    def _forked(self, parent: Process, pid: int) -> Process:
        child = self._add(Process(pid, parent, free=parent.free))
        self.watcher.forked(parent, child)
        return child

    def _syscall(self, process: Process) -> None:
        if process.free and process.call is None:
            self._resume(process)
            return
        ptrace(_SYSCALL_INFO, process.pid, len(_INFO), _INFO_AT)
        kind, after, number, *args = _INFO_FIELDS.unpack_from(_INFO)
        if kind == _ENTRY:
            process.call = Seen(number, tuple(args), after - SYSCALL_LENGTH)
            action = self.watcher.entry(process, process.call)
            if isinstance(action, Kill):
                os.kill(process.pid, signal.SIGKILL)
                return
            if isinstance(action, Detach):
                ptrace(_DETACH, process.pid)
                process.forget_memory()
                del self.processes[process.pid]
                return
            if isinstance(action, Fail):
                process.call.fails = action.errno
                ptrace(_POKEUSER, process.pid, _ORIG_RAX, -1)
        elif kind == _EXIT and process.call is not None:
            seen, process.call = process.call, None
            (seen.result,) = struct.unpack_from("<q", _INFO, _INFO_RESULT)
            if seen.fails:
                ptrace(_POKEUSER, process.pid, _RAX, -seen.fails)
                seen.result = -seen.fails
            if process.free and not seen.fails:
                self._resume(process)
                return
            self.watcher.exit(process, seen)
        self._resume(process)


def ptrace(request: int, pid: int, address: int = 0, data: int = 0) -> None:
    """ptrace(2). A process that was killed in the meantime (ESRCH) is no error: its end follows."""
    if _PTRACE(request, pid, address, data) == -1 and ctypes.get_errno() != errno.ESRCH:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace {request:#x} of {pid}: {os.strerror(number)}")
