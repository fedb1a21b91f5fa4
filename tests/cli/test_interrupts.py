"""^C before there is a box: it ends the command as it ends others, by the signal, and nothing is said."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import pytest

from tests.product import Product, Word
from tests.run.boxes import descendants, eventually, gone, spec

# The process interrupts itself: at once, before it imports a module, or as it leaves.
INTERRUPTS = """
import atexit, os, signal, sys
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
def heard(event, given):
    if event == "import" and given[0] == WHEN:
        interrupt()
WHEN = os.environ["WHEN"]
if WHEN == "at once":
    interrupt()
elif WHEN == "at the end":
    atexit.register(interrupt)
else:
    sys.addaudithook(heard)
"""
LATER = ("toyspec.start.again", "toyspec.start.look", "toyspec.cli.main", "toyspec.cli.error")
BY_SIGNAL = -signal.SIGINT


def interrupted(product: Product, words: Sequence[Word], when: str) -> tuple[int, str, str]:
    """How a command ends that is interrupted then."""
    directory = product.directory()
    product.write(directory / "sitecustomize.py", INTERRUPTS)
    done = product.as_user(words, env={"PYTHONPATH": str(directory), "WHEN": when})
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("when", ["at once", *LATER, "toyspec.cli.ps"])
def test_while_python_and_we_begin(product: Product, when: str) -> None:
    assert interrupted(product, [*product.toyspec, "ps"], when) == (BY_SIGNAL, "", "")


@pytest.mark.parametrize("when", [*LATER, "toyspec.cli.ps"])
def test_without_a_front(product: Product, when: str) -> None:
    """What it starts with is Python's own."""
    words: list[Word] = [product.python, "-P", "-m", "toyspec", "ps"]
    assert interrupted(product, words, when) == (BY_SIGNAL, "", "")


def test_as_it_leaves(product: Product) -> None:
    status, out, err = interrupted(product, [*product.toyspec, "ps", "-q"], "at the end")
    assert (status, out, err) == (BY_SIGNAL, "", "")


@pytest.mark.parametrize("verb", ["up", "run", "exec"])
@pytest.mark.parametrize("when", ["at once", *LATER])
def test_of_a_verb_with_a_command_s_status(product: Product, verb: str, when: str) -> None:
    named = "box" if verb == "exec" else spec(product)
    words = [*product.toyspec, verb, named, "--", "sh", "-c", "exit 1"]
    assert interrupted(product, words, when) == (BY_SIGNAL, "", "")


def test_one_that_is_ignored(product: Product) -> None:
    """As of a shell's job in the background."""
    words = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *product.toyspec, "ps", "-q"]
    assert interrupted(product, [*words], "at once") == (0, "", "")


@pytest.mark.parametrize("verb", ["up", "plan"])
def test_while_a_spec_is_read(product: Product, verb: str) -> None:
    here = product.directory()
    slow = here / "slow.yaml"
    os.mkfifo(slow)
    product.own(slow)
    process = product.popen([verb, "slow.yaml"], cwd=here)
    with process, open(slow, "wb"):  # it reads now, and gets nothing
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (BY_SIGNAL, "", "")


def test_the_box_hears_it_again(product: Product) -> None:
    """Whatever is blocked on the way is not blocked in the box, be it kept or not."""
    source = spec(product)
    script = "grep SigBlk /proc/self/status"
    for options in ([], [], ["--no-cache"]):
        done = product.run(["up", "-q", *options, source, "--", "sh", "-c", script])
        assert done.stdout.split() == ["SigBlk:", "0" * 16], done.stderr


# The launcher stands still where it is about to listen to its box.
WAITS = """
import sys, time
from toyspec.start.interrupts import end_by_interrupts
end_by_interrupts()
from toyspec.run import launch
def listen(reader):
    print("waits", flush=True)
    time.sleep(1000)
launch._listen = listen
from toyspec.cli.main import main
sys.exit(main())
"""


def test_a_box_that_begins_is_taken_back(product: Product) -> None:
    words: list[Word] = [product.python, "-c", WAITS, "up", "-d", spec(product), "--", "sleep", "9"]
    with product.popen(words, program=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        box = descendants(process.pid)
        assert box
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (out, err) == ("", "")
    assert process.returncode == BY_SIGNAL
    assert product.run(["ps", "-a", "-q"]).stdout == ""
    eventually(lambda: gone(box))


# It comes as soon as there are two of us: the box must not be left to nobody.
FORKS = """
import os, signal, sys
from toyspec.start.interrupts import end_by_interrupts
end_by_interrupts()
fork = os.fork
def forks():
    pid = fork()
    if pid:
        signal.raise_signal(signal.SIGINT)
    return pid
os.fork = forks
from toyspec.cli.main import main
sys.exit(main())
"""


def test_a_box_is_taken_back_that_was_only_forked(product: Product) -> None:
    """And what is kept of the one before it stays."""
    made = spec(product)
    up: list[Word] = ["up", "-d", made, "--"]
    assert product.run([*up, "sh", "-c", "echo before; exit 7"]).returncode == 0
    name = product.run(["ps", "-a", "-q"]).stdout.strip()
    assert product.run(["wait", name]).returncode == 7
    words: list[Word] = [product.python, "-c", FORKS, *up, "sleep", "1000"]
    with product.popen(words, program=True) as process:
        assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == BY_SIGNAL
    assert product.run(["ps", "-q"]).stdout == ""
    assert product.run(["wait", name]).returncode == 7
    assert product.run(["logs", name]).stdout == "before\n"
    assert product.run(["down", name]).returncode == 0
