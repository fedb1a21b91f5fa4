"""The one way to call the kernel with numbers: `syscall`, and memory at a known address.

Nothing here makes a call of its own between two of the caller's, but for what Python's allocator
asks (brk, anonymous mmap and munmap). So a child of a raw `clone` shows nothing else in a kernel
trace, as long as the caller has the garbage collector off and runs no destructors that call.
"""

from __future__ import annotations

import ctypes
import mmap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# PyDLL keeps the GIL: no lock to take back in a child of clone, and no futex.
_libc: Final = ctypes.PyDLL(None, use_errno=True)
_syscall: Final = _libc.syscall
_syscall.argtypes = [ctypes.c_long] * 7
_syscall.restype = ctypes.c_long
_get_errno: Final = ctypes.get_errno


def syscall(
    number: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0, e: int = 0, f: int = 0
) -> int:
    """Make the call and return its result, or minus its errno. Raises nothing.

    Integers are cut to 64 bits. The GIL is kept while it blocks: no thread may be waited for.
    """
    result: int = _syscall(number, a, b, c, d, e, f)
    return result if result != -1 else -_get_errno()


def warm() -> None:
    """Have ctypes make what it makes once: before the first fork, never after."""
    syscall(-1)


def overwrite(address: int, size: int, text: bytes) -> None:
    """Memory of this process: `text`, cut to `size` bytes, then NULs to the end of them."""
    ctypes.memset(address, 0, size)
    ctypes.memmove(address, text, min(len(text), size))


class Arena:
    """Private writable memory at a fixed address: a program's data, its pointers filled in.

    `address` is where it begins. A child of `clone` has its own copy at the same address.
    `cells` shows it as 32-bit signed numbers: the slot at offset `o` is `cells[o // 4]`.
    """

    __slots__ = ("_map", "address", "cells", "memory")

    def __init__(self, data: bytes, pointers: Iterable[tuple[int, int]] = ()) -> None:
        size = max(mmap.PAGESIZE, -(-len(data) // mmap.PAGESIZE) * mmap.PAGESIZE)
        self._map = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._map[: len(data)] = data
        self.address: int = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        self.memory = memoryview(self._map)
        self.cells = self.memory.cast("i")
        words = self.memory.cast("Q")
        for offset, target in pointers:
            words[offset // 8] = self.address + target
