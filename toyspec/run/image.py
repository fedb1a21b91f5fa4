"""The interpreter's own file, kept out of the box's reach.

While init executes its command, `/proc/self/exe` still names the interpreter that runs toyspec: a
script whose `#!` line says so runs it inside the box, and holds its file open there (CVE-2019-5736).
Who may write that file, root above all, would lend it to the box. So `up` begins again from a
sealed copy in memory: what the box could open then is nobody's file.
"""

from __future__ import annotations

import os
import sys

from toyspec.start import memory

_SELF = "/proc/self/exe"
_COPY = "/memfd:"


class ImageError(OSError):
    """The copy could not be made, or not be executed."""


def exposed() -> bool:
    """Whether the caller could write the file that this process runs; False for the copy."""
    try:
        if os.readlink(_SELF).startswith(_COPY):
            return False
        if os.statvfs(_SELF).f_flag & os.ST_RDONLY:
            return False
        mine = os.stat(_SELF).st_uid == os.geteuid()
        return mine or os.access(_SELF, os.W_OK, effective_ids=True)
    except OSError:
        return False  # without a /proc there is no link to it either, nor any box


def begin_again() -> None:
    """Run the same command line from a sealed copy; returns only where none is needed.

    Raises ImageError: the copy has no memory, or the kernel executes no memory
    (vm.memfd_noexec, sysctl vm(5)).
    """
    if not exposed():
        return
    try:
        copy = _sealed_copy()
        # From a descriptor Python finds its environment by argv[0], as from a path.
        words = [sys.executable, *sys.orig_argv[1:]]
        os.execve(copy, words, memory.passed_on(os.environ))  # noqa: S606  # ourselves
    except OSError as error:
        raise ImageError(error.errno, error.strerror) from None


def _sealed_copy() -> int:
    copy = memory.create("toyspec")
    source = os.open(_SELF, os.O_RDONLY | os.O_CLOEXEC)
    size = os.fstat(source).st_size
    done = 0
    while done < size:
        sent = os.sendfile(copy, source, done, size - done)
        if sent == 0:
            break
        done += sent
    os.close(source)
    memory.seal(copy)
    return copy
