"""The code of every spec, disassembled by somebody else's tool: the calls of its program, each of them."""

from __future__ import annotations

import pytest

from tests.emit.disassembled import CELL, Known, calls
from tests.golden.plans import HOSTS, SPECS, facts, spec
from tests.kernel_side.specs import SPECS as ALL
from tests.kernel_side.specs import fresh
from tests.product import Product, Word
from toyspec.emit.elf import MACHINES
from toyspec.emit.machine.assembler import Label
from toyspec.emit.plan_json import from_json
from toyspec.emit.straight import Resident, Target, emit
from toyspec.host.facts import HostFacts
from toyspec.plan.planner import plan
from toyspec.plan.step import Plan
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
    compare(plan(spec(there, name), there))


@pytest.mark.parametrize("name", [name for name in ALL if name.removesuffix(".yaml") not in SPECS])
def test_specs_that_no_recorded_host_knows(product: Product, name: str) -> None:
    """Planned for this machine, and for one like it of the other architecture."""
    source = fresh(product, name)
    done = product.run(["facts", source], cwd=source.parent)
    assert done.returncode == 0, done.stderr
    here = HostFacts.from_json(done.stdout)
    saved = source.parent / "facts.json"
    for arch in ARCHITECTURES:
        product.write(saved, replace(here, arch=arch).to_json())
        words: list[Word] = ["plan", "--json", "--facts", saved, source]
        done = product.run(words, cwd=source.parent)
        assert done.returncode == 0, done.stderr
        made = from_json(done.stdout)
        assert made.arch == arch
        compare(made)


def compare(made: Plan) -> None:
    """Each call of the code with the program's: its number and every operand."""
    arch, program = made.arch, lower(made, None)
    wanted = [
        each
        for instructions in program.roles.values()
        for each in instructions
        if each.number != SUPERVISE
    ]
    assert len(wanted) > 50
    found = list(calls(arch, code_of(program), CODE))
    assert len(found) == len(wanted)
    for seen, instruction in zip(found, wanted, strict=True):
        given = len(instruction.names)
        assert seen.number == instruction.number, instruction
        assert seen.arguments[:given] == tuple(map(meant, instruction.operands[:given])), (
            instruction
        )
