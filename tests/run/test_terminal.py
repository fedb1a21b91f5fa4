"""On a terminal the box has its own: keys act inside, and the caller's is put back."""

from __future__ import annotations

import os
import re
import shlex
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
def test_the_box_has_a_session_and_a_terminal_of_its_own(product: Product) -> None:
    with shell(product) as outside:
        outside.start(up(product, "sleep", "1000"))
        monitor, setup, init = family(monitor_of(outside), "sleep")
        own = stat(outside.process.pid)
        for pid in (monitor, setup):
            assert stat(pid)[SESSION] == own[SESSION]
        assert stat(init)[SESSION] == stat(init)[GROUP] == stat(init)[FOREGROUND] == str(init)
        assert stat(init)[TTY] != "0"
        assert stat(monitor)[GROUP] == stat(monitor)[FOREGROUND] == str(monitor)
        assert stat(setup)[GROUP] == str(setup)
        outer = os.readlink(f"/proc/{monitor}/fd/0")
        assert {os.readlink(f"/proc/{init}/fd/{fd}") for fd in range(3)} == {"/dev/pts/0"}
        held = [os.readlink(f"/proc/{setup}/fd/{fd}") for fd in os.listdir(f"/proc/{setup}/fd")]
        assert not any("ptmx" in each for each in held)
        assert outer.startswith("/dev/pts/")


@pytest.mark.usefixtures("either_way")
def test_standard_error_that_is_a_file_stays_one(product: Product) -> None:
    with shell(product) as outside:
        script = "test -t 0 && test -t 1 && echo both; test -t 2 || echo file; echo said >&2"
        outside.start(up(product, "sh", "-c", script), " 2>errors; cat errors; rm errors")
        said = outside.expect(PROMPT)
        assert said.endswith("both\nfile\nsaid\n")


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
def test_three_times_quit_too(product: Product) -> None:
    with shell(product) as outside:
        outside.start(up(product, "sleep", "1000"))
        family(monitor_of(outside), "sleep")
        for _ in range(3):
            outside.type("\x1c")
            time.sleep(0.05)
        assert "has no handler for ^\\" in outside.expect(PROMPT)
        assert outside.run("echo $?") == "137\n"


@pytest.mark.usefixtures("either_way")
def test_a_key_that_is_quoted_is_no_interrupt(product: Product) -> None:
    """^V before it: the line discipline takes it for a letter (VLNEXT of termios(3))."""
    with shell(product) as outside:
        outside.start(up(product, "cat", "-v"))
        family(monitor_of(outside), "cat")
        outside.type("\x16\x03\x16\x03\x16\x03\n")
        assert SENTENCE not in outside.expect("^C^C^C\n")
        outside.type("\x04")
        outside.expect(PROMPT)
        assert outside.run("echo $?") == "0\n"


@pytest.mark.usefixtures("either_way")
def test_interrupt_and_quit_of_a_shell_s_child(product: Product) -> None:
    tools.need("bash")
    with shell(product) as outside:
        outside.start(up(product, "bash", "--norc"))
        outside.expect("$ ")
        outside.run("PS1='IN'SIDE'> '", "INSIDE> ")
        for key, status in (("\x03", 130), ("\x1c", 131)):
            outside.type("sleep 1000\n")
            outside.expect("sleep 1000\n")
            time.sleep(0.2)
            outside.type(key)
            said = outside.expect("INSIDE> ")
            assert SENTENCE not in said
            assert outside.run("echo $?", "INSIDE> ") == f"{status}\n"
        outside.run("exit")


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


