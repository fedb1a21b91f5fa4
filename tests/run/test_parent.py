"""`die_with_parent`: a box ends with the process that started `toyspec`, whatever ended that."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests import tools
from tests.product import Product, Word
from tests.run.boxes import (
    COMPILED,
    command_line,
    compile_box,
    descendants,
    eventually,
    exists,
    family,
    gone,
    spec,
    started,
    state,
    ways,
)

pytestmark = pytest.mark.usefixtures("either_way")

CALLER = '"$@"; exit $?'  # one that forks: it is not replaced by what it starts
THREADS = """\
import subprocess, sys, threading
started = []
thread = threading.Thread(target=lambda: started.append(subprocess.Popen(sys.argv[1:])))
thread.start()
thread.join()
print("ended", flush=True)
sys.exit(started[0].wait())
"""
CLEARED = ("setpriv", "--pdeathsig", "clear", "sleep", "1000")


def up(product: Product, *argv: str, keys: str = "", changes: tuple[str, ...] = ()) -> list[Word]:
    source = spec(product, f"version: 1\nsystem: host\ninit: [sh]\n{keys}")
    if ways[-1] == COMPILED:
        return [compile_box(product, source, changes), "--", *argv]
    words = [*command_line(product, changes), "up", "-q", "--no-cache", source]
    return [*words, "--", *argv]


@contextmanager
def called(product: Product, words: list[Word], *before: str) -> Iterator[tuple[int, int]]:
    """The caller and the monitor; nothing is left of the box."""
    with started(product, [*before, "sh", "-c", CALLER, "sh", *words]) as process:
        eventually(lambda: bool(descendants(process.pid)))
        monitor = descendants(process.pid)[0]
        try:
            yield process.pid, monitor
        finally:
            process.kill()
            process.wait()
            for pid in (monitor, *descendants(monitor)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("reaper", ["true", "false"])
def test_the_caller_is_killed(product: Product, reaper: str) -> None:
    """The command cleared what would let it die with its own parent."""
    tools.need("setpriv")
    with called(product, up(product, *CLEARED, keys=f"reaper: {reaper}\n")) as (caller, monitor):
        processes = family(monitor, "sleep")
        os.kill(caller, signal.SIGKILL)
        eventually(lambda: gone(processes))


def test_the_monitor_is_stopped_when_the_caller_is_killed(product: Product) -> None:
    tools.need("setpriv")
    with called(product, up(product, *CLEARED)) as (caller, monitor):
        processes = family(monitor, "sleep")
        os.kill(monitor, signal.SIGSTOP)
        os.kill(caller, signal.SIGKILL)
        eventually(lambda: gone(processes))


def test_the_caller_is_killed_while_the_box_is_built(product: Product) -> None:
    for delay in (0.0, 0.02, 0.06, 0.1, 0.2):
        with called(product, up(product, "sleep", "1000", changes=("slow=0.001",))) as pids:
            caller, monitor = pids
            eventually(lambda: bool(descendants(monitor)))  # noqa: B023  # it is asked here
            time.sleep(delay)
            processes = [monitor, *descendants(monitor)]
            os.kill(caller, signal.SIGKILL)
            processes += descendants(monitor)
            eventually(lambda: gone(processes))  # noqa: B023  # likewise


def test_a_thread_is_no_caller(product: Product) -> None:
    """The kernel tells of the end of the thread that forked as well (prctl(2))."""
    tools.need("python3")
    listen = "trap 'echo alive; exit 3' USR1; echo ready; while :; do sleep 0.02; done"
    words = ["/usr/bin/python3", "-c", THREADS, *up(product, "sh", "-c", listen)]
    with started(product, words) as process:
        assert process.stdout is not None
        lines = {process.stdout.readline(), process.stdout.readline()}
        assert lines == {"ended\n", "ready\n"}
        os.kill(descendants(process.pid)[0], signal.SIGUSR1)
        assert process.stdout.readline() == "alive\n"
        assert process.wait(10) == 3


@pytest.mark.parametrize("before", [("nohup",), ()], ids=["nohup", "opted out"])
def test_a_box_that_outlives_its_caller(product: Product, before: tuple[str, ...]) -> None:
    """By its spec, or because its caller asks for that as one has always asked."""
    keys = "" if before else "die_with_parent: false\n"
    listen = "trap 'exit 3' USR1; while :; do sleep 0.02; done"
    with called(product, up(product, "sh", "-c", listen, keys=keys), *before) as (caller, monitor):
        processes = family(monitor, "sh -c")[:3]  # and not what comes and goes
        os.kill(caller, signal.SIGKILL)
        eventually(lambda: state(caller) in ("", "Z"))
        time.sleep(0.2)
        assert all(exists(pid) for pid in processes)
        os.kill(monitor, signal.SIGUSR1)
        eventually(lambda: gone(processes))
