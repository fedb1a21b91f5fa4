"""The intrinsics."""

from __future__ import annotations


def load8(address: int) -> int:
    raise NotImplementedError


def load16(address: int) -> int:
    raise NotImplementedError


def load32(address: int) -> int:
    raise NotImplementedError


def load64(address: int) -> int:
    raise NotImplementedError


def store8(address: int, value: int) -> None:
    raise NotImplementedError


def store16(address: int, value: int) -> None:
    raise NotImplementedError


def store32(address: int, value: int) -> None:
    raise NotImplementedError


def store64(address: int, value: int) -> None:
    raise NotImplementedError


def syscall(number: int, *arguments: int) -> int:
    raise NotImplementedError


def nr(name: str) -> int:
    raise NotImplementedError


def flag(kind: str, name: str) -> int:
    raise NotImplementedError


def text(value: str) -> int:
    raise NotImplementedError


def room(size: int) -> int:
    raise NotImplementedError


def call(address: int, a: int, b: int) -> int:
    raise NotImplementedError
