"""The code of every spec, disassembled by somebody else's tool: the calls of its program, each of them."""

from __future__ import annotations

import pytest

from tests.emit.disassembled import CELL, Known, calls
from tests.golden.plans import HOSTS, SPECS, facts, spec
from toyspec.emit.elf import MACHINES
from toyspec.emit.machine.assembler import Label
from toyspec.emit.straight import Resident, Target, emit
from toyspec.plan.planner import plan
from toyspec.program.lower import lower
from toyspec.program.program import ADDRESS, SUPERVISE, Operand, Program
from toyspec.program.program import CELL as CELL_OPERAND
from toyspec.values import replace

DATA = 0x10000000
CODE = 0x1000000
ARCHITECTURES = sorted(MACHINES)


def code_of(program: Program) -> bytes:
    machine = MACHINES[program.arch][1]
    code = machine.Assembler(CODE)
    resident = Resident(*(Label(-0x1000 * (1 + at)) for at in range(len(Resident._fields))))
    target = Target(0x800000, DATA, 0, replaces=False, timed=False)
    begin = emit(program, code, machine, resident, target)
    made = bytes(code.finish())
    assert begin.known == 0
    return made


def meant(operand: Operand) -> Known:
    kind, number = operand
    if kind == ADDRESS:
        return DATA + number
    return (CELL, DATA + number) if kind == CELL_OPERAND else number & (1 << 64) - 1


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("name", SPECS)
def test_the_code_makes_the_calls_of_the_program(host: str, name: str, arch: str) -> None:
    there = replace(facts(host), arch=arch)
    program = lower(plan(spec(there, name), there), None)
    wanted = [
        each
        for instructions in program.roles.values()
        for each in instructions
        if each.number != SUPERVISE
    ]
    assert len(wanted) > 50
    made = list(calls(arch, code_of(program), CODE))
    assert len(made) == len(wanted)
    for seen, instruction in zip(made, wanted, strict=True):
        given = len(instruction.names)
        assert seen.number == instruction.number, instruction
        assert seen.arguments[:given] == tuple(map(meant, instruction.operands[:given])), (
            instruction
        )
