"""The trace on a terminal: how long until init's first instruction, with it and without."""

from __future__ import annotations

import os
import pty
import random
import re
import time
from collections.abc import Mapping
from typing import Final

from bench.boxes import Box
from bench.measure import FailedError, Figure, figure
from bench.ours import TOYSPEC, spec

CLOCK: Final = ("/usr/bin/date", "+started at %s.%N")
_SAID: Final = re.compile(rb"started at (\d+\.\d{9})")


def times(box: Box, environment: Mapping[str, str], runs: int) -> dict[str, Figure]:
    """Milliseconds from the start of `toyspec up` to a clock that is the box's program."""
    path = spec(box)
    commands = {
        "with the trace": [*TOYSPEC, "up", path],
        "with the trace, cold": [*TOYSPEC, "up", "--no-cache", path],
        "without": [*TOYSPEC, "up", "-q", path],
        "without, cold": [*TOYSPEC, "up", "-q", "--no-cache", path],
    }
    found: dict[str, list[float]] = {name: [] for name in commands}
    order = list(commands)
    for turn in range(1 + runs):
        random.shuffle(order)
        for name in order:
            took = _once(commands[name], {**environment, "TERM": "xterm-256color"})
            if turn:
                found[name].append(took)
    return {name: figure(each) for name, each in found.items()}


def _once(argv: list[str], environment: Mapping[str, str]) -> float:
    began = time.time()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(argv[0], argv, dict(environment))
    shown = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    said = _SAID.search(shown)
    if status or said is None:
        raise FailedError(f"{' '.join(argv)}: status {os.waitstatus_to_exitcode(status)}")
    return (float(said[1]) - began) * 1000
