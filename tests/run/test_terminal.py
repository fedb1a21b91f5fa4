"""On a terminal: init has the foreground, the keys act, and everything is put back."""

from __future__ import annotations

import os
import re
import signal
import termios
import time

import pytest

from tests import tools
from tests.product import Product
from tests.run.boxes import (
    FOREGROUND,
    GROUP,
    PROMPT,
    SECONDS,
    SESSION,
    TTY,
    USER_TIME,
    Shell,
    become,
    children,
    command,
    descendants,
    eventually,
    exists,
    family,
    gone,
    shell,
    spec,
    stat,
    state,
    up,
)

SENTENCE = "toyspec: init has no handler for ^C"


def monitor_of(outside: Shell) -> int:
    """The one job of the shell."""
    found: list[int] = []

    def one() -> bool:
        found[:] = children(outside.process.pid)
        return len(found) == 1

    eventually(one)
    return found[0]


@pytest.mark.usefixtures("either_way")
def test_bash_as_init_has_job_control(product: Product) -> None:
    tools.need("bash")
    with shell(product) as outside:
        before = termios.tcgetattr(outside.master)
        outside.start(up(product, "bash", "--norc"))
        said = outside.expect("$ ")
        assert "job control" not in said
        assert "process group" not in said
        outside.run("PS1='IN'SIDE'> '", "INSIDE> ")
        assert outside.run("ps -o pid=,pgid=,tpgid= -p 1", "INSIDE> ").split()[:2] == ["1", "1"]
        outside.run("sleep 1000 & jobs; fg", "sleep 1000\n")
        time.sleep(0.1)
        outside.type("\x1a")
        assert "Stopped" in outside.expect("INSIDE> ")
        outside.type("fg\n")
        outside.expect("sleep 1000")
        time.sleep(0.1)
        outside.type("\x03")
        outside.expect("INSIDE> ")
        assert "sleep" not in outside.run("jobs", "INSIDE> ")
        outside.run("stty -echo -icanon; exit 5")
        assert outside.run("echo $?") == "5\n"
        assert termios.tcgetattr(outside.master) == before


@pytest.mark.usefixtures("either_way")
def test_the_box_shares_the_session_and_leads_the_foreground(product: Product) -> None:
    with shell(product) as outside:
        outside.start(up(product, "sleep", "1000"))
        monitor, setup, init = family(monitor_of(outside), "sleep")
        own = stat(outside.process.pid)
        for pid in (monitor, setup, init):
            assert stat(pid)[SESSION] == own[SESSION]
        assert stat(init)[GROUP] == stat(setup)[GROUP] == str(init)
        assert stat(init)[FOREGROUND] == str(init)
        assert stat(monitor)[GROUP] == str(monitor)


@pytest.mark.usefixtures("either_way")
def test_three_times_interrupt_ends_a_pid_1_that_has_no_handler(product: Product) -> None:
    with shell(product) as outside:
        outside.start(up(product, "sleep", "1000"))
        processes = family(monitor_of(outside), "sleep")
        outside.type("\x03")
        outside.expect(SENTENCE)
        outside.type("\x03")
        time.sleep(0.1)
        assert exists(processes[2])
        outside.type("\x03")
        assert SENTENCE not in outside.expect(PROMPT)
        assert outside.run("echo $?") == "137\n"
        assert gone(processes)


@pytest.mark.usefixtures("either_way")
def test_an_init_with_a_handler_gets_the_interrupt_itself(product: Product) -> None:
    with shell(product) as outside:
        script = "trap 'echo caught; exit 3' INT; echo re''ady; while :; do sleep 0.05; done"
        outside.start(up(product, "sh", "-c", script))
        outside.expect("ready")
        outside.type("\x03")
        said = outside.expect(PROMPT)
        assert "caught" in said
        assert SENTENCE not in said
        assert outside.run("echo $?") == "3\n"


@pytest.mark.usefixtures("either_way")
def test_stop_and_continue(product: Product) -> None:
    """The box's modes go with it and come back with it."""
    with shell(product) as outside:
        before = termios.tcgetattr(outside.master)
        script = "stty -echo; echo re''ady; read x; echo \"got <$x>\"; sleep 0.1"
        outside.start(up(product, "sh", "-c", script))
        outside.expect("ready")
        processes = family(monitor_of(outside), "sh -c")
        monitor, _, init = processes
        quiet = termios.tcgetattr(outside.master)
        assert quiet != before
        outside.type("\x1a")
        assert "Stopped" in outside.expect(PROMPT)
        become("T", monitor, init)
        assert outside.run("stty -a").count(" echo ") == 1
        for _ in range(2):
            outside.type("fg\n")
            outside.expect("\n")
            eventually(lambda: termios.tcgetattr(outside.master) == quiet)
            become("S", init)
            outside.type("\x1a")
            assert "Stopped" in outside.expect(PROMPT)
        outside.type("fg\n")
        eventually(lambda: termios.tcgetattr(outside.master) == quiet)
        outside.type("word\n")
        assert "word" not in outside.expect("got <word>").rpartition("fg\n")[2].partition("\n")[2]
        outside.expect(PROMPT)
        assert outside.run("echo $?") == "0\n"
        assert gone(processes)


