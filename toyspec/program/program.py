"""Program: a plan lowered for one architecture. Numbers, operands, and a data segment.

A role's instructions are made in order, each in that role's process. Every way of running or
emitting a plan starts from here and needs nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toyspec.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toyspec.plan.step import Role
    from toyspec.spec.model import Text

Operand = tuple[int, int]
"""What it is, and its number."""

IMMEDIATE: Final = 0
"""The number itself, signed or unsigned, cut to 64 bits."""
ADDRESS: Final = 1
"""The address of this offset in the data."""
CELL: Final = 2
"""The 32-bit signed number at this offset in the data, as it is when the call is made."""

ZERO: Final[Operand] = (IMMEDIATE, 0)

SUPERVISE: Final = -1
"""The number of the pseudo-call `supervise`."""

NO_DESCRIPTOR: Final = -1
"""What a descriptor's cell holds before it is filled: EBADF."""
NO_PROCESS: Final = 0x7FFFFFFF
"""What a pid's cell holds before it is filled: no pid is so high, so it reaches nobody (ESRCH)."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One call.

    `step` is the id of the plan's step. `operands` are six; `names` name those that the step
    gave. `tolerates` and `retries` are errno numbers. The call must fail with errno `fails` where
    that is not 0, and return `result` where that is not None; afterwards the data at each offset
    of `memory`, and-ed with the mask, must be the wanted bytes. A result is stored in the cell
    at offset `cell` unless that is -1, and as decimal text, ended by a NUL, at offset `text` unless
    that is -1. A clone's child goes on with the role `child`.
    """

    step: int
    call: str
    number: int
    operands: tuple[Operand, Operand, Operand, Operand, Operand, Operand]
    names: tuple[str, ...]
    tolerates: tuple[int, ...]
    retries: tuple[int, ...]
    fails: int
    result: int | None
    memory: tuple[tuple[int, bytes, bytes], ...]
    cell: int
    child: Role | None
    text: int = -1


@dataclass(frozen=True, slots=True)
class Program:
    """All roles' instructions over one data segment, which each process has for itself.

    `pointers` are (offset, target): the 8 bytes at `offset` hold the address of `target`.
    `slots` are the offsets of cells by name; the pid of a role is `pid:ROLE`. `late` are (offset,
    text): the 8 bytes at `offset` hold the address of a text with variables, known when it runs.
    """

    arch: str
    roles: Mapping[Role, tuple[Instruction, ...]]
    data: bytes
    pointers: tuple[tuple[int, int], ...]
    slots: Mapping[str, int]
    late: tuple[tuple[int, Text], ...] = ()


def arguments(
    instruction: Instruction, address: int, cells: Sequence[int]
) -> tuple[int, int, int, int, int, int]:
    """The six numbers for the kernel, with the data at `address` and its 32-bit `cells`."""
    a, b, c, d, e, f = [
        number if kind == IMMEDIATE else address + number if kind == ADDRESS else cells[number >> 2]
        for kind, number in instruction.operands
    ]
    return a, b, c, d, e, f


def accepted(instruction: Instruction, result: int, memory: Sequence[int]) -> bool:
    """Is `result` (a negative errno where the call failed) what the step wants?

    `memory` is the data as it is now. Retried errnos are the executor's to try again.
    """
    if result < 0:
        return -result == instruction.fails or -result in instruction.tolerates
    if instruction.fails or (instruction.result is not None and result != instruction.result):
        return False
    for offset, mask, wanted in instruction.memory:
        for at, bits in enumerate(mask):
            if memory[offset + at] & bits != wanted[at]:
                return False
    return True
