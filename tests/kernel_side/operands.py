"""What a register of a call holds: a number, a slot, or a pointer to known or to unwritten bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.kernel_side.constants import AARCH64, CONSTANTS

Json = dict[str, Any]

KINDS: Final[dict[int, str]] = {
    0o040000: "directory",
    0o100000: "file",
    0o120000: "symlink",
    0o140000: "socket",
    0o010000: "fifo",
    0o020000: "character device",
    0o060000: "block device",
}
"""What `expects` calls the types of inode(7)."""


class EncodeError(ValueError):
    """The plan says something that this encoder does not know."""


@dataclass(frozen=True, slots=True)
class Number:
    """A register's value, of which the kernel looks at `bits`."""

    value: int
    bits: int

    def masked(self) -> int:
        """The value as the register shows it, without the bits that the kernel ignores."""
        return self.value & ((1 << self.bits) - 1)


@dataclass(frozen=True, slots=True)
class Slot:
    """A descriptor or a pid that an earlier call returned (32 bits)."""

    name: str


@dataclass(frozen=True, slots=True)
class Memory:
    """A pointer to these bytes. `slots`: (offset, name) of int cells; `pointers`: nested memory."""

    data: bytes
    slots: tuple[tuple[int, str], ...] = ()
    pointers: tuple[tuple[int, Memory], ...] = ()


@dataclass(frozen=True, slots=True)
class Buffer:
    """A pointer to `size` bytes for the kernel to write. `fills`: (offset, slot) of int cells."""

    size: int
    fills: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Vector:
    """A pointer to pointers to NUL-terminated strings, ended by a null pointer.

    A slot among them stands for the decimal text of what it holds.
    """

    strings: tuple[bytes | Slot, ...]


Operand = Number | Slot | Memory | Buffer | Vector


def expand(text: str, variables: Mapping[str, str]) -> bytes:
    """`text` with `${NAME}` from `variables` and `$$` for a dollar sign."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else variables[found[1]]

    return re.sub(r"\$(?:\$|\{([^}]*)\})", value, text).encode("utf-8", "surrogateescape")


class Words:
    """What the words of one step mean: constants on `arch`, variables of the caller's."""

    def __init__(self, step: Json, variables: Mapping[str, str], arch: str) -> None:
        self.step = step
        self.variables = variables
        self.arch = arch

    def constant(self, name: str) -> int:
        if re.fullmatch(r"0[0-7]*", name):
            return int(name, 8)
        if self.arch == "aarch64" and name in AARCH64:
            return AARCH64[name]
        if name not in CONSTANTS:
            raise EncodeError(f"step {self.step['id']}: unknown constant {name}")
        return CONSTANTS[name]

    def flags(self, names: list[str]) -> int:
        total = 0
        for name in names:
            total |= self.constant(name)
        return total

    def number(self, fields: Json, name: str) -> int:
        """A field that is a plain number or flags; 0 where it is absent."""
        field = fields.get(name, {"int": 0})
        value = field["int"] if "int" in field else self.flags(field["flags"])
        assert isinstance(value, int)
        return value