LOOP = "for i in 1 2 3; do echo turn $i; {}; done"


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("how", ["itself", "script", "pipe", "status"])
def test_interrupt_ends_the_loop_around_the_box(product: Product, how: str) -> None:
    """Of the shell that it was typed at, and of a script that only the box's terminal has seen it for."""
    script = "trap 'exit 130' INT; echo re''ady; while :; do sleep 0.05; done"
    words = shlex.join(map(os.fsdecode, up(product, "sh", "-c", script)))
    line = {"pipe": f"{words} | cat", "status": f"{words} < /dev/tty; echo said $?"}.get(how, words)
    loop = LOOP.format(line)
    if how == "script":
        loop = shlex.join(["bash", "-c", loop + "; echo never"])
    with shell(product) as outside:
        before = termios.tcgetattr(outside.master)
        outside.type(loop + "\n")
        outside.expect("ready")
        time.sleep(0.1)
        outside.type("\x03")
        said = outside.expect(PROMPT)
        assert "turn 2" not in said and "never" not in said and "said" not in said
        assert outside.run("echo $?") == "130\n"
        assert termios.tcgetattr(outside.master) == before


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("how", ["sent", "typed on", "another status"])
def test_what_ended_otherwise_ends_no_loop(product: Product, how: str) -> None:
    """A process sent the signal; a key came after it; the command was not ended by it."""
    status = 3 if how == "another status" else 130
    script = f"trap 'exit {status}' INT; echo re''ady; while :; do sleep 0.05; done"
    if how == "typed on":
        script = "trap 'echo caught' INT; echo re''ady; read x || read x; exit 130"
    words = shlex.join(map(os.fsdecode, up(product, "bash", "-c", script)))
    with shell(product) as outside:
        outside.type(f"for i in 1 2; do {words}; done; echo en''d $?\n")
        for _ in range(2):
            outside.expect("ready")
            time.sleep(0.1)
            if how == "sent":
                os.kill(monitor_of(outside), signal.SIGINT)
            else:
                outside.type("\x03")
            if how == "typed on":
                outside.expect("caught")
                outside.type("\n")
        outside.expect(f"end {status}\n")


@pytest.mark.usefixtures("either_way")
def test_stop_and_continue(product: Product) -> None:
    """The caller's modes come back with its shell; the box's are its terminal's own all the time."""
    with shell(product) as outside:
        before = termios.tcgetattr(outside.master)
        script = "stty -echo; echo re''ady; read x; echo \"got <$x>\"; stty -a | grep -c ' -echo '"
        outside.start(up(product, "sh", "-c", script))
        outside.expect("ready")
        processes = family(monitor_of(outside), "sh -c")
        monitor, _, init = processes
        raw = termios.tcgetattr(outside.master)
        assert raw != before
        for _ in range(3):
            outside.type("\x1a")
            assert "Stopped" in outside.expect(PROMPT)
            become("T", monitor, init)
            assert outside.run("stty -a").count(" echo ") == 1
            outside.type("fg\n")
            outside.expect("\n")
            eventually(lambda: termios.tcgetattr(outside.master) == raw)
            become("S", init)
        outside.type("word\n")
        assert "word" not in outside.expect("got <word>").rpartition("fg\n")[2].partition("\n")[2]
        assert outside.expect(PROMPT) == "\n1\n"
        assert outside.run("echo $?") == "0\n"
        assert gone(processes)
        assert termios.tcgetattr(outside.master) == before


@pytest.mark.usefixtures("either_way")
def test_a_script_stops_with_its_box_by_key_and_goes_on_where_toyspec_alone_is_told(
    product: Product,
) -> None:
    with shell(product) as outside:

        def cooked() -> bool:
            return bool(termios.tcgetattr(outside.master)[3] & termios.ICANON)

        line = shlex.join(
            os.fsdecode(each) for each in up(product, "sh", "-c", "echo re''ady; read x")
        )
        outside.start(["sh", "-c", f"{line}; echo be''hind"])
        outside.expect("ready")
        script = monitor_of(outside)
        monitor, _, init = family(children(script)[0], "sh -c")
        assert stat(monitor)[GROUP] == str(script)
        for _ in range(2):
            outside.type("\x1a")
            assert "Stopped" in outside.expect(PROMPT)
            become("T", script, monitor, init)
            outside.type("fg\n")
            become("S", script, monitor, init)
            eventually(lambda: not cooked())
            os.kill(monitor, signal.SIGTSTP)
            become("T", monitor, init)
            become("S", script)
            assert cooked()
            os.kill(monitor, signal.SIGCONT)
            become("S", monitor, init)
            eventually(lambda: not cooked())
        outside.type("word\n")
        outside.expect("behind")
        outside.expect(PROMPT)


