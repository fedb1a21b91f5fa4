"""A box that holds still: while the caller's shell has the terminal, nothing in it runs.

Stopping PID 1 alone leaves the rest: a process that stayed could take the terminal's foreground and
read what is typed at the shell, or end the process that would end the box.
"""

from __future__ import annotations

import os
import signal

from toyspec.run.ending import kill

_HELD = b"TtZX"  # states of proc_pid_stat(5): stopped, traced, ended
_MOST_PASSES = 1000  # each finds what was forked during the one before


def freeze(init: int) -> list[int]:
    """Stop every process of the box; returns those that ran, for `thaw`.

    All descend from init: the kernel gives it the orphans of its namespace.
    """
    stopped: dict[int, None] = {}
    for _ in range(_MOST_PASSES):
        running = [pid for pid in _running(init) if pid not in stopped]
        if not running:
            break
        for pid in running:
            kill(pid, signal.SIGSTOP)
            stopped[pid] = None
    return list(stopped)


def thaw(stopped: list[int]) -> None:
    """Let those go on, init first."""
    for pid in stopped:
        kill(pid, signal.SIGCONT)


def _running(init: int) -> list[int]:
    parents: dict[int, int] = {}
    states: dict[int, bytes] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
        except OSError:
            continue  # it has ended
        parents[int(name)], states[int(name)] = int(parent), state
    return [
        pid for pid, state in states.items() if state not in _HELD and _below(init, pid, parents)
    ]


def _below(init: int, pid: int, parents: dict[int, int]) -> bool:
    seen = set[int]()
    while pid != init:
        if pid in seen or pid not in parents:
            return False
        seen.add(pid)
        pid = parents[pid]
    return True
