"""Many boxes: at once, alive, and what their waiting processes hold in memory."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.measure import FailedError, reap, start

STAYS: Final = ("/bin/sh", "-c", "echo; exec sleep 1000")
"""A program that says that it runs, and then waits."""
_PATIENCE: Final = 120.0  # seconds that boxes have to begin


@dataclass(slots=True)
class Standing:
    """Boxes that stand: the pids of what was started, and how long that took in ms."""

    pids: list[int]
    took: float


def stand(argv: list[str], environment: Mapping[str, str], count: int) -> Standing:
    """Start `count` boxes of `STAYS`, and wait until each one's program runs."""
    read, write = os.pipe()
    os.set_inheritable(write, False)
    os.set_blocking(read, False)
    began = time.monotonic()
    pids: list[int] = []
    said = 0
    try:
        for _ in range(count):
            pids.append(start(argv, environment, write))
        while said < count:
            try:
                said += len(os.read(read, count))
            except BlockingIOError:
                time.sleep(0.0005)
            if time.monotonic() - began > _PATIENCE:
                raise FailedError(f"only {said} of {count} boxes stood after {_PATIENCE:.0f} s")
    except BaseException:
        reap(pids)
        raise
    finally:
        os.close(read)
        os.close(write)
    return Standing(pids, round((time.monotonic() - began) * 1000, 3))


def memory(argv: list[str], environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each process that waits for a box: its program, and Pss in kB (None where it may not be read)."""
    standing = stand(argv, environment, 1)
    try:
        time.sleep(0.2)
        (pid,) = standing.pids
        found = []
        for each in family(pid):
            words = Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0")
            if words[0] != b"sleep":
                found.append({"program": os.path.basename(os.fsdecode(words[0])), "kB": pss(each)})
        return found
    finally:
        end(standing)


def alive(argv: list[str], environment: Mapping[str, str], count: int) -> dict[str, Any]:
    """`count` boxes at once: ms until all stand, their processes, and Pss in kB of those that wait."""
    standing = stand(argv, environment, count)
    try:
        processes = [each for pid in standing.pids for each in family(pid)]
        held = [pss(each) for each in processes if _waits(each)]
        known = [each for each in held if each is not None]
        whole = sum(known) if len(known) == len(held) else None
        return {"ms": standing.took, "processes": len(processes), "kB": whole}
    finally:
        end(standing)


def _waits(pid: int) -> bool:
    return not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep\0")


def end(standing: Standing) -> None:
    """Kill the boxes, also those that outlive whoever made them; FailedError where some stay."""
    processes = [each for pid in standing.pids for each in family(pid)]
    reap(standing.pids)
    began = time.monotonic()
    while left := [each for each in processes if _runs(each)]:
        waited = time.monotonic() - began
        if waited > _PATIENCE:
            raise FailedError(f"{len(left)} processes outlived their boxes")
        if waited > 1:
            for each in left:
                os.kill(each, signal.SIGKILL)
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def family(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return
    for child in children:
        yield from family(int(child))


def pss(pid: int) -> float | None:
    """Proportional set size in kB (proc(5), smaps_rollup); None where it may not be read."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((float(line.split()[1]) for line in lines if line.startswith("Pss:")), None)
