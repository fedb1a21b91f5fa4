"""An ELF file that the kernel executes as it is: a few segments, no interpreter, no libc (elf(5)).

Each part has its own fixed range of addresses, so that code can be emitted before its size is known,
and so that what has served can be let go of while the rest stays.
"""

from __future__ import annotations

import struct
from typing import Final

from toyspec.emit.machine import aarch64, x86_64

MACHINES: Final = {"x86_64": (62, x86_64, 0x1000), "aarch64": (183, aarch64, 0x10000)}
"""e_machine, the assembler, and the largest page that the kernel may have."""
_MAGIC: Final = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
_HEADER: Final = 64
_SEGMENT: Final = 56
_X, _W, _R = 1, 2, 4
_LOAD: Final = 1
_STACK: Final = 0x6474E551  # PT_GNU_STACK
PARTS: Final = {
    "resident": (0x400000, _R | _X),
    "records": (0x800000, _R | _W),
    "data": (0x10000000, _R | _W),
    "code": (0x1000000, _R | _X),
    "cold": (0x40000000, _R),
}
"""Each part's range of addresses and what it may be used for, in the file's order. aarch64 jumps 128 MiB
far, so the two that hold code lie close together.
"""
HEADERS: Final = _HEADER + (len(PARTS) + 1) * _SEGMENT
"""Bytes before the first part."""
_MOST: Final = 0x6000000


def is_box(file: bytes) -> bool:
    """Whether what a file begins with (HEADERS bytes) is how `Layout.file` begins."""
    if len(file) < HEADERS or file[: len(_MAGIC)] != _MAGIC:
        return False
    machine = struct.unpack_from("<H", file, 18)[0]
    pages = [page for number, _, page in MACHINES.values() if number == machine]
    if not pages or struct.unpack_from("<H", file, 56)[0] != len(PARTS) + 1:
        return False
    found = [
        struct.unpack_from("<IIQQ", file, _HEADER + each * _SEGMENT) for each in range(len(PARTS))
    ]
    seen = [(kind, flags, at - at % pages[0]) for kind, flags, _, at in found]
    return seen == [(_LOAD, flags, at) for at, flags in sorted(PARTS.values())]


def program(arch: str, code: bytes, entry: int) -> bytes:
    """A file that is nothing but position-independent code, and begins at its offset `entry`."""
    number, _, page = MACHINES[arch]
    at = base("resident")
    start = _HEADER + 2 * _SEGMENT
    made = _head(number, at + start + entry, 2)
    size = start + len(code)
    made += struct.pack("<IIQQQQQQ", _LOAD, _R | _X, 0, at, at, size, size, page)
    return made + _no_executable_stack() + code


def _head(machine: int, entry: int, segments: int) -> bytes:
    return _MAGIC + struct.pack(
        "<HHIQQQIHHHHHH",
        2, machine, 1, entry, _HEADER, 0, 0, _HEADER, _SEGMENT, segments, 64, 0, 0,
    )  # fmt: skip


def _no_executable_stack() -> bytes:
    return struct.pack("<IIQQQQQQ", _STACK, _R | _W, 0, 0, 0, 0, 0, 16)


def base(part: str) -> int:
    """Where a part's range begins, at the edge of a page of any size."""
    return PARTS[part][0]


def extent(arch: str, size: int) -> int:
    """How much of its range so many bytes take at most, in whole pages."""
    page = MACHINES[arch][2]
    return -(-size // page) * page + page


class Layout:
    """Where the parts lie that are done, one after the other; each is to be asked for in its turn."""

    def __init__(self, arch: str) -> None:
        self.arch = arch
        self._page = MACHINES[arch][2]
        self._end = HEADERS
        self.parts: dict[str, tuple[int, int, bytes | bytearray]] = {}

    def address(self, part: str) -> int:
        """Where the first byte of the next part will be."""
        if list(PARTS)[len(self.parts)] != part:
            raise ValueError(f"{part} is not the next part")
        return base(part) + self._offset() % self._page

    def add(self, part: str, content: bytes | bytearray) -> None:
        """The next part. Its content may change until `file`, but not its size."""
        if len(content) > _MOST:
            raise ValueError("a box of this size has no room in its addresses")
        at, offset = self.address(part), self._offset()
        self.parts[part] = at, offset, content
        self._end = offset + len(content)

    def _offset(self) -> int:
        return -(-self._end // 16) * 16

    def file(self, entry: int) -> bytes:
        """The whole file; it begins at `entry`."""
        made = bytearray(_head(MACHINES[self.arch][0], entry, len(PARTS) + 1))
        for part, (at, offset, content) in sorted(self.parts.items(), key=lambda each: each[1][0]):
            made += struct.pack(
                "<IIQQQQQQ",
                _LOAD, PARTS[part][1], offset, at, at, len(content), len(content), self._page,
            )  # fmt: skip
        made += _no_executable_stack()
        for _, offset, content in self.parts.values():
            made += bytes(offset - len(made)) + content
        return bytes(made)
