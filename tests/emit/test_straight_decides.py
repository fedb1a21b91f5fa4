"""Whatever the kernel answers, the code goes on, tries again or fails as the executor would.

`program.accepted` says so, which the executor asks too. On both architectures each call of a program
gets its right answer, and every wrong one that there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.emit.emulated import PAGE, Code, Event
from tests.golden.plans import SPECS, facts, spec
from toyspec.emit.elf import MACHINES
from toyspec.emit.machine.assembler import Label
from toyspec.emit.resident import record
from toyspec.emit.straight import Resident, Target, emit
from toyspec.plan.planner import plan
from toyspec.plan.step import ROLES, Role
from toyspec.program.lower import lower
from toyspec.program.program import ADDRESS, CELL, SUPERVISE, Instruction, Program, accepted
from toyspec.values import replace

HOST = "debian-12"
BOX, DATA, ORIGIN = 0x800000, 0x10000000, 0x1000000
FUNCTIONS = {name: ORIGIN - 0x1000 * (1 + at) for at, name in enumerate(Resident._fields)}
ENDS = frozenset(("failed", "supervise_monitor", "supervise_setup"))
ODD = 123  # an errno that no step knows
TRIES = 1024  # of the executor's, after the first

Answer = tuple[int, tuple[tuple[int, bytes], ...]]
"""A result, and what the kernel has written."""


def right(instruction: Instruction) -> Answer:
    """What the plan wants."""
    if instruction.fails:
        return -instruction.fails, ()
    if instruction.call == "execve" and instruction.tolerates:
        return -instruction.tolerates[0], ()
    wrote = tuple((offset, wanted) for offset, _, wanted in instruction.memory)
    return 4242 if instruction.result is None else instruction.result, wrote


def others(instruction: Instruction) -> Iterator[Answer]:
    """Everything else that there is to answer, good or bad."""
    result, wrote = right(instruction)
    for errno in (ODD, 1, 4095, instruction.fails, *instruction.tolerates):
        yield -errno, ()
    yield from ((each, wrote) for each in (0, 1, result + 1, result | 1 << 40, 0x7FFFFFFF))
    for at, (offset, mask, wanted) in enumerate(instruction.memory):
        for byte, bits in enumerate(mask):
            for flip in {bits & -bits, ~bits & 0xFF & -(~bits & 0xFF)} - {0}:
                other = bytearray(wanted)
                other[byte] ^= flip
                yield result, (*wrote[:at], (offset, bytes(other)), *wrote[at + 1 :])


class Walk:
    """One program's code, and where each role is."""

    def __init__(self, program: Program, *, timed: bool) -> None:
        machine = MACHINES[program.arch][1]
        code = machine.Assembler(ORIGIN)
        labels = [Label(at - ORIGIN) for at in FUNCTIONS.values()]
        target = Target(BOX, DATA, 0, replaces=False, timed=timed)
        emit(program, code, machine, Resident(*labels), target)
        self.program, self.timed = program, timed
        self.code = Code(program.arch, code.finish(), ORIGIN, (DATA, program.data), FUNCTIONS, ENDS)

    def check(self) -> int:
        """Walk every role; returns how many answers were given."""
        answers = 0
        left: list[tuple[Role, Any]] = [("monitor", None)]
        seen: set[Role] = set()
        while left:
            role, forked = left.pop()
            seen.add(role)
            events = self.answer(forked, (0, ())) if forked else self.code.run(ORIGIN)
            code = self.program.roles[role]
            for at, instruction in enumerate(code):
                self.begins(role, instruction, events)
                if instruction.number == SUPERVISE:
                    break
                state = self.code.state()
                page = bytes(self.code.engine.mem_read(PAGE, 4096))
                for answer in others(instruction):
                    if -answer[0] in instruction.retries:
                        continue
                    events = self.answer(state, answer)
                    self.came_to(role, at, answer, events)
                    self.code.engine.mem_write(PAGE, page)
                    answers += 1
                if instruction.child is not None:
                    left.append((instruction.child, state))
                events = self.answer(state, right(instruction))
                self.came_to(role, at, right(instruction), events)
                answers += 1
        assert seen == set(self.program.roles)
        return answers

    def answer(self, state: object, answer: Answer) -> list[Event]:
        self.code.reset()
        for offset, content in answer[1]:
            self.code.engine.mem_write(DATA + offset, content)
        return self.code.answer(state, answer[0])

    def current(self, role: Role) -> int:
        return self.code.read(PAGE + record.CURRENT + 8 * ROLES.index(role), 8)

    def begins(self, role: Role, instruction: Instruction, events: list[Event]) -> None:
        """The last event is this instruction's call, which the page tells."""
        assert self.current(role) == instruction.step
        last = events[-1]
        if instruction.number == SUPERVISE:
            assert (last.function, last.values[0]) == (f"supervise_{role}", BOX)
            return
        assert last.function == "", instruction
        wanted = [instruction.number]
        for kind, number in instruction.operands[: len(instruction.names)]:
            held = self.code.read(DATA + number, 4) if kind == CELL else number
            wanted.append((DATA + number if kind == ADDRESS else held) & (1 << 64) - 1)
        assert list(last.values[: len(wanted)]) == wanted, instruction

    def came_to(self, role: Role, at: int, answer: Answer, events: list[Event]) -> None:
        """What followed an answer, in its order: texts, times, then the next call or the failure."""
        instruction, following = self.program.roles[role][at], self.program.roles[role][at + 1 :]
        result = answer[0]
        memory = self.code.engine.mem_read(DATA, len(self.program.data))
        names = [each.function for each in events]
        where = f"step {instruction.step}, {instruction.call}, answered {answer}: {events}"
        if not accepted(instruction, result, memory):
            assert names == ["failed"], where
            self.failed(role, instruction, min(result, 0), events[-1])
            return
        if instruction.child is not None and result == 0:
            self.begins(instruction.child, self.program.roles[instruction.child][0], events)
            return
        first = []
        if instruction.cell >= 0 and result >= 0:
            assert self.code.read(DATA + instruction.cell, 4) == result & 0xFFFFFFFF, where
            if instruction.text >= 0:
                first.append("append_number")
                assert events[0].values[:2] == (DATA + instruction.text, result), where
        if instruction.child is not None:
            told = PAGE + record.PIDS + 8 * ROLES.index(instruction.child)
            assert self.code.read(told, 8) == result, where
        unsigned = result & (1 << 64) - 1
        if instruction.call == "execve" and role == "init" and result < 0:
            first.append("tried")
            assert events[0].values == (BOX, instruction.step, unsigned), where
        if self.timed:
            first.append("done")
            assert events[len(first) - 1].values == (BOX, instruction.step, unsigned), where
        assert names[:-1] == first, where
        if following:
            self.begins(role, following[0], events)
        else:  # a role's last call does not return
            self.failed(role, instruction, 0, events[-1])

    def failed(self, role: Role, instruction: Instruction, result: int, event: Event) -> None:
        assert event.function == "failed"
        box, number, told = event.values
        assert (box, number) == (BOX, ROLES.index(role))
        if result < 0:
            assert told == result & (1 << 64) - 1
        else:
            assert told >> 63 == 0, "a result that is none of the kernel's errnos"
        assert self.current(role) == instruction.step

    def tries(self) -> Iterator[int]:
        """How often each of setup's calls is made that is always to be tried again; then it fails.

        Once it has been tried again, the right answer still goes on.
        """
        events = self.code.run(ORIGIN)
        for instruction in self.program.roles["monitor"]:
            forks = instruction.child == "setup"
            events = self.answer(self.code.state(), (0, ()) if forks else right(instruction))
            if forks:
                break
        for at, instruction in enumerate(self.program.roles["setup"]):
            if instruction.number == SUPERVISE:
                break
            state = self.code.state()
            if instruction.retries:
                again, call, made = -instruction.retries[-1], events[-1], 1
                events = self.answer(state, (again, ()))
                once = self.code.state()
                while events == [call]:
                    made += 1
                    events = self.answer(self.code.state(), (again, ()))
                self.failed("setup", instruction, again, events[-1])
                yield made
                self.came_to("setup", at, right(instruction), self.answer(once, right(instruction)))
            events = self.answer(state, right(instruction))


def program_of(name: str, arch: str) -> Program:
    there = replace(facts(HOST), arch=arch)
    return lower(plan(spec(there, name), there), None)


@pytest.mark.parametrize("timed", [False, True], ids=["", "timed"])
@pytest.mark.parametrize("arch", sorted(MACHINES))
@pytest.mark.parametrize("name", SPECS)
def test_every_answer(name: str, arch: str, timed: bool) -> None:
    assert Walk(program_of(name, arch), timed=timed).check() > 300


@pytest.mark.parametrize("arch", sorted(MACHINES))
def test_what_is_tried_again_is_not_for_ever(arch: str) -> None:
    made = list(Walk(program_of("hello", arch), timed=False).tries())
    assert made == [1 + TRIES] * len(made)
    assert made
