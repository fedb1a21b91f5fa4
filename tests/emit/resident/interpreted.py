"""The intrinsics of resident code on this very process: real memory, real calls.

Importing this makes `toyspec.emit.resident`'s sources work as the Python that they are: import it
before them.
"""

from __future__ import annotations

import ctypes
import os

from toyspec.emit.resident import words
from toyspec.kernel import call, flags, syscalls

_ARCH = os.uname().machine
_KEPT: list[object] = []
_TEXTS: dict[str, int] = {}


def memory(content: bytes) -> int:
    """The address of these bytes, for as long as the process lives."""
    buffer = ctypes.create_string_buffer(content, len(content))
    _KEPT.append(buffer)
    return ctypes.addressof(buffer)


def text(value: str) -> int:
    if value not in _TEXTS:
        _TEXTS[value] = memory(value.encode() + b"\0")
    return _TEXTS[value]


def text_at(address: int) -> str:
    return ctypes.string_at(address).decode()


def numbers(*values: int) -> int:
    """The address of 8-byte numbers."""
    return memory(b"".join((value & ((1 << 64) - 1)).to_bytes(8, "little") for value in values))


def _room(size: int) -> int:
    return memory(b"\xaa" * size)  # a frame is not clean


def _syscall(number: int, *arguments: int) -> int:
    return call.syscall(number, *arguments)


def _call(address: int, a: int, b: int) -> int:
    function = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long, ctypes.c_long)(address)
    return int(function(a, b))


def _loading(kind: type[ctypes.c_ubyte | ctypes.c_ushort | ctypes.c_int | ctypes.c_long]) -> object:
    return lambda address: kind.from_address(address).value


def _store(size: int) -> object:
    def store(address: int, value: int) -> None:
        whole = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        ctypes.memmove(address, whole, size)

    return store


_INTRINSICS = {
    "load8": _loading(ctypes.c_ubyte),
    "load16": _loading(ctypes.c_ushort),
    "load32": _loading(ctypes.c_int),
    "load64": _loading(ctypes.c_long),
    "store8": _store(1),
    "store16": _store(2),
    "store32": _store(4),
    "store64": _store(8),
    "syscall": _syscall,
    "nr": lambda name: syscalls.numbers(_ARCH)[name],
    "flag": lambda kind, name: flags.flags(kind, _ARCH)[name],
    "text": text,
    "room": _room,
    "call": _call,
}

for _name, _function in _INTRINSICS.items():
    setattr(words, _name, _function)
