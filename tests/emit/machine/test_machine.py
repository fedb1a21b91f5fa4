"""Every instruction is what capstone reads in it, and does the same on both architectures."""

from __future__ import annotations

import ctypes
import operator as python
import os
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emit.machine.running import (
    DATA,
    MACHINES,
    Emulated,
    Native,
    disassembled,
    runner,
    runs,
    signed,
)
from toyspec.emit.machine import aarch64, x86_64
from toyspec.emit.machine.x86_64 import R8, R9, R11, RAX, RBX, RCX, RDX, RSI, RSP

if TYPE_CHECKING:
    from collections.abc import Callable

both = pytest.mark.parametrize("arch", sorted(MACHINES))
runnable = pytest.mark.parametrize("arch", [arch for arch in sorted(MACHINES) if runs(arch)])
NUMBERS = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.integers(-300, 300),
    st.sampled_from([1 << n for n in range(63)] + [-(1 << n) for n in range(64)]),
    st.integers(-5000, 5000),
)
SMALL = st.one_of(
    st.integers(-(1 << 31), (1 << 31) - 1),
    st.integers(-300, 300),
    st.sampled_from([-4097, -4096, -4095, 4095, 4096, -129, -128, 127, 128]),
)
R12, R13 = 12, 13


def one(arch: str, write: Callable[[Any], None], at: int = 0x400000) -> list[str]:
    code = MACHINES[arch].Assembler(at)
    write(code)
    return disassembled(arch, code.finish(), at)


@pytest.mark.parametrize(
    ("value", "expected", "length"),
    [
        (0, "xor eax, eax", 2),
        (1, "mov eax, 1", 5),
        (0xFFFFFFFF, "mov eax, 0xffffffff", 5),
        (-2, "mov rax, 0xfffffffffffffffe", 7),
        (-(1 << 31), "mov rax, 0xffffffff80000000", 7),
        ((1 << 64) - 2, "mov rax, 0xfffffffffffffffe", 7),
        (1 << 32, "movabs rax, 0x100000000", 10),
    ],
)
def test_x86_64_sets_as_short_as_possible(value: int, expected: str, length: int) -> None:
    code = x86_64.Assembler()
    code.set(RAX, value)
    done = code.finish()
    assert (disassembled("x86_64", done), len(done)) == ([expected], length)


def test_x86_64_reaches_every_register() -> None:
    def write(code: x86_64.Assembler) -> None:
        code.set(R8, 0)
        code.set(R8, 7)
        code.set(R12, -3)
        code.move(R8, R12)
        code.load(R8, R12, 0, 1)
        code.load(RAX, R13, 0, 2)
        code.load(RAX, RSP, 8, 4)
        code.load(R8, RBX, 1000, 8)
        code.store(RSI, RBX, -5, 1)
        code.store(RSI, RBX, 127, 2)
        code.store(R9, RBX, 128, 4)
        code.store(RAX, RBX, 0, 8)
        code.operate_by("+", R8, 5)
        code.operate("*", R8, RCX)
        code.push(R11)
        code.pop(R12)
        code.call_by(R11)
        code.jump_by(RAX)

    assert one("x86_64", write) == [
        "xor r8d, r8d",
        "mov r8d, 7",
        "mov r12, 0xfffffffffffffffd",
        "mov r8, r12",
        "movzx r8d, byte ptr [r12]",
        "movzx eax, word ptr [r13]",
        "movsxd rax, dword ptr [rsp + 8]",
        "mov r8, qword ptr [rbx + 0x3e8]",
        "mov byte ptr [rbx - 5], sil",
        "mov word ptr [rbx + 0x7f], si",
        "mov dword ptr [rbx + 0x80], r9d",
        "mov qword ptr [rbx], rax",
        "add r8, 5",
        "imul r8, rcx",
        "push r11",
        "pop r12",
        "call r11",
        "jmp rax",
    ]


def test_fixed_addresses_are_reached() -> None:
    def write(code: x86_64.Assembler | aarch64.Assembler) -> None:
        code.load_at(1, 0x600000, 4)
        code.store_at(1, 0x600000, 8)
        code.address(1, 0x600010)
        code.call_at(0x400100)
        code.note(64, 7)

    assert one("x86_64", write) == [
        "movsxd rcx, dword ptr [rip + 0x1ffff9]",
        "mov qword ptr [rip + 0x1ffff2], rcx",
        "mov ecx, 0x600010",
        "call 0x400100",
        "mov dword ptr [rbx + 0x40], 7",
    ]
    assert one("aarch64", write) == [
        "mov x10, #0x600000",
        "ldrsw x1, [x10]",
        "mov x10, #0x600000",
        "str x1, [x10]",
        "mov x1, #0x10",
        "movk x1, #0x60, lsl #16",
        "bl #0x400100",
        "mov x9, #7",
        "str w9, [x19, #0x40]",
    ]


