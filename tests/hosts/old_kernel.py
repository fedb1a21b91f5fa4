"""Run a program as on Linux 5.10: `python -m tests.hosts.old_kernel PROGRAM [ARGUMENT…]`.

A seccomp filter answers ENOSYS to every system call that is newer than 5.10's last one,
process_madvise, and EINVAL to close_range(2) with CLOSE_RANGE_CLOEXEC, as that kernel does. It
holds for everything that the program starts. Nothing else of 5.10 is imitated.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys

LAST_CALL = 440  # process_madvise(2), Linux 5.10; the same number on every architecture since
CLOSE_RANGE, CLOEXEC = 436, 4

_LOAD, _EQUAL, _GREATER, _SET, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_NR, _FLAGS = 0, 32  # offsets in struct seccomp_data; close_range's flags are its third argument
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_ENOSYS, _EINVAL = 38, 22
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2

FILTER = (
    (_LOAD, 0, 0, _NR),
    (_GREATER, 4, 0, LAST_CALL),
    (_EQUAL, 0, 2, CLOSE_RANGE),
    (_LOAD, 0, 0, _FLAGS),
    (_SET, 2, 0, CLOEXEC),
    (_RETURN, 0, 0, _ALLOW),
    (_RETURN, 0, 0, _ERRNO | _ENOSYS),
    (_RETURN, 0, 0, _ERRNO | _EINVAL),
)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def become_old() -> None:
    """Install the filter in this process. Root keeps its privileges; others get no_new_privs."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in FILTER))
    program = _Program(len(FILTER), ctypes.addressof(code))
    if os.geteuid() != 0 and libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")


if __name__ == "__main__":
    become_old()
    os.execvp(sys.argv[1], sys.argv[1:])
