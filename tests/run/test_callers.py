"""Callers in odd states: nothing of theirs breaks a box, leaks into it, or is reaped."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Sequence

import pytest

from tests import tools
from tests.product import Product, Word
from tests.run.boxes import (
    command,
    descendants,
    eventually,
    exists,
    family,
    gone,
    spec,
    started,
    up,
)


def prepared(product: Product, before: str, words: Sequence[Word]) -> list[Word]:
    """A Python that does something, and then becomes the words."""
    program = (
        f"import os, resource, signal, sys, time\n{before}\nos.execv(sys.argv[1], sys.argv[1:])"
    )
    return [product.python, "-I", "-c", program, *words]


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("argv", [["sh", "-c", "exit 3"], ["nonesuch"]])
def test_closed_standard_streams(product: Product, closed: str, argv: list[str]) -> None:
    words = up(product, *argv, quiet=False)
    done = product.as_user(["sh", "-c", f'exec "$@" {closed}', "sh", *words], input="")
    assert done.returncode == (3 if argv[0] == "sh" else 127)


@pytest.mark.usefixtures("either_way")
def test_closed_standard_input_is_no_descriptor_of_ours_inside(product: Product) -> None:
    words = up(product, "sh", "-c", "readlink /proc/self/fd/0; cat; echo $?")
    done = product.as_user(["sh", "-c", 'exec "$@" <&-', "sh", *words])
    assert done.stdout == "/dev/null\n0\n"


WAYS_OUT = {
    "</tmp": "standard input is a directory",
    "2</tmp": "",
    "1</tmp": "standard output is a directory",
    "place": "standard input was opened with O_PATH",
}
"""How a shell opens them, and what is said of it, where anybody can read that."""


def leading_out(opened: str, words: Sequence[Word]) -> list[Word]:
    """The words, given such a stream."""
    if opened == "place":
        return ["python3", "-c", PLACE, *words]
    return ["sh", "-c", f'exec "$@" {opened}', "sh", *words]


PLACE = """
import os, sys
os.dup2(os.open("/etc/passwd", os.O_PATH), 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("opened", sorted(WAYS_OUT))
def test_a_stream_that_leads_out_of_the_box(product: Product, opened: str) -> None:
    """/proc/self/fd/0/.. would be a way to the host's files, writable or not in the box."""
    target = product.directory() / "made"
    words = up(product, "sh", "-c", f"echo x >/proc/self/fd/${{0#sh}}/..{target}", "0")
    done = product.as_user(leading_out(opened, words))
    assert (done.returncode, done.stdout) == (125, "")
    said = WAYS_OUT[opened]
    assert f"error: {said}, a way out of the box" in done.stderr or not said
    assert "give it a file or a pipe" in done.stderr or not said
    assert not target.exists()
    assert product.as_user(up(product, "cat"), input="x").stdout == "x"


@pytest.mark.usefixtures("either_way")
def test_a_file_can_be_opened_anew_and_a_pipe_hides_it(product: Product) -> None:
    """As docs/life.md says, under "Streams that are files"."""
    said = (product.checkout / "docs/life.md").read_text()
    assert "### Streams that are files" in said
    file = product.write(product.directory() / "notes", "mine\n")
    words = up(product, "sh", "-c", "cat; echo changed >/proc/self/fd/0")
    done = product.as_user(["sh", "-c", f'cat {file} | "$@" >/dev/null', "sh", *words])
    assert file.read_text() == "mine\n", done
    done = product.as_user(["sh", "-c", f'"$@" <{file}', "sh", *words])
    assert (done.returncode, done.stdout) == (0, "mine\n")
    assert file.read_text() == "changed\n"


def test_where_a_box_is_kept_too(product: Product) -> None:
    """By Python, and by the front, which starts the kept box that leaves it to Python."""
    source = spec(product)
    words: list[Word] = [*product.toyspec, "run", source, "--", "sh", "-c", "echo ran"]
    for _ in range(3):
        assert product.as_user(words).stdout == "ran\n"
    for opened, said in WAYS_OUT.items():
        for begin in (words, [product.python, "-B", product.script, *words[1:]]):
            if "O_PATH" in said or begin is words:  # Python does not begin with a directory
                done = product.as_user(leading_out(opened, begin))
                assert (done.returncode, done.stdout) == (125, "")
                assert done.stderr.count(said) == 1 or not said


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("limit", [12, 16, 32])
def test_few_descriptors(product: Product, limit: int) -> None:
    before = f"resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))"
    done = product.as_user(prepared(product, before, up(product, "sh", "-c", "ulimit -n")))
    assert (done.stdout, done.returncode) == (f"{limit}\n", 0)


@pytest.mark.usefixtures("either_way")
def test_blocked_and_ignored_signals(product: Product) -> None:
    before = """
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
for number in (signal.SIGCHLD, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)"""
    words = up(product, "cat", "/proc/self/status")
    done = product.as_user(prepared(product, before, words))
    assert done.returncode == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    masks = {
        line[0]: int(line[1], 16) for line in lines if line[0] in {"SigBlk:", "SigIgn:", "SigCgt:"}
    }
    assert masks == {"SigBlk:": 0, "SigIgn:": 0, "SigCgt:": 0}


@pytest.mark.usefixtures("either_way")
def test_what_the_caller_ignores_is_not_handed_on(product: Product) -> None:
    """nohup(1)."""
    tools.need("nohup")
    words = ["nohup", *up(product, "sleep", "1000", changes=["grace=0.1"])]
    with started(product, words) as process:
        processes = family(process.pid, "sleep")
        os.kill(process.pid, signal.SIGHUP)
        time.sleep(0.3)
        assert all(map(exists, processes))
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 137


@pytest.mark.usefixtures("either_way")
def test_children_that_were_there_before(product: Product) -> None:
    """A shell that started something and then became toyspec."""
    words = ["sh", "-c", 'sleep 0.05 & sleep 1000 & exec "$@"', "sh", *up(product, "sleep", "0.3")]
    with started(product, words) as process:
        eventually(lambda: len(descendants(process.pid)) >= 4)
        others = descendants(process.pid)
        assert process.wait(10) == 0
        left = [pid for pid in others if not gone([pid])]
        assert len(left) == 1
        os.kill(left[0], signal.SIGKILL)


@pytest.mark.usefixtures("either_way")
def test_a_child_subreaper_gets_nobody(product: Product) -> None:
    """Whoever adopts our orphans finds none."""
    before = """
import ctypes
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
if (child := os.fork()):
    status = os.waitpid(child, 0)[1]
    try:
        print("adopted", os.waitpid(-1, 0))
    except ChildProcessError:
        print("nobody", os.waitstatus_to_exitcode(status))
    sys.exit()"""
    words = up(product, "sh", "-c", "sleep 1000 & exit 5")
    assert product.as_user(prepared(product, before, words)).stdout == "nobody 5\n"


def test_a_large_environment(product: Product) -> None:
    large = {f"BIG{index}": "x" * 100_000 for index in range(12)}
    done = product.run(["up", "-q", spec(product), "--", "sh", "-c", "echo ${#BIG1}"], env=large)
    assert (done.stdout, done.returncode) == ("0\n", 0)


@pytest.mark.parametrize("proc", [[], ["--mount-proc"]])
def test_as_pid_1_of_a_namespace(product: Product, proc: list[str]) -> None:
    """Without --mount-proc, /proc counts pids as the host does, and not as toyspec does."""
    tools.need("unshare")
    outside = ["unshare", "--user", "--map-root-user", "--pid", "--fork", *proc]
    assert product.as_user([*outside, *up(product, "sh", "-c", "exit 7")]).returncode == 7
    failed = product.as_user([*outside, *up(product, "nonesuch")])
    assert failed.returncode == 127
    assert "no `nonesuch` in the box" in failed.stderr
    with started(
        product, [*outside, *up(product, "sleep", "1000", changes=["grace=0.2"])]
    ) as process:
        eventually(lambda: len(descendants(process.pid)) == 3)
        monitor = descendants(process.pid)[0]
        family(monitor, "sleep")
        os.kill(monitor, signal.SIGTERM)
        assert process.wait(10) == 137


def test_inside_a_box(product: Product) -> None:
    outer = f"""\
version: 1
system: host
binds: [{product.checkout.parent}]
working_dir: {product.checkout}
environment: [PATH]
seccomp: none
init: [sh]
"""
    path = spec(product, outer)
    nested: list[Word] = [*product.toyspec, "up", "-q", "specs/hello.yaml"]
    argv: list[Word] = ["up", "-q", path, "--", *nested]
    done = product.run(argv)
    assert done.stdout.startswith("hello from a box: I am PID 1 on hello")
    assert done.returncode == 0, done.stderr
    assert product.run([*argv, "--", "sh", "-c", "exit 4"]).returncode == 4
    assert product.run([*argv, "--", "nonesuch"]).returncode == 127
    closed = product.run(
        ["up", "-q", spec(product, outer.replace("none\n", "default\n")), "--", *nested]
    )
    assert closed.returncode == 125
    assert "`seccomp: none`" in closed.stderr


@pytest.mark.parametrize("verb", [["run"], ["up", "-q"]])
def test_a_waiting_command_is_found_by_its_words(product: Product, verb: list[str]) -> None:
    """As docs/life.md has it, planned anew, kept, and by the front; and the box sees nothing of it."""
    source = spec(product)
    script = "cat /proc/1/cmdline; exec sleep 1000"
    for option in ("--no-cache", "", "", ""):
        options = [option] if option else []
        words: list[Word] = [*product.toyspec, *verb, *options, source, "--", "sh", "-c", script]
        with started(product, words) as process:
            seen = command(family(process.pid, "sleep")[0])
            assert re.search(rf"toyspec.* {verb[0]} ", seen), seen
            assert option or seen.startswith(f"toyspec {verb[0]} "), seen
            process.kill()
            assert process.stdout is not None
            assert str(source) not in process.stdout.read()