@both
def test_code_before_its_origin_can_be_called(arch: str) -> None:
    word = "call" if arch == "x86_64" else "bl"
    found = one(arch, lambda code: code.call_at(0x3FF000))
    assert found == [f"{word} {'' if arch == 'x86_64' else '#'}0x3ff000"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, ["mov x0, #0"]),
        (0x12340000, ["mov x0, #0x12340000"]),
        (-1, ["mov x0, #-1"]),
        (-2, ["mov x0, #-2"]),
        (0x12345678, ["mov x0, #0x5678", "movk x0, #0x1234, lsl #16"]),
        (-0x12345678, ["mov x0, #-0x5678", "movk x0, #0xedcb, lsl #16"]),
        (0xFFFF0000FFFF, ["mov x0, #0xffff", "movk x0, #0xffff, lsl #32"]),
    ],
)
def test_aarch64_sets_in_few_instructions(value: int, expected: list[str]) -> None:
    assert one("aarch64", lambda code: code.set(0, value)) == expected


def test_aarch64_reaches_memory_by_every_form() -> None:
    def write(code: aarch64.Assembler) -> None:
        code.load(1, aarch64.STACK, 32760, 8)
        code.load(1, 2, -256, 2)
        code.load(1, 2, 255, 4)
        code.load(1, 2, 100001, 1)
        code.store(3, 2, -1000, 8)
        code.move(1, aarch64.STACK)
        code.move(1, 2)

    assert one("aarch64", write) == [
        "ldr x1, [sp, #0x7ff8]",
        "ldurh w1, [x2, #-0x100]",
        "ldursw x1, [x2, #0xff]",
        "mov x10, #0x86a1",
        "movk x10, #1, lsl #16",
        "ldrb w1, [x2, x10]",
        "mov x10, #-0x3e8",
        "str x3, [x2, x10]",
        "mov x1, sp",
        "mov x1, x2",
    ]


@pytest.mark.skipif(not runs("x86_64"), reason="runs x86_64 code: this machine is none")
def test_a_system_call_is_made() -> None:
    read, write = os.pipe()
    code = x86_64.Assembler()
    text = code.label()
    code.set(x86_64.ARGUMENTS[0], write)
    code.near(x86_64.ARGUMENTS[1], text)
    code.set(x86_64.ARGUMENTS[2], 5)
    code.set(x86_64.NUMBER, 1)
    code.syscall()
    code.leave(0)
    code.place(text)
    code.bytes += b"hello"
    assert Native(code.finish()).call(0) == 5
    assert os.read(read, 10) == b"hello"
    os.close(read)
    os.close(write)


def function(arch: str, write: Callable[[Any, Any], None]) -> Native | Emulated:
    """A function of its own: `write` gets the assembler and its module."""
    machine: Any = MACHINES[arch]
    code = machine.Assembler()
    code.enter(64)
    write(code, machine)
    code.leave(64)
    return runner(arch, code.finish())


@given(NUMBERS)
@runnable
@settings(max_examples=60, deadline=None)
def test_a_constant_arrives(arch: str, value: int) -> None:
    assert function(arch, lambda code, machine: code.set(machine.RESULT, value)).call(0) == value


OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": python.add, "-": python.sub, "*": python.mul,
    "&": python.and_, "|": python.or_, "^": python.xor,
}  # fmt: skip


@given(NUMBERS, NUMBERS, SMALL, st.sampled_from(sorted(OPERATORS)))
@runnable
@settings(max_examples=150, deadline=None)
def test_arithmetic(arch: str, left: int, right: int, small: int, operator: str) -> None:
    def by_register(code: Any, machine: Any) -> None:
        code.move(machine.SCRATCH, machine.PARAMETERS[1])
        code.move(machine.RESULT, machine.PARAMETERS[0])
        code.operate(operator, machine.RESULT, machine.SCRATCH)

    def by_constant(code: Any, machine: Any) -> None:
        code.move(machine.RESULT, machine.PARAMETERS[0])
        code.operate_by(operator, machine.RESULT, small)

    def offset(code: Any, machine: Any) -> None:
        code.offset(machine.RESULT, machine.PARAMETERS[1], small)
        code.offset(machine.RESULT, machine.RESULT, 5)

    assert function(arch, offset).call(0, right, left) == signed(left + small + 5)
    found = function(arch, by_register).call(0, left, right)
    assert found == signed(OPERATORS[operator](left, right))
    expected = signed(OPERATORS[operator](left, small))
    assert function(arch, by_constant).call(0, left) == expected


