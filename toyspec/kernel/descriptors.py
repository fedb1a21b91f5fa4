"""Descriptors that come over a socket: SCM_RIGHTS (unix(7), cmsg(3))."""

from __future__ import annotations

import os
from typing import Final

from toyspec.kernel.call import Arena, syscall

_NUMBERS: Final = {"x86_64": 47, "aarch64": 212}  # recvmsg
_FLAGS: Final = 0x40000040  # MSG_CMSG_CLOEXEC | MSG_DONTWAIT
_TEXT: Final = 56  # where the parts lie, behind the msghdr
_VECTOR: Final = 64
_CONTROL: Final = 80
_SIZE: Final = 16  # of a cmsghdr, whose first word says how long it is


def receive(arch: str, socket: int, most: int) -> tuple[int, ...]:
    """Up to `most` descriptors that come with one message; fewer where fewer came.

    Raises OSError: BlockingIOError where no message waits, EOFError where none will come.
    """
    room = _SIZE + 4 * most
    vector, control = _VECTOR.to_bytes(8, "little"), _CONTROL.to_bytes(8, "little")
    one, size = (1).to_bytes(8, "little"), (-room % 8 + room).to_bytes(8, "little")
    head = bytes(16) + vector + one + control + size + bytes(8)
    text = bytes(8) + _TEXT.to_bytes(8, "little") + one
    memory = Arena(head + text + bytes(room), ((16, _VECTOR), (32, _CONTROL), (_VECTOR, _TEXT)))
    result = syscall(_NUMBERS[arch], socket, memory.address, _FLAGS)
    if result < 0:
        raise OSError(-result, "recvmsg: " + os.strerror(-result))
    if result == 0:
        raise EOFError
    length = int.from_bytes(memory.memory[_CONTROL : _CONTROL + 8], "little")
    count = max(0, min(most, (length - _SIZE) // 4))
    first = (_CONTROL + _SIZE) >> 2
    return tuple(memory.cells[first : first + count])