@pytest.mark.usefixtures("either_way")
def test_a_stopped_job_goes_on_in_the_background(product: Product) -> None:
    with shell(product) as outside:
        script = (
            "echo re''ady; read x; echo got $x; while [ ! -e go ]; do sleep 0.02; done; echo by''e"
        )
        outside.start(up(product, "sh", "-c", script))
        outside.expect("ready")
        outside.type("a\n\x1a")
        outside.expect(PROMPT)
        outside.type("bg\n")
        outside.expect("got a")
        assert outside.run("echo mi''ne").endswith("mine\n")


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
        assert outside.run("echo $?") == "137\n"
        assert termios.tcgetattr(outside.master) == before  # for a killed monitor bash does it
        eventually(lambda: gone(processes))


@pytest.mark.usefixtures("either_way")
def test_the_terminal_is_put_back_where_the_command_cannot_run(product: Product) -> None:
    """Every key is the box's by then; what is said of it stands in whole lines."""
    with shell(product) as outside:
        before = termios.tcgetattr(outside.master)
        outside.start(up(product, "nonesuch"))
        assert "\n    errno: ENOENT" in outside.expect(PROMPT)
        assert outside.run("echo $?") == "127\n"
        assert termios.tcgetattr(outside.master) == before


@pytest.mark.usefixtures("either_way")
def test_terminating_the_monitor(product: Product) -> None:
    with shell(product) as outside:
        outside.start(up(product, "sleep", "1000", changes=["grace=0.3"]))
        processes = family(monitor_of(outside), "sleep")
        os.kill(processes[0], signal.SIGTERM)
        outside.expect(PROMPT)
        assert outside.run("echo $?") == "137\n"
        assert gone(processes)


@pytest.mark.usefixtures("either_way")
def test_its_window_is_as_large_as_the_caller_s(product: Product) -> None:
    with shell(product) as outside:
        script = "trap 'stty size' WINCH; stty size; while :; do sleep 0.02; done"
        termios.tcsetwinsize(outside.master, (41, 101))
        outside.start(up(product, "sh", "-c", script))
        outside.expect("41 101\n")
        for size in ((50, 120), (20, 60)):
            termios.tcsetwinsize(outside.master, size)
            outside.expect(f"{size[0]} {size[1]}\n")
        outside.type("\x1a")
        outside.expect(PROMPT)
        termios.tcsetwinsize(outside.master, (33, 99))
        outside.type("fg\n")
        outside.expect("33 99\n")


@pytest.mark.usefixtures("either_way")
def test_the_end_of_input_is_a_key(product: Product) -> None:
    with shell(product) as outside:
        outside.start(up(product, "sh", "-c", "echo re''ady; cat; echo end; cat; echo end"))
        outside.expect("ready\n")
        outside.type("one\n\x04")
        outside.expect("one\none\nend\n")
        outside.type("\x04")
        outside.expect("end\n")
        outside.expect(PROMPT)


@pytest.mark.usefixtures("either_way")
def test_what_is_typed_before_the_box_stands_is_its_own(product: Product) -> None:
    with shell(product) as outside:
        outside.start(up(product, "sh", "-c", 'read x; echo "got <$x>"'))
        outside.type("early\n")
        outside.expect("got <early>")
        outside.expect(PROMPT)


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
def test_nothing_is_pushed_into_the_caller_s_terminal(product: Product) -> None:
    """TIOCSTI and TIOCLINUX, which the default filter refuses; without it they reach the box's own."""
    python = tools.need("python3")
    with shell(product) as outside:
        outside.start(up(product, python, "-c", PUSH))
        said = re.findall(r"^(0x\w+) (\w+)$", outside.expect(PROMPT), re.MULTILINE)
        assert outside.run("echo no''thing") == "nothing\n"
    assert [word for _, word in said] == ["EPERM"] * 6 + ["fine"] * 9


