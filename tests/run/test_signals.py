"""Without a terminal: a session of its own, streams as they are, and signals that reach init."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests.product import Product, Word
from tests.run.boxes import (
    GROUP,
    SESSION,
    TTY,
    become,
    children,
    descendants,
    eventually,
    exists,
    family,
    gone,
    started,
    stat,
    up,
)

NAMES = ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2")
ECHO = "; ".join(f"trap 'echo {name}; got=1' {name}" for name in NAMES)
LISTEN = f'{ECHO}; echo ready; while [ -z "$got" ]; do sleep 0.02; done; exit 9'
DEADLY = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.usefixtures("either_way")
def test_a_session_of_its_own(product: Product) -> None:
    with started(product, up(product, "sleep", "1000")) as process:
        _, setup, init = family(process.pid, "sleep")
        assert stat(init)[SESSION] == str(init)
        assert stat(init)[TTY] == "0"
        assert stat(setup)[SESSION] == stat(process.pid)[SESSION]


@pytest.mark.usefixtures("either_way")
def test_the_three_streams_are_the_callers(product: Product) -> None:
    script = "cat; echo out; echo err >&2; ls -l /proc/self/fd | wc -l"
    done = product.as_user(up(product, "sh", "-c", script), input="in\n")
    assert (done.stdout, done.stderr) == ("in\nout\n5\n", "err\n")  # "total", 0, 1, 2, ls's own


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("name", NAMES)
def test_a_signal_to_the_monitor_reaches_init(product: Product, name: str) -> None:
    with started(product, up(product, "sh", "-c", LISTEN)) as process:
        assert line(process) == "ready\n"
        os.kill(process.pid, signal.Signals[f"SIG{name}"])
        assert line(process) == f"{name}\n"
        assert process.wait(10) == 9


@pytest.mark.usefixtures("either_way")
def test_a_handler_for_hup_is_not_followed_by_a_kill(product: Product) -> None:
    """Daemons read their configuration again."""
    script = "trap 'echo again' HUP; echo ready; while :; do sleep 0.02; done"
    with started(product, up(product, "sh", "-c", script, changes=["grace=0.1"])) as process:
        assert line(process) == "ready\n"
        os.kill(process.pid, signal.SIGHUP)
        assert line(process) == "again\n"
        time.sleep(0.3)
        assert process.poll() is None


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_without_a_handler_the_box_is_killed_after_the_grace(
    product: Product, number: signal.Signals
) -> None:
    words = up(product, "sleep", "1000", changes=["grace=0.4"])
    with started(product, words) as process:
        processes = family(process.pid, "sleep")
        os.kill(process.pid, number)
        time.sleep(0.1)
        assert process.poll() is None
        assert process.wait(10) == 137
        eventually(lambda: gone(processes))


@pytest.mark.usefixtures("either_way")
def test_interrupts_that_nobody_handles(product: Product) -> None:
    with started(product, up(product, "sleep", "1000")) as process:
        family(process.pid, "sleep")
        for _ in range(3):
            os.kill(process.pid, signal.SIGINT)
            time.sleep(0.1)
        assert process.wait(10) == 137
        assert process.stderr is not None
        assert process.stderr.read().count("no handler for ^C") == 1


@pytest.mark.usefixtures("either_way")
def test_stop_and_continue(product: Product) -> None:
    """The caller's group is not orphaned: its parent is pytest, in the same session."""
    waiting: list[Word] = [
        product.python,
        "-c",
        "import subprocess, sys; subprocess.run(sys.argv[1:], process_group=0)",
    ]
    with started(product, [*waiting, *up(product, "sleep", "1000")]) as process:
        eventually(lambda: len(descendants(process.pid)) == 3)
        (monitor,) = children(process.pid)
        init = family(monitor, "sleep")[2]
        os.kill(monitor, signal.SIGTSTP)
        become("T", monitor, init)
        os.kill(monitor, signal.SIGCONT)
        become("S", monitor, init)


@pytest.mark.usefixtures("either_way")
def test_a_script_goes_on_where_toyspec_alone_is_told_to_stop(product: Product) -> None:
    """Both are of one process group."""
    waiting: list[Word] = [
        product.python,
        "-c",
        "import subprocess, sys; subprocess.run(sys.argv[1:], process_group=0)",
    ]
    script = ["sh", "-c", '"$@"; exit', "script"]
    with started(product, [*waiting, *script, *up(product, "sleep", "1000")]) as process:
        eventually(lambda: len(descendants(process.pid)) == 4)
        caller, monitor = descendants(process.pid)[:2]
        init = family(monitor, "sleep")[2]
        assert stat(caller)[GROUP] == stat(monitor)[GROUP] == str(caller)
        os.kill(monitor, signal.SIGTSTP)
        become("T", monitor, init)
        become("S", caller)
        os.kill(monitor, signal.SIGCONT)
        become("S", monitor, init)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("number", DEADLY)
@pytest.mark.parametrize("quiet", [True, False])
def test_a_signal_ends_the_building_quietly(
    product: Product, number: signal.Signals, quiet: bool
) -> None:
    words = up(product, "echo", "never", changes=["wait"], quiet=quiet)
    with started(product, words) as process:
        eventually(lambda: len(descendants(process.pid)) == 2)
        processes = [process.pid, *descendants(process.pid)]
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=10)
        assert process.returncode == 128 + number
        assert out == ""
        assert "error" not in err
        assert gone(processes[1:])
        assert not quiet or not err


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.15, 0.3, 0.45])
def test_a_signal_during_a_slow_building(product: Product, delay: float) -> None:
    with started(product, up(product, "echo", "never", changes=["slow=0.005"])) as process:
        eventually(lambda: len(descendants(process.pid)) >= 1)
        time.sleep(delay)
        processes = descendants(process.pid)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
        assert gone(processes)


@pytest.mark.usefixtures("either_way")
def test_a_setup_that_someone_stops_does_not_hold_the_box_up(product: Product) -> None:
    with started(product, up(product, "sleep", "1000")) as process:
        _, setup, init = family(process.pid, "sleep")
        os.kill(setup, signal.SIGSTOP)
        become("S", setup, init)
        assert exists(process.pid)
