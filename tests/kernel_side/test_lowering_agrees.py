"""What toyspec lowers a plan to is what the tests' own encoder makes of its JSON.

Also where nothing can be run: plans for the recorded hosts, and for the other architecture.
"""

from __future__ import annotations

import json
import struct
from dataclasses import replace

import pytest

from tests.golden.plans import HOSTS, SPECS, planned
from tests.kernel_side.encode import encode_plan
from tests.kernel_side.operands import Buffer, Memory, Number, Operand, Slot, Vector
from toyspec.emit.plan_json import to_json
from toyspec.program.lower import lower
from toyspec.program.program import ADDRESS, CELL, IMMEDIATE, Program


def pointer(program: Program, offset: int) -> int:
    """Where the pointer at `offset` leads; 0 for a null pointer."""
    return dict(program.pointers).get(offset, 0)


def same(program: Program, lowered: tuple[int, int], operand: Operand) -> bool:
    """Whether a lowered operand is what the encoder says."""
    kind, number = lowered
    data = program.data
    if isinstance(operand, Number):
        return kind == IMMEDIATE and number & ((1 << operand.bits) - 1) == operand.masked()
    if isinstance(operand, Slot):
        known = {program.slots.get(operand.name), program.slots.get("pid:" + operand.name)}
        return kind == CELL and number in known
    if kind != ADDRESS:
        return False
    if isinstance(operand, Buffer):
        return 0 <= number <= len(data) - operand.size
    if isinstance(operand, Vector):
        ends = number + 8 * len(operand.strings)
        addresses = [pointer(program, at) for at in range(number, ends, 8)]
        return data[ends : ends + 8] == bytes(8) and all(
            data[address : address + len(text) + 1] == text + b"\0"
            if isinstance(text, bytes)
            else address in {one.text for role in program.roles.values() for one in role}
            for address, text in zip(addresses, operand.strings)
        )
    return same_memory(program, number, operand)


def same_memory(program: Program, at: int, operand: Memory) -> bool:
    """Whether the data at `at` is the operand's; slots in it are filled when it runs."""
    found = bytearray(program.data[at : at + len(operand.data)])
    wanted = bytearray(operand.data)
    for offset, _ in operand.slots:
        struct.pack_into("<i", found, offset, 0)
    for offset, inner in operand.pointers:
        address = pointer(program, at + offset)
        if not same_memory(program, address, inner):
            return False
        struct.pack_into("<Q", found, offset, 0)
    return found == wanted


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("name", SPECS)
def test_every_operand_of_every_step(name: str, host: str, arch: str) -> None:
    variables = {"TERM": "xterm-256color"}
    plan = replace(planned(host, name), arch=arch)
    program = lower(plan, variables)
    instructions = {one.step: one for role in program.roles.values() for one in role}
    calls = encode_plan(json.loads(to_json(plan)), variables, arch)
    assert sorted(instructions) == [call.id for call in calls]
    for call in calls:
        made = instructions[call.id]
        assert made.number == call.number, call
        for each, lowered, operand in zip(call.names, made.operands, call.operands):
            assert same(program, lowered, operand), (call.id, call.name, each, operand)
