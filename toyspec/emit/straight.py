"""Straight-line code: one role's instructions after the other, as a program has them.

For each: its step's id into the shared page, the operands into their registers, the call, and what
its result must be. Nothing is decided but whether to go on; what fails calls `failed`, which does not
return. Registers: the shared page's address, and how often a call may yet be tried again; where times
are kept, after that its result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from toyspec.emit.resident import record
from toyspec.plan.step import INSIDE, ROLES
from toyspec.program.program import ADDRESS, CELL, IMMEDIATE, SUPERVISE

if TYPE_CHECKING:
    from types import ModuleType
    from typing import TypeAlias

    from toyspec.emit.machine import aarch64, x86_64
    from toyspec.emit.machine.assembler import Label
    from toyspec.plan.step import Role
    from toyspec.program.program import Instruction, Program

    Assembler: TypeAlias = x86_64.Assembler | aarch64.Assembler

MOST_TRIES: Final = 1 + 1024
"""Of a call whose errno says to try again, the first one counted: as the executor has it."""
_PIECES: Final = (8, 4, 2, 1)


class Resident(NamedTuple):
    """Where the resident functions begin that the code calls."""

    supervise_monitor: Label
    supervise_setup: Label
    supervise_init: Label
    failed: Label
    tried: Label
    execute: Label
    done: Label
    append_number: Label


class Target(NamedTuple):
    """What one box's code is emitted for: fixed addresses of its record and of its data."""

    box: int
    data: int
    exec_step: int
    replaces: bool  # another ARGV may be given
    timed: bool


def emit(
    program: Program, code: Assembler, machine: ModuleType, resident: Resident, target: Target
) -> Label:
    """Append the code of every role; returns where the monitor's begins."""
    begins = {role: code.label() for role in program.roles}
    for role, instructions in program.roles.items():
        code.place(begins[role])
        writer = _Writer(code, machine, resident, target, role, begins)
        for instruction in instructions:
            writer.write(instruction)
        writer.end()
    return begins["monitor"]


