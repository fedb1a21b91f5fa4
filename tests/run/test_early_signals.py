"""Signals that come when the command was told to go, and before its execve is seen: it stands still there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.entering.boxes import running
from tests.product import Product, Word
from tests.run import boxes
from tests.run.boxes import (
    COMPILED,
    SPEC,
    command_line,
    compile_box,
    descendants,
    eventually,
    gone,
    joined,
    spec,
)
from tests.run.test_status import telling

PAUSES, BLIND = "pauses", "blind"
DEADLY = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
OTHERS = (signal.SIGUSR1, signal.SIGALRM, signal.SIGRTMIN + 3)
REAPER = f"{SPEC}reaper: true\n"
either_way = pytest.mark.usefixtures("either_way")


def bring_up(product: Product, text: str, change: str, *argv: str) -> list[Word]:
    source = spec(product, text)
    if boxes.ways[-1] == COMPILED:
        return [compile_box(product, source, [change]), "--", *argv]
    words = [*command_line(product, [change]), "up", "-q", "--no-cache", source]
    return [*words, "--", *argv]


@contextmanager
def begun(
    product: Product, words: Sequence[Word]
) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """The process, a descriptor for its standard input, and one that is told of the box."""
    stdin, typed = os.pipe()
    reader, writer = os.pipe()
    words = telling(writer, words)
    with product.popen(words, program=True, stdin=stdin, pass_fds=(writer,)) as process:
        os.close(stdin)
        os.close(writer)
        try:
            yield process, typed, reader
        finally:
            process.kill()
            os.close(typed)
            os.close(reader)


def told(reader: int) -> list[dict[str, Any]]:
    """All that it is told after the box stood."""
    with open(reader, closefd=False, encoding="ascii") as file:
        first, *rest = (json.loads(line) for line in file)
    assert "child-pid" in first
    return rest


def paused(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    assert process.stderr.readline() == "paused\n"


def taken(pid: int, number: int) -> bool:
    """Whether a signal that was sent does not wait any more."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigPnd", "ShdPnd"))]
    return not any(mask >> (number - 1) & 1 for mask in masks)


@either_way
@pytest.mark.parametrize("number", DEADLY)
@pytest.mark.parametrize("text", [SPEC, REAPER])
def test_one_that_ends_what_is_built(product: Product, text: str, number: signal.Signals) -> None:
    words = bring_up(product, text, PAUSES, "echo", "never")
    with begun(product, words) as (process, _, reader):
        paused(process)
        family = descendants(process.pid)
        process.send_signal(number)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 128 + number
        assert told(reader) == []
        assert gone(family)


@either_way
@pytest.mark.parametrize("number", DEADLY)
@pytest.mark.parametrize("text", [SPEC, REAPER])
def test_one_that_the_execve_overtakes(product: Product, text: str, number: signal.Signals) -> None:
    """Whether a reaper's child made it, nobody is left to say."""
    words = bring_up(product, text, BLIND, "sh", "-c", "echo runs; exec sleep 1000")
    with begun(product, words) as (process, _, reader):
        assert process.stdout is not None
        assert process.stdout.readline() == "runs\n"
        process.send_signal(number)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 128 + number
        ran = [{"running": True}, {"exit-code": 128 + number}]
        assert told(reader) == ([] if text is REAPER else ran)


@either_way
@pytest.mark.parametrize("number", OTHERS)
@pytest.mark.parametrize("text", [SPEC, REAPER])
def test_any_other_waits_for_the_command(product: Product, text: str, number: int) -> None:
    """PID 1 that has no handler for it does not hear of it; any other command ends by it."""
    words = bring_up(product, text, PAUSES, "sh", "-c", "sleep 0.1; exit 5")
    status = 128 + number if text is REAPER else 5
    with begun(product, words) as (process, typed, reader):
        paused(process)
        process.send_signal(number)
        eventually(partial(taken, process.pid, number))
        os.write(typed, b"\n")
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == status
        assert told(reader) == [{"running": True}, {"exit-code": status}]


@either_way
@pytest.mark.parametrize("number", OTHERS)
def test_it_ends_a_command_that_is_no_pid_1(product: Product, number: int) -> None:
    with joined(product) as text:
        words = bring_up(product, text, PAUSES, "sleep", "1000")
        with begun(product, words) as (process, typed, reader):
            paused(process)
            process.send_signal(number)
            eventually(partial(taken, process.pid, number))
            os.write(typed, b"\n")
            assert process.communicate(timeout=60) == ("", "")
            assert process.returncode == 128 + number
            assert told(reader) == [{"running": True}, {"exit-code": 128 + number}]


@pytest.mark.parametrize("number", [*DEADLY, *OTHERS])
def test_of_exec_too(product: Product, number: int) -> None:
    """Its command is no PID 1: what it inherits it dies of, even before its execve."""
    with running(product, spec(product)) as box:
        before = box.processes()
        driven = command_line(product, [PAUSES])
        words = [*driven, *box.words("sleep", "1000")[len(product.toyspec) :]]
        stdin, typed = os.pipe()
        with product.popen(words, program=True, stdin=stdin) as process:
            os.close(stdin)
            paused(process)
            process.send_signal(number)
            if number not in DEADLY:
                eventually(partial(taken, process.pid, number))
                assert process.poll() is None
                os.write(typed, b"\n")
            assert process.communicate(timeout=60) == ("", "")
            assert process.returncode == 128 + number
        os.close(typed)
        eventually(lambda: box.processes() == before)
