"""Work in a process of its own, which owns every process that it leaves: none may be left."""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, Final, TypeVar

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_SUBREAPER: Final = 36
_WALL: Final = 0x40000000

T = TypeVar("T")


def isolated(work: Callable[[], T]) -> T:
    """`work()` in a process of its own, which owns every process that it leaves: none may be left.

    A tracer waits for any child, which must not be somebody else's.
    """
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _LIBC.prctl(_SUBREAPER, 1, 0, 0, 0)
        try:
            answer: tuple[bool, Any] = (True, work())
        except BaseException:  # noqa: BLE001, RUF100 - it is shown by the parent
            answer = (False, traceback.format_exc())
        left = leftovers()
        if left and answer[0]:
            answer = (False, f"processes left: {left}")
        with os.fdopen(writer, "wb") as out:
            pickle.dump(answer, out)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as source:
        data = source.read()
    os.waitpid(pid, 0)
    if not data:
        raise ChildProcessError("the tracer died")
    good, value = pickle.loads(data)
    if not good:
        raise AssertionError(f"in the tracer's process:\n{value}")
    result: T = value
    return result


def children() -> list[int]:
    """The pids of this process's children, zombies too."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                parent = file.read().rpartition(")")[2].split()[1]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == os.getpid():
            found.append(int(name))
    return found


def leftovers() -> list[str]:
    """Children of this process that still run, killed now, each as `pid comm`."""
    left: list[str] = []
    while True:
        try:
            found = os.waitpid(-1, os.WNOHANG | _WALL)[0]
        except ChildProcessError:
            return left
        if found:
            continue
        for pid in children():
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                left.append(f"{pid} {file.read().strip()}")
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