@given(NUMBERS, st.integers(0, 63), st.sampled_from(["<<", ">>"]))
@runnable
@settings(max_examples=60, deadline=None)
def test_shifts(arch: str, left: int, count: int, operator: str) -> None:
    def by_register(code: Any, machine: Any) -> None:
        code.move(machine.SCRATCH, machine.PARAMETERS[0])
        code.move(1, machine.PARAMETERS[1])
        code.shift(operator, machine.SCRATCH)
        code.move(machine.RESULT, machine.SCRATCH)

    def by_constant(code: Any, machine: Any) -> None:
        code.move(machine.RESULT, machine.PARAMETERS[0])
        code.operate_by(operator, machine.RESULT, count)

    expected = signed(left << count if operator == "<<" else left >> count)
    assert function(arch, by_register).call(0, left, count) == expected
    assert function(arch, by_constant).call(0, left) == expected


@given(st.integers(0, (1 << 63) - 1), st.integers(1, (1 << 63) - 1) | st.integers(1, 50))
@runnable
@settings(max_examples=60, deadline=None)
def test_division(arch: str, left: int, right: int) -> None:
    def write(operator: str) -> Callable[[Any, Any], None]:
        def inner(code: Any, machine: Any) -> None:
            code.move(machine.SCRATCH, machine.PARAMETERS[1])
            code.move(machine.RESULT, machine.PARAMETERS[0])
            code.divide(operator, machine.SCRATCH)

        return inner

    assert function(arch, write("//")).call(0, left, right) == left // right
    assert function(arch, write("%")).call(0, left, right) == left % right


CONDITIONS: dict[str, Callable[[int, int], bool]] = {
    "==": python.eq, "!=": python.ne, "<": python.lt, "<=": python.le, ">": python.gt, ">=": python.ge,
    "below": lambda a, b: a % (1 << 64) < b % (1 << 64),
    "above or equal": lambda a, b: a % (1 << 64) >= b % (1 << 64),
}  # fmt: skip


@given(NUMBERS, NUMBERS, SMALL, st.sampled_from(sorted(CONDITIONS)), st.booleans())
@runnable
@settings(max_examples=200, deadline=None)
def test_conditions(
    arch: str, left: int, right: int, small: int, condition: str, far: bool
) -> None:
    def write(constant: bool, truth: bool) -> Callable[[Any, Any], None]:
        def inner(code: Any, machine: Any) -> None:
            first, second = machine.PARAMETERS[:2]
            code.compare_to(first, small) if constant else code.compare(first, second)
            if truth:
                code.truth(condition, machine.RESULT)
                return
            yes, end = code.label(), code.label()
            (code.branch_far if far else code.branch)(condition, yes)
            code.set(machine.RESULT, 0)
            code.jump(end)
            code.place(yes)
            code.set(machine.RESULT, 1)
            code.place(end)

        return inner

    for truth in (False, True):
        found = function(arch, write(False, truth)).call(0, left, right)
        assert found == int(CONDITIONS[condition](left, right))
        found = function(arch, write(True, truth)).call(0, left)
        assert found == int(CONDITIONS[condition](left, small))


@pytest.mark.parametrize(
    "value", [-4097, -4096, -4095, -1, 0, 1, 1 << 62, -(1 << 63), 0x7F0000001000]
)
@runnable
def test_what_is_an_errno(arch: str, value: int) -> None:
    def write(code: Any, machine: Any) -> None:
        yes, end = code.label(), code.label()
        code.move(machine.RESULT, machine.PARAMETERS[0])
        code.branch_if_failed(yes)
        code.set(machine.RESULT, 0)
        code.jump(end)
        code.place(yes)
        code.set(machine.RESULT, 1)
        code.place(end)

    assert function(arch, write).call(0, value) == int(-4095 <= value <= -1)


