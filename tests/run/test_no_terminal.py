"""`-T`: a box on a terminal that is none of its business: its streams as they are, a session of its own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import signal
from functools import partial

import pytest

from tests import tools
from tests.product import Product, Word
from tests.run.boxes import (
    PROMPT,
    SESSION,
    TTY,
    become,
    command,
    descendants,
    eventually,
    gone,
    shell,
    spec,
    stat,
)
from tests.run.test_terminal import PUSH

WAYS = ("executor", "compiled", "kept")


def words_of(product: Product, way: str, *argv: str) -> list[Word]:
    """The words that bring up a box that runs `argv` without a terminal."""
    source = spec(product)
    if way == "compiled":
        file = source.with_suffix("")
        made = product.run(["compile", "-q", "-T", source, "-o", file])
        assert (made.returncode, made.stderr) == (0, "")
        return [file, "--", *argv]
    kept = [] if way == "kept" else ["--no-cache"]
    return [*product.toyspec, "up", "-q", "-T", *kept, source, "--", *argv]


@pytest.mark.parametrize("way", WAYS)
def test_a_session_of_its_own_and_the_callers_streams(product: Product, way: str) -> None:
    """In the foreground, and the shell's own terminal: what is typed comes through, keys are the monitor's."""
    words = words_of(
        product, way, "sh", "-c", 'test -t 0 && test -t 1; echo "$? <$TERM>"; exec cat'
    )
    for _ in range(2 if way == "kept" else 1):
        with shell(product) as outside:
            outside.start(words)
            assert outside.expect("0 <>\n").count("\n") == 1
            outside.type("typed\n")
            outside.expect("typed\ntyped\n")
            everyone = descendants(outside.process.pid)
            (init,) = [pid for pid in everyone if command(pid) == "cat"]
            assert (stat(init)[SESSION], stat(init)[TTY]) == (str(init), "0")
            outside.type("\x1a")
            assert "Stopped" in outside.expect(PROMPT)
            become("T", init)
            outside.type("fg\n")
            become("S", init)
            outside.type("\x04")
            outside.expect(PROMPT)
            assert outside.run("echo $?") == "0\n"
            eventually(partial(gone, everyone))


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_pushed_into_the_terminal(product: Product, way: str) -> None:
    """TIOCSTI and TIOCLINUX: neither the terminal is its own, nor does the filter let them through."""
    python = tools.need("python3")
    with shell(product) as outside:
        outside.start(words_of(product, way, python, "-c", PUSH))
        said = re.findall(r"^(0x\w+) (\w+)$", outside.expect(PROMPT), re.MULTILINE)
    assert [word for _, word in said][:6] == ["EPERM"] * 6


@pytest.mark.parametrize("way", WAYS)
def test_an_interrupt_reaches_it(product: Product, way: str) -> None:
    with shell(product) as outside:
        script = "trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done"
        outside.start(words_of(product, way, "sh", "-c", script))
        outside.expect("ready\n")
        outside.type("\x03")
        outside.expect(PROMPT)
        assert outside.run("echo $?") == "9\n"


@pytest.mark.parametrize("way", WAYS)
def test_an_interrupt_ends_the_loop_around_it(product: Product, way: str) -> None:
    with shell(product) as outside:
        script = "trap 'exit 130' INT; echo re''ady; while :; do sleep 0.05; done"
        line = shlex.join(map(os.fsdecode, words_of(product, way, "sh", "-c", script)))
        outside.type(f"for i in 1 2; do echo turn $i; {line}; done\n")
        outside.expect("ready\n")
        outside.type("\x03")
        assert "turn 2" not in outside.expect(PROMPT)
        assert outside.run("echo $?") == "130\n"


def test_the_plan_on_a_terminal_is_that_of_no_terminal(product: Product) -> None:
    """But for the filter that keeps input out of the terminal that a stream is."""
    source = spec(product)
    process, screen = product.terminal(
        [
            "sh",
            "-c",
            'exec "$0" plan --json -T "$1" > "$2"',
            *product.toyspec,
            source,
            source.parent / "plan",
        ],
        program=True,
    )
    assert process.wait(60) == 0
    os.close(screen)
    plan = json.loads((source.parent / "plan").read_text())
    assert not plan["exposure"]["terminal"]
    calls = [step["call"] for step in plan["steps"] if step["phase"] == "confine"]
    assert "setsid" in calls
    assert "ioctl" not in {
        step["call"] for step in plan["steps"] if step["item"].endswith("terminal")
    }
    without = json.loads(product.run(["plan", "--json", source]).stdout)
    own = [step["item"] for step in plan["steps"]]
    assert [each for each in own if "input pushed" not in each] == [
        step["item"] for step in without["steps"]
    ]
    assert own.count("no input pushed into your terminal") == 1


@pytest.mark.parametrize("way", WAYS)
def test_in_pipes(product: Product, way: str) -> None:
    """Bytes, statuses and SIGPIPE as of any other command."""
    script = 'bytes=$1; shift; head -c $bytes /dev/zero | "$@" | cat; echo ${PIPESTATUS[*]}'
    size = 3_000_000
    words = words_of(product, way, "sha256sum")
    done = product.as_user(["bash", "-c", script, "x", str(size), *words])
    assert done.stdout == f"{hashlib.sha256(bytes(size)).hexdigest()}  -\n0 0 0\n", done.stderr
    yes = words_of(product, way, "sh", "-c", "yes; exit $?")  # to a PID 1 no SIGPIPE is deadly
    done = product.as_user(["bash", "-c", '"$@" | head -1; echo ${PIPESTATUS[*]}', "x", *yes])
    assert (done.stdout, done.stderr) == (f"y\n{128 + signal.SIGPIPE} 0\n", "")
    head = words_of(product, way, "head", "-1")
    done = product.as_user(["bash", "-c", 'yes | "$@"; echo ${PIPESTATUS[*]}', "x", *head])
    assert (done.stdout, done.stderr) == (f"y\n{128 + signal.SIGPIPE} 0\n", "")
