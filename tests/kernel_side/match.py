"""Trace equals plan: every call of monitor, setup and init against the plan's steps, deny by default.

`Checker` watches a traced run. From the monitor's first step on, each call of each of the three
processes must be the next step of its role, or be quiet. Whatever else is seen is a problem. What
comes before the first step, and which calls are quiet, is the way's matter that runs the plan.
"""

from __future__ import annotations

import errno
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tests.kernel_side.compare import describe, differs, unexpected
from tests.kernel_side.constants import CONSTANTS
from tests.kernel_side.encode import Call
from tests.kernel_side.names import CALL_NUMBERS, NAMES
from tests.kernel_side.operands import Buffer
from tests.kernel_side.tracer import Detach, Fail, Kill, Process, Seen, Watcher

QUIET: Final[frozenset[int]] = frozenset(
    CALL_NUMBERS[name]
    for name in (
        "brk",
        "munmap",
        "mprotect",
        "mremap",
        "madvise",
        "futex",
        "rt_sigreturn",
        "set_robust_list",
        "rseq",
        "getpid",
        "gettid",
        "clock_gettime",
    )
)
"""Calls of an interpreter's that change nothing outside the process; and anonymous mmap."""

AFTER_SUPERVISE: Final[frozenset[int]] = QUIET | frozenset(
    CALL_NUMBERS[name]
    for name in (
        "read",  # the exec pipe's end, a signal descriptor
        "write",  # the byte for `go`
        "close",
        "dup3",  # what the monitor of a detached box says from then on goes to the log
        "poll",
        "ppoll",
        "wait4",
        "waitid",
        "kill",
        "tgkill",
        "pidfd_open",
        "pidfd_send_signal",
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigtimedwait",
        "signalfd4",
        "setitimer",
        "clock_nanosleep",
        "restart_syscall",
        "getppid",
        "getpgid",
        "getpgrp",
        "setpgid",
        "ioctl",  # terminals: whose turn, modes, the window
        "recvmsg",  # the box's own terminal
        "fcntl",
        "prctl",
        "lseek",
        "fstat",
        "newfstatat",
        "statx",
        "readlinkat",
        "exit",
        "exit_group",
    )
)
"""Once it supervises, a process only waits, polls, relays, signals and cleans up; reading is free."""

HELPERS: Final = ("uidmap", "gidmap")
"""Roles that become setuid programs."""
_LOG: Final = (b"log", b"log.new")
"""What a detached box's monitor writes, in the directory that it was given."""
_MAP_ANONYMOUS: Final = 0x20
_NOT_READING: Final = ~(CONSTANTS["O_CLOEXEC"] | CONSTANTS["O_DIRECTORY"] | CONSTANTS["O_NOFOLLOW"])
_CALLERS_TERMINAL: Final = (
    CONSTANTS["O_RDWR"] | CONSTANTS["O_NOCTTY"] | CONSTANTS["O_NONBLOCK"] | CONSTANTS["O_CLOEXEC"]
)
_RESTARTS: Final = range(-516, -511)  # ERESTARTSYS and the like: the kernel makes the call again


@dataclass(slots=True)
class Walk:
    """How far one process is: `role` is empty before the monitor's first step, and in the view."""

    role: str = ""
    steps: tuple[Call, ...] = ()
    position: int = 0
    slots: dict[str, int] = field(default_factory=dict)
    matched: Call | None = None  # the step whose call is being made
    over: bool = False  # it supervises, or runs the box's program

    @property
    def next(self) -> Call | None:
        """The step that must come now; None once nothing is checked any more."""
        return None if self.over or not self.role else self.steps[self.position]

    def advance(self) -> None:
        """The step at `position` is done."""
        self.position += 1
        if self.position == len(self.steps) or self.steps[self.position].name == "supervise":
            self.over = True


def quiet(seen: Seen) -> bool:
    """Whether the call stands on the short list."""
    if NAMES.get(seen.number) == "mmap":
        return bool(seen.args[3] & _MAP_ANONYMOUS)
    return seen.number in QUIET


