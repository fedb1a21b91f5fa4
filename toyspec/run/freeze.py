"""A box that holds still: while the caller's shell has the terminal, nothing in it runs.

Stopping PID 1 alone leaves the rest: a process that stayed could take the terminal's foreground and
read what is typed at the shell, or end the process that would end the box.
"""

from __future__ import annotations

import os
import signal
import time

from toyspec.run.ending import kill
from toyspec.values import dataclass

_HELD = b"TtZX"  # states of proc_pid_stat(5): stopped, traced, ended
_PATIENCE = 250  # ms that those who were told to stop are waited for: some sleep deeply
_MOST_PASSES = 1000  # each finds what was forked during the one before


def freeze(init: int) -> list[int]:
    """Stop every process of the box; returns those that ran, for `thaw`.

    It is waited until they hold still: one that reads the terminal, and was told while it slept
    there, would yet take what is typed at the shell.

    All descend from init: the kernel gives it the orphans of its namespace, unless that was joined.
    """
    stopped: dict[int, None] = {}
    waited = 0
    for _ in range(_MOST_PASSES):
        running = _running(init)
        if not running or waited >= _PATIENCE:
            break
        told = len(stopped)
        for pid in running:
            if pid not in stopped:
                kill(pid, signal.SIGSTOP)
                stopped[pid] = None
        if len(stopped) == told:
            waited += 1
            time.sleep(0.001)
    return list(stopped)


def thaw(stopped: list[int]) -> None:
    """Let those go on, init first."""
    for pid in stopped:
        kill(pid, signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class _Seen:
    """Of proc_pid_stat(5)."""

    state: bytes
    parent: int
    group: int


def _running(init: int) -> list[int]:
    return [pid for pid, seen in _below(init).items() if seen.state not in _HELD]


def _below(init: int) -> dict[int, _Seen]:
    """Every process of the box."""
    every: dict[int, _Seen] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, parent, group = file.read().rpartition(b")")[2].split()[:3]
        except OSError:
            continue  # it has ended
        every[int(name)] = _Seen(state, int(parent), int(group))
    return {pid: seen for pid, seen in every.items() if _descends(pid, init, every)}


def _descends(pid: int, init: int, every: dict[int, _Seen]) -> bool:
    passed = set[int]()
    while pid != init:
        if pid in passed or pid not in every:
            return False
        passed.add(pid)
        pid = every[pid].parent
    return True