@pytest.mark.usefixtures("either_way")
def test_a_stop_typed_as_soon_as_the_box_has_the_terminal_is_not_lost(product: Product) -> None:
    """A SIGCONT that came after it would take it back."""
    with shell(product) as outside:
        outside.start(up(product, "sh", "-c", "echo re''ady; read x"))
        outside.expect("ready")
        init = family(monitor_of(outside), "sh -c")[2]
        outside.type("\x1a")
        outside.expect(PROMPT)
        for _ in range(20):
            outside.type("fg\n")
            outside.expect("\n")
            end = time.monotonic() + SECONDS
            while os.tcgetpgrp(outside.master) != init:  # at once, so without a pause
                assert time.monotonic() < end, "the box never had the terminal"
            outside.type("\x1a")
            assert "Stopped" in outside.expect(PROMPT)
        outside.type("fg\n")
        eventually(lambda: os.tcgetpgrp(outside.master) == init)
        become("S", init)
        outside.type("\n")
        outside.expect(PROMPT)


@pytest.mark.usefixtures("either_way")
def test_a_program_that_stops_its_own_group_stops_the_job(product: Product) -> None:
    """As vi and less do, which read ^Z as a key."""
    with shell(product) as outside:
        outside.start(up(product, "sh", "-c", "kill -TSTP 0; echo on; sleep 0.1"))
        assert "Stopped" in outside.expect(PROMPT)
        outside.type("fg\n")
        outside.expect(PROMPT)
        assert outside.run("echo $?") == "0\n"


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("victim", [0, 1, 2], ids=["monitor", "setup", "init"])
def test_the_terminal_is_put_back_after_a_kill(product: Product, victim: int) -> None:
    with shell(product) as outside:
        before = termios.tcgetattr(outside.master)
        outside.start(up(product, "sh", "-c", "stty raw -echo; echo re''ady; exec sleep 1000"))
        outside.expect("ready")
        processes = family(monitor_of(outside), "sleep")
        assert termios.tcgetattr(outside.master) != before
        os.kill(processes[victim], signal.SIGKILL)
        outside.expect(PROMPT)
        assert termios.tcgetattr(outside.master) == before
        assert outside.run("echo $?") == "137\n"
        eventually(lambda: gone(processes))


@pytest.mark.usefixtures("either_way")
def test_terminating_the_monitor(product: Product) -> None:
    with shell(product) as outside:
        outside.start(up(product, "sleep", "1000", changes=["grace=0.3"]))
        processes = family(monitor_of(outside), "sleep")
        os.kill(processes[0], signal.SIGTERM)
        outside.expect(PROMPT)
        assert outside.run("echo $?") == "137\n"
        assert gone(processes)


PUSH = """
import ctypes, errno, fcntl, os, termios
call = ctypes.CDLL(None, use_errno=True).syscall
call.argtypes = [ctypes.c_long] * 4
number = {"x86_64": 16, "aarch64": 29}[os.uname().machine]
byte = ctypes.create_string_buffer(b"x" * 64)
for request in (0x5412, 0x541C, termios.TIOCGWINSZ, termios.FIONREAD, termios.TCGETS):
    for high in (0, 1 << 32, 0xFFFFFFFF << 32):
        value = call(number, 0, request | high, ctypes.addressof(byte))
        print(hex(request), errno.errorcode[ctypes.get_errno()] if value < 0 else "fine")
"""


@pytest.mark.usefixtures("either_way")
def test_nothing_is_pushed_into_the_terminal(product: Product) -> None:
    """TIOCSTI and TIOCLINUX, also with bits set that the kernel does not look at."""
    python = tools.need("python3")
    with shell(product) as outside:
        outside.start(up(product, python, "-c", PUSH))
        said = re.findall(r"^(0x\w+) (\w+)$", outside.expect(PROMPT), re.MULTILINE)
    assert [word for _, word in said] == ["EPERM"] * 6 + ["fine"] * 9


@pytest.mark.usefixtures("either_way")
def test_a_background_job_leaves_the_foreground_to_the_shell(product: Product) -> None:
    with shell(product) as outside:
        before = termios.tcgetattr(outside.master)
        script = "sleep 0.2; read x; echo got $x"
        outside.start(up(product, "sh", "-c", script), " &")
        outside.expect(PROMPT)
        processes = family(monitor_of(outside), "sh -c")
        assert outside.run("echo typed") == "typed\n"
        become("T", processes[0], processes[2])  # it wants to read
        assert "Stopped" in outside.run("jobs")
        outside.type("fg\n")
        eventually(lambda: stat(processes[0])[FOREGROUND] == str(processes[2]))
        outside.type("hello\n")
        outside.expect("got hello")
        outside.expect(PROMPT)
        eventually(lambda: gone(processes))
        assert termios.tcgetattr(outside.master)[3] == before[3]


