"""The intrinsics of resident code: names that `language` knows, and turns into instructions.

As Python they do nothing. All numbers have 64 bits and a sign.
"""

from __future__ import annotations


def load8(address: int) -> int:
    """The byte there, without a sign."""
    raise NotImplementedError


def load16(address: int) -> int:
    """The 2 bytes there, without a sign."""
    raise NotImplementedError


def load32(address: int) -> int:
    """The 4 bytes there, with their sign."""
    raise NotImplementedError


def load64(address: int) -> int:
    """The 8 bytes there."""
    raise NotImplementedError


def store8(address: int, value: int) -> None:
    """The lowest byte of the value goes there."""
    raise NotImplementedError


def store16(address: int, value: int) -> None:
    """The lowest 2 bytes."""
    raise NotImplementedError


def store32(address: int, value: int) -> None:
    """The lowest 4 bytes."""
    raise NotImplementedError


def store64(address: int, value: int) -> None:
    """All 8 bytes."""
    raise NotImplementedError


def syscall(number: int, *arguments: int) -> int:
    """Make the call; its result, or minus its errno. Registers of arguments not given are as they are."""
    raise NotImplementedError


def nr(name: str) -> int:
    """The call's number on the architecture that is compiled for."""
    raise NotImplementedError


def flag(kind: str, name: str) -> int:
    """A constant out of the set `kind` of toyspec.kernel.flags."""
    raise NotImplementedError


def text(value: str) -> int:
    """The address of these bytes (UTF-8) with a NUL behind them, which nobody may write."""
    raise NotImplementedError


def room(size: int) -> int:
    """The address of so many bytes in this function's frame: not cleared, gone when it returns."""
    raise NotImplementedError


def call(address: int, a: int, b: int) -> int:
    """Call a function of the C ABI at an address that stands in a local."""
    raise NotImplementedError
