"""`stop_signal` and `stop_grace_period`: how a box is asked to end, and what follows."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.product import Product, Word
from tests.run.boxes import COMPILED, compile_box, eventually, family, gone, spec, started, ways

pytestmark = pytest.mark.usefixtures("either_way")


def up(product: Product, keys: str, *argv: str) -> list[Word]:
    source = spec(product, f"version: 1\nsystem: host\ninit: [sh]\n{keys}")
    if ways[-1] == COMPILED:
        return [compile_box(product, source), "--", *argv]
    return [*product.toyspec, "up", "-q", "--no-cache", source, "--", *argv]


@pytest.mark.parametrize("reaper", ["true", "false"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGRTMIN+3", "SIGUSR2"])
def test_the_box_is_asked_by_its_own_signal(product: Product, name: str, reaper: str) -> None:
    """TERM it does not get."""
    listen = (
        f"trap 'echo asked; exit 7' {name.removeprefix('SIG')}; trap 'echo TERM' TERM; "
        "echo ready; while :; do sleep 0.02; done"
    )
    keys = f"stop_signal: {name}\nreaper: {reaper}\n"
    with started(product, up(product, keys, "bash", "-c", listen)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 7
        assert process.stdout.read() == "asked\n"


@pytest.mark.parametrize("reaper", ["true", "false"])
def test_after_the_grace_period_it_is_killed(product: Product, reaper: str) -> None:
    keys = f"stop_grace_period: 300ms\nreaper: {reaper}\n"
    ignoring = "trap '' TERM; echo ready; while :; do sleep 0.02; done"
    with started(product, up(product, keys, "sh", "-c", ignoring)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        processes = family(process.pid, "sh -c")
        begin = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 137
        assert time.monotonic() - begin >= 0.3
        eventually(lambda: gone(processes[1:]))


def test_kill_needs_no_grace(product: Product) -> None:
    keys = "stop_signal: SIGKILL\nstop_grace_period: 1h\nreaper: true\n"
    with started(product, up(product, keys, "sleep", "1000")) as process:
        family(process.pid, "sleep")
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 137


def test_the_longest_grace_period_is_waited_for(product: Product) -> None:
    """It is more milliseconds than poll(2) takes at once."""
    keys = "stop_grace_period: 999999h\n"
    listen = "trap 'echo asked; sleep 0.2; exit 7' TERM; echo ready; while :; do sleep 0.02; done"
    with started(product, up(product, keys, "sh", "-c", listen)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 7
        assert process.stdout.read() == "asked\n"
