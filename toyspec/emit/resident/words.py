"""The intrinsics of the language: what resident code says that is no call of its own.

Here they have their types; what they mean is in `language`, which compiles them.
"""

from __future__ import annotations


def load8(address: int) -> int:
    """One byte of memory, from 0 to 255."""
    raise NotImplementedError


def load16(address: int) -> int:
    """Two bytes, from 0 to 65535."""
    raise NotImplementedError


def load32(address: int) -> int:
    """Four bytes, signed."""
    raise NotImplementedError


def load64(address: int) -> int:
    """Eight bytes, signed."""
    raise NotImplementedError


def store8(address: int, value: int) -> None:
    """The lowest byte of a number into memory."""
    raise NotImplementedError


def store16(address: int, value: int) -> None:
    """The lowest two bytes."""
    raise NotImplementedError


def store32(address: int, value: int) -> None:
    """The lowest four bytes."""
    raise NotImplementedError


def store64(address: int, value: int) -> None:
    """All eight bytes."""
    raise NotImplementedError


def syscall(number: int, *arguments: int) -> int:
    """A system call of up to six arguments; its result, or minus its errno."""
    raise NotImplementedError


def nr(name: str) -> int:
    """The number of a system call, on the architecture that is compiled for."""
    raise NotImplementedError


def flag(kind: str, name: str) -> int:
    """A constant of `toyspec.kernel.flags`, likewise."""
    raise NotImplementedError


def text(value: str) -> int:
    """The address of a text that is written here, ended by a NUL."""
    raise NotImplementedError


def room(size: int) -> int:
    """The address of so many bytes of the function's own frame: the same at each pass."""
    raise NotImplementedError


def call(address: int, a: int, b: int) -> int:
    """A C function of two arguments at an address that stands in a local."""
    raise NotImplementedError
