"""An ELF file that the kernel executes as it is: three segments, no interpreter, no libc (elf(5)).

In the file's order: headers, what is written while it runs, code, what is only read now and then. Each
segment has its own fixed range of addresses, so that code can be emitted before its size is known.
"""

from __future__ import annotations

import struct
from typing import Final

from toyspec.emit.machine import aarch64, x86_64

MACHINES: Final = {"x86_64": (62, x86_64, 0x1000), "aarch64": (183, aarch64, 0x10000)}
"""e_machine, the assembler, and the largest page that the kernel may have."""
CODE: Final = 0x400000
DATA: Final = 0x20000000
COLD: Final = 0x40000000
_HEADER: Final = 64
_SEGMENT: Final = 56
_HEADERS: Final = _HEADER + 4 * _SEGMENT
_X, _W, _R = 1, 2, 4
_LOAD: Final = 1
_STACK: Final = 0x6474E551  # PT_GNU_STACK


def data_address() -> int:
    """Where the first byte of the data will be."""
    return DATA + _HEADERS


def code_address(arch: str, data_size: int) -> int:
    """Where the first byte of the code will be, behind so many bytes of data."""
    return CODE + _code_offset(data_size) % MACHINES[arch][2]


def cold_address(arch: str, data_size: int, code_size: int) -> int:
    """Where the first byte of what is only read will be."""
    return COLD + _cold_offset(data_size, code_size) % MACHINES[arch][2]


def _code_offset(data_size: int) -> int:
    return -(-(_HEADERS + data_size) // 16) * 16


def _cold_offset(data_size: int, code_size: int) -> int:
    return -(-(_code_offset(data_size) + code_size) // 16) * 16


def file(arch: str, entry: int, data: bytes, code: bytes, cold: bytes) -> bytes:
    """The whole file. ValueError where a part has outgrown its range of addresses."""
    machine, _, page = MACHINES[arch]
    at_code, at_cold = _code_offset(len(data)), _cold_offset(len(data), len(code))
    if len(code) >= DATA - CODE - page or len(data) >= COLD - DATA - page:
        raise ValueError("a box of this size has no room")
    segments = [
        (_LOAD, _R | _W, _HEADERS, data_address(), len(data), page),
        (_LOAD, _R | _X, at_code, code_address(arch, len(data)), len(code), page),
        (_LOAD, _R, at_cold, cold_address(arch, len(data), len(code)), len(cold), page),
        (_STACK, _R | _W, 0, 0, 0, 16),
    ]
    made = bytearray(b"\x7fELF\x02\x01\x01".ljust(16, b"\0"))
    made += struct.pack(
        "<HHIQQQIHHHHHH",
        2, machine, 1, entry, _HEADER, 0, 0, _HEADER, _SEGMENT, len(segments), 64, 0, 0,
    )  # fmt: skip
    for kind, flags, offset, address, size, align in segments:
        made += struct.pack("<IIQQQQQQ", kind, flags, offset, address, address, size, size, align)
    made += data
    made += bytes(at_code - len(made)) + code
    made += bytes(at_cold - len(made)) + cold
    return bytes(made)
