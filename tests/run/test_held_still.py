"""While the caller's shell has the terminal, nothing in a stopped box runs, or outlives its keepers."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

import pytest

from tests import tools
from tests.product import Product
from tests.run.boxes import become, descendants, eventually, gone, shell, stat, up

# A child in a group of its own takes the foreground of the box's terminal and reads there: nothing of
# what is typed at the caller's shell reaches it.
THIEF = """
import os, signal, time
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
signal.signal(signal.SIGTTIN, signal.SIG_IGN)
if os.fork() == 0:
    print("ready", flush=True)
    while True:
        try:
            os.tcsetpgrp(0, os.getpgrp())
            if (took := os.read(0, 100)) != b"\\n":
                print("STOLEN", took, flush=True)
        except OSError:
            time.sleep(0.01)
while True:
    time.sleep(1)
"""

# init clears its PDEATHSIG; a child signals all that it can, and runs on.
OUTLIVER = """
import ctypes, os, signal, time
ctypes.CDLL(None).prctl(1, 0)
signal.signal(signal.SIGTSTP, signal.SIG_IGN)
if os.fork() == 0:
    os.kill(0, signal.SIGTSTP)
    while True:
        time.sleep(0.05)
        os.kill(1, signal.SIGCONT)
        os.kill(0, signal.SIGKILL)
print("ready", flush=True)
while True:
    time.sleep(1)
"""


def held_still(monitor: int) -> bool:
    """Setup alone runs on."""
    return all(stat(pid)[0] == "T" for pid in descendants(monitor)[1:])


@pytest.mark.usefixtures("either_way")
def test_what_is_typed_at_the_shell_is_the_shell_s(product: Product) -> None:
    tools.need("bash", "python3")
    with shell(product) as outside:
        outside.start(up(product, "python3", "-c", THIEF))
        outside.expect("ready\n")
        outside.type("\x1a")
        assert "Stopped" in outside.expect("OUTSIDE> ")
        (monitor,) = [int(pid) for pid in outside.run("jobs -p").split()]
        become("T", monitor)
        assert held_still(monitor)
        time.sleep(0.2)
        assert outside.run("echo mi''ne") == "mine\n"
        box = descendants(monitor)
        outside.run("kill -9 %1")
        eventually(partial(gone, box))  # the monitor itself is the shell's to wait for


@pytest.mark.usefixtures("either_way")
def test_killing_a_stopped_monitor_ends_the_box(product: Product) -> None:
    tools.need("bash", "python3")
    with shell(product) as outside:
        outside.start(up(product, "python3", "-c", OUTLIVER))
        eventually(lambda: any("python3" in _line(pid) for pid in descendants(outside.process.pid)))
        family: set[int] = set()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            family |= set(descendants(outside.process.pid))
            time.sleep(0.01)
        monitors = {pid for pid in family if stat(pid)[1] == str(outside.process.pid)}
        for pid in monitors:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: gone(sorted(family - monitors)))


def _line(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
