"""The executor: walks a program, call by call. No policy, no branch on the spec.

Everything it needs is made before the first fork, so that between two steps no process makes a
call that the plan does not list. How far each role is goes into shared memory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from toyspec.kernel import call as kernel
from toyspec.plan.step import ROLES, Role
from toyspec.program.program import (
    ADDRESS,
    CELL,
    SUPERVISE,
    Instruction,
    Program,
    accepted,
    arguments,
)
from toyspec.run.progress import Progress

_MOST_TRIES = 1024  # of a call that answers with an errno to try again: renames cannot win for ever
_EXIT = 125

Numbers = tuple[int, int, int, int, int, int]
Note = Callable[[Sequence[tuple[str, int]]], tuple[int, bytes]]


class StepFailed(Exception):
    """The monitor's own step failed; the failure stands in the shared page."""


class Executor:
    """A program, ready to run: its memory, its calls, and where its progress goes.

    `note(attempts)` is asked in init's own process after its last execve failed, with the path
    and errno of each: only from inside can one see what is in the way. It says which counts.
    """

    def __init__(self, program: Program, progress: Progress, note: Note) -> None:
        self.program = program
        self.progress = progress
        self.note = note
        self.arena = kernel.Arena(program.data, program.pointers)
        self.code: dict[Role, Sequence[tuple[Instruction, Numbers | None]]] = {
            role: [(each, self._constant(each)) for each in instructions]
            for role, instructions in program.roles.items()
        }

    def _constant(self, instruction: Instruction) -> Numbers | None:
        """The numbers of a call that uses no slot: they are the same whenever it is made."""
        if any(kind == CELL for kind, _ in instruction.operands):
            return None
        return arguments(instruction, self.arena.address, ())

    def cell(self, slot: str) -> int:
        """What a slot holds in this process."""
        return self.arena.cells[self.program.slots[slot] >> 2]

    def walk(self, role: Role) -> Role:
        """Make the calls of `role`, and in a clone's child those of its role.

        Returns the role whose `supervise` was reached; the caller may be a child by then. Raises
        StepFailed in the monitor; any other process that fails ends here.
        """
        try:
            return self._walk(role)
        except StepFailed:
            raise
        except BaseException:
            if os.getpid() == self._first:
                raise
            os._exit(_EXIT)

    def _walk(self, role: Role) -> Role:
        self._first = os.getpid()
        progress, cells, memory = self.progress, self.arena.cells, self.arena.memory
        page = progress.cells
        address, syscall, now = self.arena.address, kernel.syscall, time.time_ns
        while True:
            current = progress.current_cell(role)
            child: Role | None = None
            for instruction, constant in self.code[role]:
                page[current] = instruction.step
                if instruction.number == SUPERVISE:
                    return role
                numbers = constant or arguments(instruction, address, cells)
                result = syscall(instruction.number, *numbers)
                tries = 0
                while -result in instruction.retries and tries < _MOST_TRIES:
                    result = syscall(instruction.number, *numbers)
                    tries += 1
                if not accepted(instruction, result, memory):
                    self._fail(role, instruction, result)
                if instruction.cell >= 0 and result >= 0:
                    cells[instruction.cell >> 2] = result
                    if instruction.text >= 0:
                        text = b"%d\0" % result
                        memory[instruction.text : instruction.text + len(text)] = text
                if instruction.child is not None and result == 0:
                    child = instruction.child
                    break
                progress.done(instruction.step, now(), result)
            if child is None:
                self._fail(role, self.code[role][-1][0], 0)
            else:
                role = child

    def _fail(self, role: Role, instruction: Instruction, result: int) -> None:
        errno = -result if result < 0 else 0
        step, note = instruction.step, b""
        if instruction.call == "execve":
            self.progress.done(step, time.time_ns(), result)
            steps, attempts = zip(*self._attempts(role), strict=True)
            at, note = self.note(attempts)
            step, errno = steps[at], attempts[at][1]
        self.progress.fail(step, errno, note)
        if role == ROLES[0]:
            raise StepFailed
        os._exit(_EXIT)

    def _attempts(self, role: Role) -> list[tuple[int, tuple[str, int]]]:
        """Each execve that was tried, as step, path and errno."""
        found = []
        for instruction, _ in self.code[role]:
            if instruction.call == "execve" and self.progress.when(instruction.step):
                kind, offset = instruction.operands[0]
                assert kind == ADDRESS  # a path is data
                path = bytes(self.arena.memory[offset:]).split(b"\0", 1)[0]
                errno = -self.progress.result(instruction.step)
                found.append((instruction.step, (os.fsdecode(path), errno)))
        return found
