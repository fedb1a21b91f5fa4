"""Many boxes: at once, alive, and what their waiting processes hold in memory."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.measure import FailedError, start

STAYS: Final = ("/bin/sh", "-c", "echo; exec sleep 1000")
"""A program that says that it runs, and then waits."""
_PATIENCE: Final = 60.0  # seconds that boxes have to begin


@dataclass(slots=True)
class Standing:
    """Boxes that stand: the processes that were there before, and how long it took in ms."""

    before: set[int]
    took: float


def adopt() -> None:
    """Whatever loses its parent comes to this process (prctl(2), PR_SET_CHILD_SUBREAPER): nothing
    that a peer leaves behind is out of sight.
    """
    if ctypes.CDLL(None).prctl(36, 1, 0, 0, 0):
        raise OSError("no subreaper")


def below() -> set[int]:
    """Every process that this one started, and theirs."""
    return {*family(os.getpid())} - {os.getpid()}


def stand(argv: list[str], environment: Mapping[str, str], count: int) -> Standing:
    """Start `count` boxes of `STAYS`, and wait until each one's program runs."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    before = below()
    began = time.monotonic()
    said = 0
    try:
        pids = {start(argv, environment, write) for _ in range(count)}
        while said < count:
            try:
                said += len(os.read(read, count))
            except BlockingIOError:
                time.sleep(0.0005)
            late = time.monotonic() - began > _PATIENCE
            if late or any(ended in pids for ended in reaped()):
                raise FailedError(f"only {said} of {count} boxes stood")
    except BaseException:
        end(before)
        raise
    finally:
        os.close(read)
        os.close(write)
    return Standing(before, round((time.monotonic() - began) * 1000, 3))


def reaped() -> Iterator[int]:
    """The children that ended, now waited for."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid


def memory(argv: list[str], environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each process that waits for a box: its program, and Pss in kB (None where it may not be read)."""
    standing = stand(argv, environment, 1)
    try:
        time.sleep(0.2)
        waiting = sorted(each for each in below() - standing.before if _waits(each))
        return [{"program": _program(each), "kB": pss(each)} for each in waiting]
    finally:
        end(standing.before)


def alive(argv: list[str], environment: Mapping[str, str], count: int) -> dict[str, Any]:
    """`count` boxes at once: ms until all stand, their processes, and Pss in kB of those that wait."""
    standing = stand(argv, environment, count)
    try:
        time.sleep(0.2)  # what has served is let go of soon, not at once
        processes = below() - standing.before
        held = [pss(each) for each in processes if _waits(each)]
        known = [each for each in held if each is not None]
        whole = sum(known) if len(known) == len(held) else None
        return {"ms": standing.took, "processes": len(processes), "kB": whole}
    finally:
        end(standing.before)


def _program(pid: int) -> str:
    return os.path.basename(os.fsdecode(_words(pid)[0]))


def _waits(pid: int) -> bool:
    return _words(pid)[0] not in (b"sleep", b"")


def _words(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def end(before: Container[int] = ()) -> None:
    """Kill whatever was started since `before`: first the boxes' outermost processes, then all."""
    began = time.monotonic()
    for each in children(os.getpid()):
        if each not in before:
            os.kill(each, signal.SIGKILL)
    while left := [each for each in below() if each not in before and _runs(each)]:
        waited = time.monotonic() - began
        if waited > _PATIENCE:
            raise FailedError(f"{len(left)} processes cannot be ended")
        if waited > 1:
            for each in left:
                os.kill(each, signal.SIGKILL)
        for _ in reaped():
            pass
        time.sleep(0.02)
    for _ in reaped():
        pass


def children(pid: int) -> list[int]:
    """The processes whose parent a process is (proc(5))."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def family(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    yield pid
    for child in children(pid):
        yield from family(child)


def pss(pid: int) -> float | None:
    """Proportional set size in kB (proc(5), smaps_rollup); None where it may not be read."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((float(line.split()[1]) for line in lines if line.startswith("Pss:")), None)