@pytest.mark.usefixtures("either_way")
def test_a_running_background_job_comes_to_the_foreground(product: Product) -> None:
    """bash sends no SIGCONT then; the box asks for the terminal when it first needs it."""
    with shell(product) as outside:
        script = 'trap go=1 USR1; while [ -z "$go" ]; do sleep 0.02; done; read x; echo got $x'
        outside.start(up(product, "sh", "-c", script), " &")
        outside.expect(PROMPT)
        processes = family(monitor_of(outside), "sh -c")
        outside.type("fg\n")
        eventually(lambda: stat(processes[0])[FOREGROUND] == str(processes[0]))
        os.kill(processes[0], signal.SIGUSR1)
        eventually(lambda: stat(processes[0])[FOREGROUND] == str(processes[2]))
        outside.type("hello\n")
        outside.expect("got hello")
        outside.expect(PROMPT)


@pytest.mark.usefixtures("either_way")
def test_output_from_the_background_with_tostop_does_not_spin(product: Product) -> None:
    with shell(product) as outside:
        outside.run("stty tostop")
        outside.start(up(product, "sh", "-c", "sleep 0.2; echo word; exec sleep 1000"), " &")
        outside.expect(PROMPT)
        processes = family(monitor_of(outside), "sh -c")
        become("T", processes[0], processes[2])
        used = stat(processes[2])[USER_TIME : USER_TIME + 2]
        time.sleep(0.2)
        assert stat(processes[2])[USER_TIME : USER_TIME + 2] == used


@pytest.mark.usefixtures("either_way")
def test_in_a_pipeline_the_box_has_no_terminal(product: Product) -> None:
    with shell(product) as outside:
        outside.start(up(product, "sleep", "1000"), " | cat")
        everyone: list[int] = []

        def stands() -> bool:
            everyone[:] = descendants(outside.process.pid)
            return "sleep 1000" in map(command, everyone)

        eventually(stands)
        (init,) = [pid for pid in everyone if command(pid) == "sleep 1000"]
        assert stat(init)[SESSION] == str(init)
        assert stat(init)[TTY] == "0"
        outside.type("\x1a")
        assert "Stopped" in outside.expect(PROMPT)
        become("T", init)
        outside.type("fg\n")
        become("S", init)
        for _ in range(3):
            time.sleep(0.05)
            outside.type("\x03")
        outside.expect(PROMPT)
        eventually(lambda: gone(everyone))


@pytest.mark.usefixtures("either_way")
def test_a_terminal_that_goes_away_ends_the_box(product: Product) -> None:
    outside = Shell(product)
    try:
        outside.start(up(product, "sleep", "1000", changes=["grace=0.2"]))
        processes = family(monitor_of(outside), "sleep")
        os.close(outside.master)
        eventually(lambda: gone(processes))
    finally:
        outside.end()


@pytest.mark.usefixtures("either_way")
def test_the_command_itself_may_lead_the_session(product: Product) -> None:
    """As under `ssh -t`: the kernel does not stop an orphaned group, and nor do we."""
    process, master = product.terminal(
        up(product, "sleep", "1000", changes=["grace=0.2"]), program=True
    )
    try:
        processes = family(process.pid, "sleep")
        before = stat(processes[2])[USER_TIME]
        os.write(master, b"\x1a")
        time.sleep(0.3)
        assert [state(pid) for pid in processes] == ["S"] * 3
        assert stat(processes[2])[USER_TIME] == before
    finally:
        os.close(master)
    assert process.wait(10) == 137
    assert gone(processes[1:])


def test_the_view_is_over_before_init_begins(product: Product) -> None:
    with shell(product) as outside:
        outside.start([*product.toyspec, "up", spec(product), "--", "echo", "init's"])
        said = outside.expect(PROMPT)
    assert re.search(r"steps.* ms\s[\s\S]*init's", said)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_view_that_is_stuck_or_gone_holds_no_box_up(
    product: Product, number: signal.Signals
) -> None:
    words = up(product, "echo", "init's", changes=["slow=0.002", "patience=0.1"], quiet=False)
    with shell(product) as outside:
        outside.start(words)
        monitor = monitor_of(outside)
        eventually(lambda: len(children(monitor)) == 2)  # setup is at its slow work
        view = min(children(monitor))
        os.kill(view, number)
        outside.expect("init's")
        outside.expect(PROMPT)
        eventually(lambda: gone([view]))
        assert outside.run("echo $?") == "0\n"
