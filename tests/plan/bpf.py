"""Classic BPF as seccomp runs it: the kernel's checks of a filter, and what it returns for a call."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

Instruction = tuple[int, int, int, int]

X86_64, I386, AARCH64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028  # AUDIT_ARCH_*
AUDIT: Final = {"x86_64": X86_64, "x32": X86_64, "i386": I386, "aarch64": AARCH64, "arm": ARM}
LD, RET, JA, AND = 0x20, 0x06, 0x05, 0x54
JEQ, JGT, JGE, JSET = 0x15, 0x25, 0x35, 0x45
ST, STX, LDX_MEM, LD_MEM, TAX, TXA = 0x02, 0x03, 0x61, 0x60, 0x07, 0x87


@dataclass(frozen=True, slots=True)
class Call:
    """One system call as a filter sees it: struct seccomp_data, linux/seccomp.h."""

    audit: int
    number: int
    arguments: tuple[int, ...] = ()

    def data(self) -> tuple[int, ...]:
        """Its sixteen words."""
        arguments = (*self.arguments, 0, 0, 0, 0, 0, 0)[:6]
        return struct.unpack(
            "<16I", struct.pack("<IIQ6Q", self.number, self.audit, 0x7F0000001000, *arguments)
        )


def check(program: tuple[Instruction, ...]) -> None:
    """As bpf_check_classic and seccomp_check_filter do: AssertionError where those refuse."""
    assert 0 < len(program) <= 4096, len(program)
    for at, (code, yes, no, k) in enumerate(program):
        left = len(program) - at - 1
        assert 0 <= yes <= 255 and 0 <= no <= 255 and 0 <= k < 1 << 32, at
        if code == LD:
            assert k % 4 == 0 and k < 64, at
        elif code == JA:
            assert k < left, at
        elif code in (JEQ, JGT, JGE, JSET):
            assert yes < left and no < left, at
        else:
            assert code in (RET, AND), at
    assert program[-1][0] == RET


def run(program: tuple[Instruction, ...], call: Call) -> int:
    """What the filter returns."""
    return trace(program, call)[0]


def trace(program: tuple[Instruction, ...], call: Call) -> tuple[int, int]:
    """What the filter returns, and after how many instructions.

    libseccomp's filters keep words in scratch memory; ours do not, and `check` holds that.
    """
    data = call.data()
    a = x = at = steps = 0
    memory = [0] * 16
    while True:
        code, yes, no, k = program[at]
        at += 1
        steps += 1
        if code == JGE:
            at += yes if a >= k else no
        elif code == JEQ:
            at += yes if a == k else no
        elif code == LD:
            a = data[k >> 2]
        elif code == RET:
            return k, steps
        elif code == JGT:
            at += yes if a > k else no
        elif code == JSET:
            at += yes if a & k else no
        elif code == JA:
            at += k
        elif code == AND:
            a &= k
        elif code == ST:
            memory[k] = a
        elif code == STX:
            memory[k] = x
        elif code == LD_MEM:
            a = memory[k]
        elif code == LDX_MEM:
            x = memory[k]
        elif code == TAX:
            x = a
        elif code == TXA:
            a = x
        else:
            raise AssertionError(f"code {code:#x} at {at - 1}")
