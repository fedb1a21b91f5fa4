"""Wall times: commands started in turn, in an order of each round's own."""

from __future__ import annotations

import itertools
import os
import random
import select
import signal
import statistics
from collections.abc import Mapping
from time import perf_counter_ns
from typing import Final, NamedTuple

from bench.peers import ID

WARM_UP: Final = 3
_names = itertools.count()


class FailedError(Exception):
    """A command did not end with 0, or not in time; says which."""


class Figure(NamedTuple):
    """Milliseconds: the median, the middle half, the fastest; and of how many runs."""

    median: float
    low: float
    high: float
    least: float
    runs: int


def figure(times: list[float]) -> Figure:
    """What is told of some wall times."""
    low, _, high = statistics.quantiles(times, n=4) if len(times) > 1 else (times[0],) * 3
    numbers = [round(each, 3) for each in (statistics.median(times), low, high, min(times))]
    return Figure(numbers[0], numbers[1], numbers[2], numbers[3], len(times))


def start(argv: list[str], environment: Mapping[str, str], output: int | None = None) -> int:
    """Start a command in a session of its own, its streams empty; gives its pid."""
    name = f"bench-{os.getpid()}-{next(_names)}"
    words = [name if word == ID else word for word in argv]
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    out = [] if output is None else [(os.POSIX_SPAWN_DUP2, output, 1)]
    return os.posix_spawnp(
        words[0], words, dict(environment), file_actions=[*null, *out], setsid=True
    )


def once(argv: list[str], environment: Mapping[str, str], seconds: float = 60) -> float:
    """Wall time in ms from the start of a process to its end. Raises FailedError."""
    began = perf_counter_ns()
    pid = start(argv, environment)
    ended = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    late = not poll.poll(seconds * 1000)
    os.close(ended)
    if late:
        os.killpg(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    took = (perf_counter_ns() - began) / 1e6
    if late:
        raise FailedError(f"not done in {seconds:.0f} s")
    if status:
        raise FailedError(f"{argv[0]}: status {os.waitstatus_to_exitcode(status)}")
    return took


def interleaved(
    commands: Mapping[str, list[str]], environment: Mapping[str, str], runs: int
) -> dict[str, Figure]:
    """Every round starts each command once."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    order = list(commands)
    for turn in range(WARM_UP + runs):
        random.shuffle(order)
        for name in order:
            try:
                took = once(commands[name], environment)
            except FailedError as error:
                raise FailedError(f"{name}: {error}") from None
            if turn >= WARM_UP:
                times[name].append(took)
    return {name: figure(each) for name, each in times.items()}


def crowd(argv: list[str], environment: Mapping[str, str], count: int, workers: int) -> float:
    """`count` boxes, `workers` of them at once: wall time in ms a box."""
    began = perf_counter_ns()
    alive: set[int] = set()
    left, ended = count, 0
    while left or alive:
        while left and len(alive) < workers:
            alive.add(start(argv, environment))
            left -= 1
        pid, status = os.wait()
        if pid in alive:
            alive.discard(pid)
            ended = ended or status
    if ended:
        raise FailedError(f"status {os.waitstatus_to_exitcode(ended)} with {workers} at once")
    return (perf_counter_ns() - began) / 1e6 / count
