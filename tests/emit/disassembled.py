"""What machine code asks of the kernel, read back by a disassembler that knows nothing of toyspec.

Straight-line code is followed from its first byte to its last, past every conditional jump: what its
registers hold is known at each system call, or comes from a cell of memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import capstone  # type: ignore[import-untyped]

CELL = "cell"
ARGUMENTS = {
    "x86_64": ("rdi", "rsi", "rdx", "r10", "r8", "r9"),
    "aarch64": ("x0", "x1", "x2", "x3", "x4", "x5"),
}
NUMBER = {"x86_64": "rax", "aarch64": "x8"}
_WHOLE = {
    **{f"e{each}": f"r{each}" for each in ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp")},
    **{f"r{number}d": f"r{number}" for number in range(8, 16)},
    **{f"w{number}": f"x{number}" for number in range(31)},
}
_MASK = (1 << 64) - 1

_FROM_NEXT = re.compile(r"rip ([+-]) (0x[0-9a-f]+|[0-9]+)")

Known = int | tuple[str, int]
"""A number, or (CELL, address): the 4 bytes there, with their sign."""


class Made(NamedTuple):
    """One system call: its number, and what is known of each argument's register."""

    number: Known | None
    arguments: tuple[Known | None, ...]


def calls(arch: str, code: bytes, address: int) -> Iterator[Made]:
    """Every system call of the code, in order. AssertionError where a byte is no instruction."""
    engine = (
        capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        if arch == "x86_64"
        else capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)
    )
    registers: dict[str, Known] = {}
    done = 0
    for at, size, mnemonic, said in engine.disasm_lite(code, address):
        done += size
        text = _FROM_NEXT.sub(lambda found: hex(at + size + int(found[1] + found[2], 0)), said)  # noqa: B023
        words = [word.strip() for word in text.split(",")]
        if mnemonic in ("syscall", "svc"):
            names = (NUMBER[arch], *ARGUMENTS[arch])
            number, *arguments = (registers.get(name) for name in names)
            yield Made(number, tuple(arguments))
            registers.clear()
        elif mnemonic in ("call", "bl"):
            registers.clear()
        else:
            _follow(mnemonic, words, registers)
    assert done == len(code), f"{len(code) - done} bytes are no instructions"


def _follow(mnemonic: str, words: list[str], registers: dict[str, Known]) -> None:
    target = _WHOLE.get(words[0], words[0])
    if mnemonic in ("mov", "movabs", "movz", "movn") and len(words) >= 2:
        source = _WHOLE.get(words[1], words[1])
        if words[1].lstrip("#-").startswith(tuple("0123456789")):
            number = int(words[1].lstrip("#"), 0)
            if len(words) == 3:
                number <<= int(words[2].removeprefix("lsl #"))
            registers[target] = number & _MASK
        elif source in registers:
            registers[target] = registers[source]
        else:
            registers.pop(target, None)
    elif mnemonic == "movk":
        shift = int(words[2].removeprefix("lsl #")) if len(words) == 3 else 0
        before = registers[target]
        assert isinstance(before, int)
        number = int(words[1].lstrip("#"), 0)
        registers[target] = before & ~(0xFFFF << shift) | number << shift
    elif mnemonic == "xor" and words[0] == words[1]:
        registers[target] = 0
    elif mnemonic in ("movsxd", "ldrsw"):
        registers[target] = CELL, _place(words[1], registers)
    elif not mnemonic.startswith(("cmp", "test", "j", "b", "str", "push")):
        registers.pop(target, None)


def _place(text: str, registers: dict[str, Known]) -> int:
    """`dword ptr [0x402000]`, `[x10]`."""
    inner = text[text.index("[") + 1 : text.index("]")]
    if inner.startswith("0x"):
        return int(inner, 0)
    found = registers.get(inner, -1)
    return found if isinstance(found, int) else -1