class _Writer:
    """One role's code."""

    def __init__(
        self,
        code: Assembler,
        machine: ModuleType,
        resident: Resident,
        target: Target,
        role: Role,
        begins: dict[Role, Label],
    ) -> None:
        self.code, self.machine, self.resident = code, machine, resident
        self.target, self.role, self.begins = target, role, begins
        self.failed = code.label()
        self.unexpected = code.label()
        self.aside: list[tuple[Label, Label, Label, Instruction]] = []

    def write(self, instruction: Instruction) -> None:
        """One call."""
        code, machine = self.code, self.machine
        if instruction.call == "execve" and self.role in INSIDE and self.target.replaces:
            self._maybe_other(instruction)
        code.note(record.CURRENT + 8 * ROLES.index(self.role), instruction.step)
        if instruction.number == SUPERVISE:
            functions = {
                "monitor": self.resident.supervise_monitor,
                "setup": self.resident.supervise_setup,
                "init": self.resident.supervise_init,
            }
            self._call(functions[self.role])
            return
        if instruction.retries:
            code.set(machine.COUNTER, MOST_TRIES)
        again, go_on, aside = code.label(), code.label(), code.label()
        code.place(again)
        self._operands(instruction)
        code.set(machine.NUMBER, instruction.number)
        code.syscall()
        special = instruction.tolerates or instruction.retries or instruction.fails
        code.branch_if_failed(aside if special else self.failed)
        if instruction.fails:
            code.jump(self.unexpected)
        else:
            self._keep_result()
            self._succeeded(instruction)
        code.place(go_on)
        if self.target.timed:
            self._done(instruction.step)
        if special:
            self.aside.append((aside, go_on, again, instruction))

    def _maybe_other(self, instruction: Instruction) -> None:
        """Where the caller gave a command, that is executed, and none of the plan's."""
        if instruction.step != self.target.exec_step:
            return
        code, other = self.code, self.code.label()
        code.load_at(self.machine.RESULT, self.target.box + record.ARGV, 8)
        code.compare_to(self.machine.RESULT, 0)
        code.branch("==", other)
        code.note(record.CURRENT + 8 * ROLES.index(self.role), instruction.step)
        self._call(self.resident.execute)
        code.place(other)

    def _operands(self, instruction: Instruction) -> None:
        for register, (kind, number) in zip(
            self.machine.ARGUMENTS[: _used(instruction)], instruction.operands, strict=False
        ):
            if kind == IMMEDIATE:
                self.code.set(register, number)
            elif kind == ADDRESS:
                self.code.address(register, self.target.data + number)
            else:
                assert kind == CELL
                self.code.load_at(register, self.target.data + number, 4)

    def _succeeded(self, instruction: Instruction) -> None:
        code, result = self.code, self.machine.RESULT
        if instruction.child is not None:
            parent = code.label()
            code.compare_to(result, 0)
            code.branch("!=", parent)
            code.jump(self.begins[instruction.child])
            code.place(parent)
            code.store(
                result,
                self.machine.PAGE,
                record.PIDS + 8 * ROLES.index(instruction.child),
                8,
            )
        if instruction.result is not None:
            code.set(self.machine.SCRATCH, instruction.result)
            code.compare(result, self.machine.SCRATCH)
            code.branch_far("!=", self.unexpected)
        if instruction.cell >= 0:
            code.store_at(result, self.target.data + instruction.cell, 4)
            if instruction.text >= 0:
                code.move(self.machine.PARAMETERS[1], result)
                code.address(self.machine.PARAMETERS[0], self.target.data + instruction.text)
                code.call(self.resident.append_number)
        for offset, mask, wanted in instruction.memory:
            self._memory(offset, mask, wanted)

    def _memory(self, offset: int, mask: bytes, wanted: bytes) -> None:
        """What the call wrote, piece by piece."""
        code, result, scratch = self.code, self.machine.RESULT, self.machine.SCRATCH
        at = 0
        while at < len(wanted):
            size = next(each for each in _PIECES if each <= len(wanted) - at)
            covers = int.from_bytes(mask[at : at + size], "little")
            number = int.from_bytes(wanted[at : at + size], "little") & covers
            code.load_at(result, self.target.data + offset + at, size)
            code.set(scratch, covers)
            code.operate("&", result, scratch)
            code.set(scratch, number)
            code.compare(result, scratch)
            code.branch_far("!=", self.unexpected)
            at += size

    def _keep_result(self) -> None:
        """For `done`: the call is not tried again, and what follows may use the result's register."""
        if self.target.timed:
            self.code.move(self.machine.COUNTER, self.machine.RESULT)

    def _done(self, step: int) -> None:
        parameters = self.machine.PARAMETERS
        self.code.move(parameters[2], self.machine.COUNTER)
        self.code.set(parameters[1], step)
        self._call(self.resident.done)

    def _call(self, function: Label) -> None:
        """A resident function, whose first parameter is the box's record."""
        self.code.address(self.machine.PARAMETERS[0], self.target.box)
        self.code.call(function)

    def end(self) -> None:
        """What is seldom reached, behind the rest."""
        code, machine = self.code, self.machine
        code.jump(self.unexpected)  # a role's last call does not return
        for aside, go_on, again, instruction in self.aside:
            code.place(aside)
            for errno in instruction.retries:
                other = code.label()
                code.compare_to(machine.RESULT, -errno)
                code.branch("!=", other)
                code.operate_by("-", machine.COUNTER, 1)
                code.compare_to(machine.COUNTER, 0)
                code.branch_far("!=", again)
                code.place(other)
            self._keep_result()
            if instruction.fails:
                code.compare_to(machine.RESULT, -instruction.fails)
                code.branch_far("==", go_on)
            for errno in instruction.tolerates:
                other = code.label()
                code.compare_to(machine.RESULT, -errno)
                code.branch("!=", other)
                self._tolerated(instruction)
                code.jump(go_on)
                code.place(other)
            code.jump(self.failed)
        code.place(self.unexpected)
        code.set(machine.RESULT, 0)
        code.place(self.failed)
        code.move(machine.PARAMETERS[2], machine.RESULT)
        code.set(machine.PARAMETERS[1], ROLES.index(self.role))
        self._call(self.resident.failed)

    def _tolerated(self, instruction: Instruction) -> None:
        """An execve of the command that found nothing is remembered, for the message of the last."""
        if instruction.call == "execve" and self.role in INSIDE:
            parameters = self.machine.PARAMETERS
            self.code.move(parameters[2], self.machine.RESULT)
            self.code.set(parameters[1], instruction.step)
            self._call(self.resident.tried)


def _used(instruction: Instruction) -> int:
    """How many operands matter: those that the step gave, and none behind them."""
    return max(
        [len(instruction.names)]
        + [index + 1 for index, each in enumerate(instruction.operands) if each != (IMMEDIATE, 0)]
    )