@pytest.mark.usefixtures("either_way")
def test_a_background_job_takes_no_key_and_does_not_stop(product: Product) -> None:
    with shell(product) as outside:
        before = termios.tcgetattr(outside.master)
        outside.start(up(product, "sh", "-c", "echo re''ady; read x; echo got $x"), " &")
        outside.expect("ready")
        processes = family(monitor_of(outside), "sh -c")
        for number in range(3):
            assert outside.run(f"echo ty''ped {number}").endswith(f"typed {number}\n")
        assert "Running" in outside.run("jobs")
        outside.type("fg\n")
        eventually(lambda: not termios.tcgetattr(outside.master)[3] & termios.ICANON)
        eventually(lambda: stat(processes[0])[FOREGROUND] == str(processes[0]))
        time.sleep(0.3)  # bash tells nobody: it is looked for
        outside.type("hello\n")
        outside.expect("got hello")
        outside.expect(PROMPT)
        eventually(lambda: gone(processes))
        assert termios.tcgetattr(outside.master)[3] == before[3]


@pytest.mark.usefixtures("either_way")
def test_output_from_the_background_with_tostop_stops_the_job(product: Product) -> None:
    with shell(product) as outside:
        outside.run("stty tostop")
        outside.start(up(product, "sh", "-c", "sleep 0.2; echo wo''rd; exec sleep 1000"), " &")
        outside.expect(PROMPT)
        processes = family(monitor_of(outside), "s")
        become("T", processes[0], processes[2])
        used = stat(processes[2])[USER_TIME : USER_TIME + 2]
        time.sleep(0.2)
        assert stat(processes[2])[USER_TIME : USER_TIME + 2] == used
        outside.type("fg\n")
        outside.expect("word\n")


@pytest.mark.usefixtures("either_way")
def test_nobody_else_s_description_of_the_terminal_is_made_non_blocking(product: Product) -> None:
    with shell(product) as outside:
        outside.start(up(product, "sh", "-c", "echo re''ady; read x"))
        outside.expect("ready")
        monitor = monitor_of(outside)
        for fd in range(3):
            with open(f"/proc/{monitor}/fdinfo/{fd}") as info:
                flags = int(info.read().split("flags:")[1].split()[0], 8)
            assert not flags & os.O_NONBLOCK


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
    """Its own goes away too: a shell in it is told, and ends at once."""
    tools.need("bash")
    for argv in (["sleep", "1000"], ["bash", "--norc", "-i"]):
        hang_up(product, argv)


def hang_up(product: Product, argv: list[str]) -> None:
    outside = Shell(product)
    try:
        outside.start(up(product, *argv, changes=["grace=0.2"]))
        processes = family(monitor_of(outside), argv[0])
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


def test_output_comes_behind_the_trace(product: Product) -> None:
    """However soon init is at its end."""
    with shell(product) as outside:
        for _ in range(5):
            outside.start([*product.toyspec, "up", spec(product), "--", "echo", "init's"])
            said = outside.expect(PROMPT)
            assert re.search(r"steps.* ms\s[\s\S]*init's", said), said


def test_init_does_not_wait_for_the_trace(product: Product) -> None:
    """It runs while the view is stuck; what it writes is held."""
    changes = ["slow=0.01", "patience=3600"]
    argv = ("sh", "-c", "echo by in''it; exec sleep 1000")
    with shell(product) as outside:
        outside.start(up(product, *argv, changes=changes, quiet=False))
        monitor = monitor_of(outside)
        eventually(lambda: len(children(monitor)) == 2)
        view = min(children(monitor))
        os.kill(view, signal.SIGSTOP)
        family(monitor, "sleep")
        os.kill(view, signal.SIGCONT)
        assert re.search(r"steps in [\d.]+ m?s\s", outside.expect("by init\n"))