@runnable
def test_memory_of_every_size(arch: str) -> None:
    def write(code: Any, machine: Any) -> None:
        base = machine.PARAMETERS[0]
        for index, size in enumerate((1, 2, 4, 8)):
            code.load(machine.SCRATCH, base, 64, size)
            code.store(machine.SCRATCH, base, 8 * index, 8)
            code.set(machine.SCRATCH, -2)
            code.store(machine.SCRATCH, base, 128 + 8 * index, size)

    before = b"\xff" * 64 + bytes.fromhex("f1e2d3c4b5a69788") + bytes(256)
    code = function(arch, write)
    if isinstance(code, Emulated):
        code.engine.mem_write(DATA, before)
        code.call(0, DATA)
        after = bytes(code.engine.mem_read(DATA, len(before)))
    else:
        memory = ctypes.create_string_buffer(before, len(before))
        code.call(0, ctypes.addressof(memory))
        after = memory.raw
    assert struct.unpack_from("<4q", after) == (
        0xF1,
        0xE2F1,
        signed(0xFFFFFFFFC4D3E2F1),
        signed(0x8897A6B5C4D3E2F1),
    )
    for index, size in enumerate((1, 2, 4, 8)):
        place = 128 + 8 * index
        stored = -2 & ((1 << 8 * size) - 1)
        assert after[place : place + 8] == stored.to_bytes(8, "little")


@runnable
@pytest.mark.parametrize("distance", [0, 100, 116, 120, 124, 128, 4000, 40000])
def test_jumps_reach_near_and_far(arch: str, distance: int) -> None:
    nothing = bytes.fromhex("1f2003d5" if arch == "aarch64" else "90909090")

    def write(code: Any, machine: Any) -> None:
        back, over, end = code.label(), code.label(), code.label()
        code.jump(over)
        code.place(back)
        code.set(machine.RESULT, 42)
        code.jump(end)
        code.bytes += bytes(distance)
        code.place(over)
        code.compare_to(machine.PARAMETERS[0], 0)
        code.branch("==", back)
        code.bytes += nothing * (distance // 4)
        code.place(end)

    assert function(arch, write).call(0, 0) == 42


@given(st.data())
@runnable
@settings(max_examples=80, deadline=None)
def test_a_walk_over_many_jumps_ends_where_it_should(arch: str, data: st.DataObject) -> None:
    """Blocks at random distances, each adding its number and jumping to the next in a random order."""
    count = data.draw(st.integers(2, 12))
    order = data.draw(st.permutations(range(count)))
    gaps = [4 * data.draw(st.sampled_from([0, 0, 1, 20, 27, 28, 29, 30, 31, 200])) for _ in order]

    def write(code: Any, machine: Any) -> None:
        labels = [code.label() for _ in range(count + 1)]
        code.set(machine.RESULT, 0)
        code.set(machine.SCRATCH, 0)
        code.jump(labels[order[0]])
        for block in range(count):
            code.bytes += bytes(gaps[block])
            code.place(labels[block])
            following = order.index(block) + 1
            to = labels[order[following] if following < count else count]
            code.operate_by("+", machine.RESULT, 1 << block)
            code.compare_to(machine.SCRATCH, 0)
            code.branch("==", to)
            code.jump(labels[0])
        code.place(labels[count])

    assert function(arch, write).call(0) == (1 << count) - 1


def test_jumps_are_as_short_as_they_can() -> None:
    code = x86_64.Assembler()
    labels = [code.label() for _ in range(3)]
    for label in labels:
        code.jump(label)
    code.bytes += b"\x90" * 123
    code.place(labels[0])
    code.place(labels[1])
    code.bytes += b"\x90" * 2
    code.place(labels[2])
    assert (
        len(code.finish()) == 3 * 2 + 125
    )  # the first reaches 127 bytes, with two short ones before it
    assert [label.offset for label in labels] == [129, 129, 131]


@both
def test_equal_calls_give_equal_bytes(arch: str) -> None:
    def made() -> bytes:
        code = MACHINES[arch].Assembler(0x400000)
        again = code.label()
        code.place(again)
        code.enter(48)
        code.call(again)
        code.leave(48)
        return bytes(code.finish())

    assert made() == made()


@both
def test_what_goes_wrong_is_said(arch: str) -> None:
    code = MACHINES[arch].Assembler()
    twice = code.label()
    code.place(twice)
    with pytest.raises(ValueError, match="one place"):
        code.place(twice)
    code.jump(code.label())
    with pytest.raises(ValueError, match="leads nowhere"):
        code.finish()


def test_what_aarch64_cannot_reach_is_said() -> None:
    code = aarch64.Assembler()
    far = code.label()
    code.branch("==", far)
    code.bytes += bytes(1 << 20)
    code.place(far)
    with pytest.raises(ValueError, match="too far"):
        code.finish()


def test_the_registers_that_calls_lose_are_not_kept_ones() -> None:
    assert {RCX, R11} & {x86_64.PAGE, x86_64.COUNTER, x86_64.FRAME} == set()
    assert RDX in x86_64.ARGUMENTS
    assert aarch64.ARGUMENTS[0] == aarch64.RESULT
