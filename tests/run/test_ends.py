"""Whoever is killed, and whenever: the box ends, and no process is left, and no zombie."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence

import pytest

from tests import tools
from tests.product import Product, processes_of
from tests.run.boxes import descendants, eventually, family, gone, started, up
from toyspec.run.box import _ended
from toyspec.run.failure import Outcome

MANY = "for i in $(seq 40); do sleep 1000 & (trap '' TERM HUP; sleep 1000) & done; sleep 1000"
ROLES = ("monitor", "setup", "init")


def reap(process: subprocess.Popen[str], pids: Sequence[int]) -> None:
    """The monitor is pytest's to reap; of the rest nothing may be left."""
    process.wait(10)
    eventually(lambda: gone([pid for pid in pids if pid != process.pid]))


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("role", ROLES)
def test_a_box_with_many_processes(product: Product, role: str) -> None:
    with started(product, up(product, "sh", "-c", MANY)) as process:
        eventually(lambda: len(descendants(process.pid)) > 80)
        processes = family(process.pid, "sh -c")
        os.kill(processes[ROLES.index(role)], signal.SIGKILL)
        reap(process, processes)
        assert process.returncode == (-9 if role == "monitor" else 137)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("role", ROLES)
def test_an_init_that_cleared_its_pdeathsig(product: Product, role: str) -> None:
    tools.need("setpriv")
    words = up(product, "setpriv", "--pdeathsig", "clear", "sleep", "1000")
    with started(product, words) as process:
        processes = family(process.pid, "sleep")
        os.kill(processes[ROLES.index(role)], signal.SIGKILL)
        reap(process, processes)


@pytest.mark.usefixtures("either_way")
def test_a_setup_that_was_stopped(product: Product) -> None:
    """What tells it of the monitor's end wakes it."""
    tools.need("setpriv")
    words = up(product, "setpriv", "--pdeathsig", "clear", "sleep", "1000")
    with started(product, words) as process:
        processes = family(process.pid, "sleep")
        for pid in processes[:2]:
            os.kill(pid, signal.SIGSTOP)
        os.kill(process.pid, signal.SIGKILL)
        reap(process, processes)


@pytest.mark.usefixtures("either_way")
def test_a_kill_of_the_callers_whole_group(product: Product) -> None:
    tools.need("setpriv")
    words = up(product, "setpriv", "--pdeathsig", "clear", "sleep", "1000")
    with started(product, words) as process:
        processes = family(process.pid, "sleep")
        os.killpg(process.pid, signal.SIGKILL)
        reap(process, processes)


@pytest.mark.parametrize("role", ["monitor", "setup"])
def test_at_any_moment(product: Product, role: str) -> None:
    """Slowed down, so that a few delays fall all over the building; every step has its own test."""
    for delay in (0.0, 0.02, 0.06, 0.1, 0.14, 0.18, 0.22, 0.3):
        words = up(product, "sleep", "1000", changes=["slow=0.001"])
        with started(product, words) as process:
            eventually(lambda: bool(descendants(process.pid)))
            time.sleep(delay)
            processes = [process.pid, *descendants(process.pid)]
            os.kill(processes[ROLES.index(role)], signal.SIGKILL)
            processes += descendants(process.pid)
            reap(process, processes)


@pytest.mark.usefixtures("either_way")
def test_nothing_is_left_of_a_run(product: Product) -> None:
    before = processes_of(product.uid) if product.switch else {}
    for _ in range(5):
        done = product.as_user(up(product, "sh", "-c", "sleep 1000 & sleep 1000 & exit 3"))
        assert done.returncode == 3
    assert not product.switch or processes_of(product.uid) == before


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 0", 0), ("exit 77", 77), ("exit 255", 255), ("exec /nonexistent", 127)],
)
def test_the_status_is_inits_own(product: Product, script: str, status: int) -> None:
    assert product.as_user(up(product, "sh", "-c", script)).returncode == status


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_signal_that_ended_init(product: Product, number: signal.Signals) -> None:
    """Only a handler, the host, or a fault of its own can end a PID 1."""
    crash = "import ctypes; ctypes.string_at(0)"
    argv = ["sleep", "1000"] if number == signal.SIGKILL else ["/usr/bin/python3", "-c", crash]
    if number == signal.SIGSEGV:
        tools.need("python3")
    with started(product, up(product, *argv)) as process:
        if number == signal.SIGKILL:
            os.kill(family(process.pid, "sleep")[2], signal.SIGKILL)
        assert process.wait(10) == 128 + number


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (3 << 8, Outcome(3)),
        (int(signal.SIGKILL), Outcome(137)),
        (int(signal.SIGSEGV) | 0x80, Outcome(139)),
        (int(signal.SIGINT), Outcome(0, said="the box powered itself off")),
        (
            int(signal.SIGHUP),
            Outcome(129, said="the box asked to be restarted, which `up` does not do"),
        ),
    ],
)
def test_what_an_end_comes_to(raw: int, outcome: Outcome) -> None:
    """reboot(2) of a PID 1 looks like SIGINT or SIGHUP: both cannot end one otherwise."""
    assert _ended(raw, reboots=True) == outcome


def test_an_init_that_is_not_pid_1_ends_by_any_signal() -> None:
    assert _ended(int(signal.SIGINT), reboots=False) == Outcome(130)
    assert _ended(int(signal.SIGHUP), reboots=False) == Outcome(129)
