"""Watchers that fail one step's call, or kill who makes it, and do not stop the run before it.

A stop costs more than most calls. So the run goes on by itself to a breakpoint in front of the call.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from typing import Final

from tests.kernel_side.encode import Call
from tests.kernel_side.match import HELPERS, quiet
from tests.kernel_side.tracer import SYSCALL_LENGTH, Detach, Fail, Kill, Process, Seen, Watcher

_BREAKPOINT: Final = b"\xcc"  # int3


@dataclass(slots=True)
class Tampering(Watcher):
    """Takes `action` at the call of the step with the id `step`, of that `number`, once."""

    step: int
    number: int
    action: Fail | Kill
    problems: list[str] = field(default_factory=list)
    acted: list[int] = field(default_factory=list)
    ran: bool = False  # a program was executed: the box stood
    root: Process | None = None

    def start(self, process: Process) -> None:
        """`process` is the one that will be the monitor."""
        self.root = process
        process.free = True

    def executed(self, process: Process) -> None:
        self.ran = True

    def _act(self, process: Process) -> Fail | Kill | None:
        process.free = True
        if self.acted:
            self.problems.append("the step's call came twice")
            return None
        self.acted.append(self.step)
        return self.action


@dataclass(slots=True)
class AtPlace(Tampering):
    """In a static program, where each step's call stands at a `place` of its own.

    At the places of `lets_go` a process is about to become a setuid program.
    """

    place: int = 0
    lets_go: set[int] = field(default_factory=set)
    replaced: dict[int, bytes] = field(default_factory=dict)

    def executed(self, process: Process) -> None:
        """The program itself, perhaps a second time: as a copy of its own in memory."""
        if process is not self.root:
            self.ran = True
            return
        for place in {self.place, *self.lets_go}:
            self.replaced[place] = process.read(place, 1)
            process.write(place, _BREAKPOINT)

    def trapped(self, process: Process) -> int | None:
        place = process.place() - len(_BREAKPOINT)
        if place not in self.replaced:
            return None
        try:
            process.write(place, self.replaced[place])
        except PermissionError:
            return self._unseen(process, place)
        process.free = False
        return place

    def _unseen(self, process: Process, place: int) -> int:
        """Of a process that is not dumpable an ordinary user's tracer has the registers only (ptrace(2)).

        So the breakpoint stays, and the call is not made: it goes on behind it, with the result.
        """
        assert place == self.place
        if process.number() != self.number:
            self.problems.append(f"call {process.number()} at {place:#x}, not the step's")
        action = self._act(process)
        if isinstance(action, Kill):
            os.kill(process.pid, signal.SIGKILL)
        elif action is not None:
            process.answer(-action.errno)
        return place + SYSCALL_LENGTH

    def entry(self, process: Process, seen: Seen) -> Fail | Kill | Detach | None:
        if seen.place in self.lets_go:
            return Detach()
        if seen.place != self.place or seen.number != self.number:
            process.free = True
            self.problems.append(f"call {seen.number} at {seen.place:#x}, not the step's")
            return None
        return self._act(process)


@dataclass(slots=True)
class AfterTrap(Tampering):
    """In an executor that traps itself in front of a step, see `driver.Traps`, and goes on at `trap`.

    `lets_go`: numbers of calls, by the ids of steps that make setuid programs of processes.
    """

    trap: int = 0
    lets_go: dict[int, int] = field(default_factory=dict)

    def trapped(self, process: Process) -> int | None:
        if process.place() != self.trap:
            return None
        process.state = process.argument()
        process.free = False
        return self.trap

    def entry(self, process: Process, seen: Seen) -> Fail | Kill | Detach | None:
        wanted = self.number if process.state == self.step else self.lets_go[process.state]
        if seen.number != wanted:
            if not quiet(seen):
                process.free = True
                self.problems.append(f"call {seen.number} before that of step {process.state}")
            return None
        return self._act(process) if process.state == self.step else Detach()


def set_free(calls: list[Call], step: Call) -> list[Call]:
    """Those calls, but for that of `step`, which make a setuid program of a process.

    Such a program gains nothing while an ordinary user traces it (execve(2)).
    """
    return [c for c in calls if c.role in HELPERS and c.name == "execve" and c is not step]
