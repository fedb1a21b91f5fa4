"""`reaper: true`: PID 1 is toyspec's own, and the box's command a process like any other."""

from __future__ import annotations

import os
import signal

import pytest

from tests import tools
from tests.product import Product, Word
from tests.run.boxes import (
    COMPILED,
    SPEC,
    command,
    command_line,
    compile_box,
    descendants,
    eventually,
    family,
    gone,
    spec,
    started,
    stat,
    ways,
)

NAMES = ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "ALRM", "CONT", "PWR", "RTMIN+3")
TRAPS = "; ".join(f"trap 'echo {name}; exit 9' {name}" for name in NAMES)
LISTEN = f"{TRAPS}; echo ready; while :; do sleep 0.02; done"
BEHIND = ("monitor", "setup", "init", "command")


def up(product: Product, *argv: str, changes: tuple[str, ...] = ()) -> list[Word]:
    """As `boxes.up`, with a reaper."""
    source = spec(product, SPEC + "reaper: true\n")
    if ways[-1] == COMPILED:
        return [compile_box(product, source, changes), "--", *argv]
    words = [*command_line(product, changes), "up", "-q", "--no-cache", source]
    return [*words, "--", *argv]


pytestmark = pytest.mark.usefixtures("either_way")


def test_ten_thousand_orphans(product: Product) -> None:
    """None is left, neither alive nor as a zombie: PID 1, and the shell that counts."""
    script = (
        "i=0; while [ $i -lt 10000 ]; do (true &); i=$((i+1)); done; "
        "while set -- /proc/[0-9]*; [ $# -gt 2 ]; do sleep 0.05; done; echo $i"
    )
    done = product.as_user(up(product, "sh", "-c", script), timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "10000\n", "")


def test_the_command_is_a_process_like_any_other(product: Product) -> None:
    """Of a session of its own, with nothing blocked or ignored; its parent tells nothing about itself."""
    script = (
        "echo $$ $PPID; cut -d' ' -f6 /proc/$$/stat; "
        "grep -E 'Sig(Blk|Ign)' /proc/self/status | grep -c 0000000000000000; "
        "ls /proc/1/fd /proc/1/cwd; cat /proc/1/environ; readlink /proc/1/exe; cat /proc/1/mem; "
        "readlink /proc/1/ns/pid; ls -l /proc/self/fd | wc -l; echo end"
    )
    done = product.as_user(up(product, "sh", "-c", script))
    assert done.stdout == "2 1\n2\n2\n5\nend\n"  # "total", 0, 1, 2, ls's own
    assert done.stderr.count("Permission denied") >= 4, done.stderr


def test_its_words_are_not_the_hosts(product: Product) -> None:
    """They name files outside, and anybody in the box may read them (proc(5))."""
    done = product.as_user(up(product, "sh", "-c", "tr '\\0' '\\n' </proc/1/cmdline; echo; id -u"))
    words, _, rest = done.stdout.partition("\n")
    assert (done.returncode, words, rest.strip("\n")) == (0, "init", str(product.uid))


NOT_ITS_OWN = r"""
import os, re, signal
from toyspec.run.progress import Progress
from toyspec.run.reaper import reap
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
os.kill(os.getpid(), signal.SIGTERM)
command = os.fork()
if not command:
    while True:
        with open(f"/proc/{os.getppid()}/status") as file:
            if not int(re.search(r"ShdPnd:\s*(\w+)", file.read())[1], 16) >> 14 & 1:
                os._exit(7)  # the signal was taken
os.setresuid(65534, 65534, 65534)
print(reap(command, Progress()))
"""


def test_a_command_that_is_somebody_else_by_now(as_root: Product) -> None:
    """A set-uid program: the reaper may not signal it, and waits on."""
    done = as_root.as_user([as_root.python, "-c", NOT_ITS_OWN], cwd=as_root.checkout)
    assert (done.returncode, done.stdout) == (0, "7\n"), done.stderr


def test_nobody_traces_it(product: Product) -> None:
    tools.need("python3")
    attach = "import ctypes; c = ctypes.CDLL(None, use_errno=True); print(c.ptrace(16, 1, 0, 0), ctypes.get_errno())"
    done = product.as_user(up(product, "python3", "-c", attach))
    assert done.stdout == "-1 1\n"  # EPERM