def whatever(seen: Seen) -> bool:
    """Any call."""
    return True


def nothing(seen: Seen) -> bool:
    """No call."""
    return False


Allows = Callable[[Seen], bool]


@dataclass(slots=True)
class Checker(Watcher):
    """Collects `problems`. `act` may fail or kill a process at a step that was recognised.

    `before` says what the program may do before its first step, `between` what it may do between
    two, besides. The first process executes so many `programs` at least, the last of which is it.
    """

    calls: list[Call]
    act: Callable[[Process, Call], Fail | Kill | None] | None = None
    before: Allows = whatever
    between: Allows = quiet
    programs: int = 0
    problems: list[str] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)  # the ids of the steps, as their calls began
    done: list[int] = field(default_factory=list)  # and as they ended as the plan allows
    places: dict[int, int] = field(default_factory=dict)  # of the instructions that made the calls
    walks: dict[str, Walk] = field(default_factory=dict)
    by_role: dict[str, tuple[Call, ...]] = field(default_factory=dict)
    acted: list[int] = field(default_factory=list)
    ran: bool = False  # a program was executed: the box stood
    executions: int = 0  # of programs, by the first process
    root: Process | None = None
    processes: list[Process] = field(default_factory=list)

    def start(self, process: Process) -> None:
        """`process` is the one that will be the monitor."""
        self.root = process
        self.processes.append(process)
        process.state = Walk()

    def missing(self) -> list[str]:
        """What keeps this from being a complete run of the plan."""
        found = []
        for role in dict.fromkeys(call.role for call in self.calls):
            walk = self.walks.get(role)
            if walk is None:
                found.append(f"no process took the role {role}")
            elif not walk.over and walk.next is not None:
                found.append(f"{role} never came past step {walk.next.id}, {walk.next.name}")
        return found

    def entry(self, process: Process, seen: Seen) -> Fail | Kill | Detach | None:
        if process is self.root and not self.walks and self.executions >= self.programs:
            self._begin(process, seen)
        walk: Walk = process.state
        call = walk.next
        if call is None:
            if walk.over and walk.steps[-1].name == "supervise":
                self._afterwards(process, seen)
            return None
        walk.matched = None
        difference = differs(call, process, walk.slots, seen)
        if difference is not None and self._not_begun(process, seen):
            return None
        if difference is None:
            walk.matched = call
            self.seen.append(call.id)
            self.places[call.id] = seen.place
            return self._act(process, call) or self._let_go(process, call)
        if not self.between(seen) and not self.acted:
            self.problems.append(
                f"{walk.role} ({process.pid}) makes {describe(process, seen)} where step {call.id}, "
                f"{call.name}, is next: {difference}"
            )
        return None

    def _let_go(self, process: Process, call: Call) -> Detach | None:
        """A helper's execve: the last that is seen of it. Whether it went well, setup's wait tells."""
        if call.role not in HELPERS or call.name != "execve":
            return None
        process.state.matched = None
        process.state.over = True
        self.done.append(call.id)
        return Detach()

    def _act(self, process: Process, call: Call) -> Fail | Kill | None:
        action = self.act(process, call) if self.act is not None else None
        if action is not None:
            self.acted.append(call.id)
            for one in self.processes:  # what follows is judged by what is left, not call by call
                one.free = one.state.role not in HELPERS or one is process
        return action

    def _begin(self, process: Process, seen: Seen) -> None:
        steps = self._steps(self.calls[0].role)
        if differs(steps[0], process, {}, seen) is None:
            self._take(process, steps[0].role, {})
        elif not self.before(seen):
            self.problems.append(f"{describe(process, seen)} before the first step")

    def _not_begun(self, process: Process, seen: Seen) -> bool:
        """The program made the first step's call for itself: what follows comes before the steps."""
        if process is not self.root or process.state.position != 1 or self.before is whatever:
            return False
        if not self.before(seen):
            return False
        self.walks.clear()
        process.state = Walk()
        del self.seen[:], self.done[:]
        return True

    def _steps(self, role: str) -> tuple[Call, ...]:
        if role not in self.by_role:
            self.by_role[role] = tuple(call for call in self.calls if call.role == role)
        return self.by_role[role]

    def _take(self, process: Process, role: str, slots: dict[str, int]) -> None:
        process.state = Walk(role, self._steps(role), 0, dict(slots))
        if role in self.walks:
            self.problems.append(f"a second process, {process.pid}, took the role {role}")
        self.walks[role] = process.state

    def _afterwards(self, process: Process, seen: Seen) -> None:
        if NAMES.get(seen.number) == "openat" and process.string(seen.args[1]) in _LOG:
            return
        reads = NAMES.get(seen.number) == "openat" and (
            seen.args[2] & _NOT_READING == 0 or seen.args[2] == _CALLERS_TERMINAL
        )
        if seen.number not in AFTER_SUPERVISE and not reads and not quiet(seen):
            self.problems.append(
                f"{process.state.role} ({process.pid}) makes {describe(process, seen)} after supervise"
            )

    def exit(self, process: Process, seen: Seen) -> None:
        walk: Walk = process.state
        call = walk.matched
        walk.matched = None
        assert seen.result is not None
        if call is None or seen.result in _RESTARTS:
            return
        code = errno.errorcode.get(-seen.result, str(seen.result)) if seen.result < 0 else None
        if code is not None and code in call.retries:
            return
        wrong = self._judge(process, call, seen, code)
        if wrong is None:
            self.done.append(call.id)
            walk.advance()
        elif not self.acted:
            self.problems.append(f"step {call.id}, {call.name}, in {walk.role}: {wrong}")
            walk.advance()

    def _judge(self, process: Process, call: Call, seen: Seen, code: str | None) -> str | None:
        """What is wrong with the call's result; None if the plan allows it. Fills slots."""
        expects = call.expects or {}
        if code is not None:
            allowed = call.tolerates | {expects.get("errno")}
            return None if code in allowed else f"failed with {code}"
        assert seen.result is not None
        if "errno" in expects:
            return f"returned {seen.result}, not {expects['errno']}"
        wanted = call.expected_result()
        if wanted is not None and seen.result != wanted:
            return f"returned {seen.result}, not {wanted}"
        slots = process.state.slots
        filled = False
        for operand, address in zip(call.operands, seen.args, strict=False):
            if isinstance(operand, Buffer):
                for offset, slot in operand.fills:
                    (slots[slot],) = struct.unpack("<i", process.read(address + offset, 4))
                    filled = True
                output = process.read(address, operand.size) if expects else b""
                wrong = unexpected(call, output)
                if wrong is not None:
                    return wrong
        if call.yields is not None and not filled:
            slots[call.yields] = seen.result
        return None

    def forked(self, parent: Process, child: Process) -> None:
        child.state = Walk()
        self.processes.append(child)
        if child.free:
            return
        walk: Walk = parent.state
        if walk.matched is not None and walk.matched.name == "clone":
            assert walk.matched.yields is not None
            self._take(child, walk.matched.yields, walk.slots)
        elif walk.role and not (walk.role in ("init", "command") and walk.over):
            self.problems.append(
                f"{walk.role} ({parent.pid}) forked {child.pid}: no step of the plan"
            )

    def executed(self, process: Process) -> None:
        walk: Walk = process.state
        if not self.walks:
            self.executions += process is self.root
            return
        self.ran = True
        if process.free:
            return
        if walk.matched is not None and walk.matched.name == "execve":
            self.done.append(walk.matched.id)
            walk.matched = None
        elif walk.role and not walk.over:
            self.problems.append(
                f"{walk.role} ({process.pid}) executed a program: no step of the plan"
            )
        walk.over = process.free = bool(walk.role)


def ending(status: int | None) -> str:
    """A wait status in words."""
    if status is None:
        return "still runs"
    if status & 0x7F:
        return f"killed by {signal.Signals(status & 0x7F).name}"
    return f"exit {status >> 8}"
