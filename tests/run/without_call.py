"""`without_call.py NAME[=NUMBER] PROGRAM…`: PROGRAM where the kernel answers ENFILE to one system call, or
to those of it whose second argument is that number.
"""

from __future__ import annotations

import os
import sys

from tests.hosts import old_kernel
from tests.kernel_side.names import CALL_NUMBERS

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERRNO, _ENFILE = 0x7FFF0000, 0x00050000, 23
_SECOND = 24  # where the second argument's lower half lies (struct seccomp_data)

if __name__ == "__main__":
    name, _, second = sys.argv[1].partition("=")
    told = ((_LOAD, 0, 0, _SECOND), (_EQUAL, 0, 1, int(second))) if second else ()
    old_kernel.FILTER = (
        (_LOAD, 0, 0, 0),
        (_EQUAL, 0, 1 + len(told), CALL_NUMBERS[name]),
        *told,
        (_RETURN, 0, 0, _ERRNO | _ENFILE),
        (_RETURN, 0, 0, _ALLOW),
    )
    old_kernel.become_old()
    os.execvp(sys.argv[2], sys.argv[2:])
