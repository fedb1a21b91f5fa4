"""`without_call.py NAME PROGRAM…`: PROGRAM where the kernel answers ENFILE to one system call."""

from __future__ import annotations

import os
import sys

from tests.hosts import old_kernel
from tests.kernel_side.names import CALL_NUMBERS

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERRNO, _ENFILE = 0x7FFF0000, 0x00050000, 23

if __name__ == "__main__":
    old_kernel.FILTER = (  # type: ignore[assignment]
        (_LOAD, 0, 0, 0),
        (_EQUAL, 0, 1, CALL_NUMBERS[sys.argv[1]]),
        (_RETURN, 0, 0, _ERRNO | _ENFILE),
        (_RETURN, 0, 0, _ALLOW),
    )
    old_kernel.become_old()
    os.execvp(sys.argv[2], sys.argv[2:])
