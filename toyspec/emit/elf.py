"""An ELF file that the kernel executes as it is: two segments, no interpreter, no libc (elf(5)).

What is written and what is not have each their own fixed range of addresses. More segments would be
more mappings for each of the processes to make, to copy and to end, and more page faults.
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
_WRITTEN: Final = (0x10000000, _R | _W)
_KEPT: Final = (0x400000, _R | _X)
PARTS: Final = {
    "records": _WRITTEN, "data": _WRITTEN, "resident": _KEPT, "code": _KEPT, "cold": _KEPT,
}  # fmt: skip
"""Each part's segment, in the file's order: where its range of addresses begins, and what it may be
used for. aarch64 jumps 128 MiB far, so the two that hold code lie side by side.
"""
_SEGMENTS: Final = sorted({*PARTS.values()})
HEADERS: Final = _HEADER + (len(_SEGMENTS) + 1) * _SEGMENT
"""Bytes before the first part."""
_MOST: Final = 0x6000000
"""Bytes of one part: aarch64 jumps that far from one that holds code into the next."""
_END: Final = 0x40000000
"""Where the last segment's range ends."""


def is_box(file: bytes) -> bool:
    """Whether what a file begins with (HEADERS bytes) is how `Layout.file` begins."""
    if len(file) < HEADERS or file[: len(_MAGIC)] != _MAGIC:
        return False
    machine = struct.unpack_from("<H", file, 18)[0]
    pages = [page for number, _, page in MACHINES.values() if number == machine]
    if not pages or struct.unpack_from("<H", file, 56)[0] != len(_SEGMENTS) + 1:
        return False
    found = [
        struct.unpack_from("<IIQQ", file, _HEADER + each * _SEGMENT)
        for each in range(len(_SEGMENTS))
    ]
    seen = [(kind, flags, at - at % pages[0]) for kind, flags, _, at in found]
    return seen == [(_LOAD, flags, at) for at, flags in _SEGMENTS]


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
    """Where a part's segment begins, at the edge of a page of any size."""
    return PARTS[part][0]


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
        offset = self._offset()
        begin = next((first for first, _, _ in self._of(PARTS[part])), offset)
        return base(part) + begin % self._page + offset - begin

    def within(self, part: str) -> tuple[int, int]:
        """The whole pages in which there is nothing but `part`, or what no other part needs: where they
        begin, and how many bytes they are.
        """
        at, _, content = self.parts[part]
        last = part == [name for name in PARTS if PARTS[name] == PARTS[part]][-1]
        begin, end = -(-at // self._page), at + len(content)
        pages = (-(-end // self._page) if last else end // self._page) - begin
        return begin * self._page, max(pages, 0) * self._page

    def add(self, part: str, content: bytes | bytearray) -> None:
        """The next part. Its content may change until `file`, but not its size."""
        at, offset = self.address(part), self._offset()
        later = [begin for begin, _ in _SEGMENTS if begin > base(part)]
        if len(content) > _MOST or at + len(content) > min(later, default=_END) - self._page:
            raise ValueError("a box of this size has no room in its addresses")
        self.parts[part] = at, offset, content
        self._end = offset + len(content)

    def _of(self, segment: tuple[int, int]) -> list[tuple[int, int, int]]:
        """Offset, address and size of the segment's parts that there are."""
        return [
            (offset, at, len(content))
            for part, (at, offset, content) in self.parts.items()
            if PARTS[part] == segment
        ]

    def _offset(self) -> int:
        return -(-self._end // 16) * 16

    def file(self, entry: int) -> bytes:
        """The whole file; it begins at `entry`."""
        made = bytearray(_head(MACHINES[self.arch][0], entry, len(_SEGMENTS) + 1))
        for segment in _SEGMENTS:
            (offset, at, _), *_ = parts = self._of(segment)
            size = parts[-1][0] + parts[-1][2] - offset
            made += struct.pack(
                "<IIQQQQQQ", _LOAD, segment[1], offset, at, at, size, size, self._page
            )
        made += _no_executable_stack()
        for _, offset, content in self.parts.values():
            made += bytes(offset - len(made)) + content
        return bytes(made)