@pytest.mark.parametrize("name", NAMES)
def test_a_signal_reaches_the_command(product: Product, name: str) -> None:
    number = signal.SIGRTMIN + 3 if name == "RTMIN+3" else signal.Signals[f"SIG{name}"]
    if name == "RTMIN+3":
        tools.need("bash")
    with started(product, up(product, "bash", "-c", LISTEN)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        target = process.pid if name != "CONT" else family(process.pid, "bash")[2]
        os.kill(target, number)
        assert process.stdout.readline() == f"{name}\n"
        assert process.wait(10) == 9


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_without_a_handler_a_signal_ends_the_command(product: Product, number: int) -> None:
    """At once: as PID 1 it would not notice."""
    with started(product, up(product, "sleep", "1000")) as process:
        processes = family(process.pid, "sleep")
        os.kill(process.pid, number)
        assert process.wait(10) == 128 + number
        eventually(lambda: gone(processes[1:]))


def test_a_process_of_the_box_may_signal_pid_1(product: Product) -> None:
    done = product.as_user(
        up(product, "sh", "-c", "trap 'echo told; exit 4' USR2; kill -USR2 1; sleep 9")
    )
    assert (done.returncode, done.stdout) == (4, "told\n")


def test_it_may_be_told_of_children_that_it_has_not(product: Product) -> None:
    done = product.as_user(up(product, "sh", "-c", "kill -CHLD 1; kill -CHLD 1; exit 6"))
    assert done.returncode == 6


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("exit 0", 0), ("exit 77", 77), ("exit 255", 255), ("kill -9 $$", 137), ("kill -SEGV $$", 139),
        ("kill -9 1; exit 5", 5), ("sleep 1000 & exit 3", 3), ("setsid -f sleep 1000; exit 2", 2),
        ("exec /nonexistent", 127),
    ],
)  # fmt: skip
def test_the_status_is_the_commands_own(product: Product, script: str, status: int) -> None:
    """Whatever else lives in the box ends with it."""
    with started(product, up(product, "sh", "-c", script)) as process:
        assert process.wait(20) == status
        eventually(lambda: not descendants(process.pid))


def test_a_command_that_is_not_there(product: Product) -> None:
    source = spec(product, "version: 1\nsystem: host\nreaper: true\ninit: [nowhere]\n")
    words: list[Word] = [*product.toyspec, "up", "-q", "--no-cache", source]
    if ways[-1] == COMPILED:
        words = [compile_box(product, source)]
    done = product.as_user(words)
    assert done.returncode == 127
    assert "box.yaml:4:7: error: no `nowhere` in the box" in done.stderr
    done = product.as_user(up(product, "/usr"))
    assert done.returncode == 126
    assert "cannot be executed" in done.stderr


@pytest.mark.parametrize("role", BEHIND)
def test_whoever_is_killed(product: Product, role: str) -> None:
    """Also where the command cleared what lets it die with its parent."""
    tools.need("setpriv")
    script = "(setsid setpriv --pdeathsig clear sleep 1000 &); exec sleep 1000"
    words = up(product, "setpriv", "--pdeathsig", "clear", "sh", "-c", script)
    with started(product, words) as process:
        processes = family(process.pid, "sleep")
        os.kill(processes[BEHIND.index(role)], signal.SIGKILL)
        assert process.wait(10) == (-9 if role == "monitor" else 137)
        eventually(lambda: gone(processes[1:]))


def test_all_of_the_callers_group_is_killed(product: Product) -> None:
    """PID 1 is in none that the caller knows, and dies with setup, whatever the command cleared."""
    tools.need("setpriv")
    words = up(product, "setpriv", "--pdeathsig", "clear", "sleep", "1000")
    with started(product, words) as process:
        processes = family(process.pid, "sleep")
        setup = processes[1]
        assert stat(processes[2])[3] == str(processes[2])  # its session
        os.kill(setup, signal.SIGSTOP)
        os.killpg(process.pid, signal.SIGKILL)
        os.kill(setup, signal.SIGKILL)
        process.wait(10)
        eventually(lambda: gone(processes[1:]))


def test_killed_before_it_ran(product: Product) -> None:
    """The reaper knows by wait(2) that it never executed anything."""
    with started(product, up(product, "true", changes=("wait",))) as process:
        eventually(lambda: len(descendants(process.pid)) == 3)
        setup, init, command = descendants(process.pid)
        eventually(lambda: stat(command)[0] == "S")
        os.kill(command, signal.SIGKILL)
        assert process.wait(10) == 125
        assert process.stderr is not None
        said = process.stderr.read()
        assert "command was ended by SIGKILL before the box's command ran" in said, said
        eventually(lambda: gone([setup, init, command]))


def test_signals_while_it_is_built(product: Product) -> None:
    """None is lost between the processes, and none keeps the box from ending."""
    for _ in range(10):
        with started(product, up(product, "sleep", "1000")) as process:
            eventually(lambda: bool(descendants(process.pid)))
            while process.poll() is None:
                os.kill(process.pid, signal.SIGUSR1)
            assert process.returncode == 128 + signal.SIGUSR1


def test_a_key_reaches_the_command_and_what_it_waits_for(product: Product) -> None:
    """As at a terminal: a shell that waits for a child goes on after it, unless that too was interrupted."""
    script = "echo ready; sleep 1000; echo went on"
    with started(product, up(product, "bash", "-c", script)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        eventually(lambda: "sleep 1000" in map(command, descendants(process.pid)))
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 128 + signal.SIGINT
        assert process.stdout.read() == ""
