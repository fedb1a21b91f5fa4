"""What resident code reads of processes, and how it holds them still; and the clock of the vDSO."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.emit.resident.interpreted import numbers
from tests.run.boxes import become, children, command, eventually, state
from toyspec.emit.resident import clock, freeze, going, process, record, times, words
from toyspec.run import ending
from toyspec.run import freeze as run_freeze

_SYSINFO_EHDR = 33


@pytest.fixture
def family() -> Iterator[list[int]]:
    """A shell, a child, and a child of that one's."""
    script = 'sleep 1000 & sh -c "sleep 1000 & wait" & wait'
    with subprocess.Popen(["sh", "-c", script], start_new_session=True) as shell:
        found: list[int] = []

        def complete() -> bool:
            found[:] = [shell.pid, *children(shell.pid)]
            found.extend(pid for child in found[1:] for pid in children(child))
            return len(found) == 4

        eventually(complete)
        yield found
        for pid in found:
            os.kill(pid, signal.SIGKILL)


def test_everything_holds_still_and_goes_on(family: list[int]) -> None:
    stopped = numbers(0, 0, 0)
    freeze.begin_table(stopped)
    freeze.freeze(family[0], stopped)
    assert {state(pid) for pid in family} == {"T"}  # at once: none of them can do anything now
    assert words.load64(stopped + 16) == len(family)
    assert words.load32(words.load64(stopped)) == family[0]  # init is the first to go on
    freeze.thaw(stopped)
    become("S", *family)
    freeze.end_table(stopped)


def test_the_executor_waits_for_that_too(family: list[int]) -> None:
    stopped = run_freeze.freeze(family[0])
    assert {state(pid) for pid in family} == {"T"}
    assert sorted(stopped) == sorted(family)
    run_freeze.thaw(stopped)
    become("S", *family)


def test_a_table_grows() -> None:
    table = numbers(0, 0, 0)
    freeze.begin_table(table)
    for pid in range(1, 1001):
        freeze._add(table, pid, pid // 2, 0, 0)
    for pid in range(1, 1001):
        assert words.load32(freeze._entry_of(table, pid)) == pid
        assert freeze._descends(table, freeze._entry_of(table, pid), 1)
    assert not freeze._entry_of(table, 1001)
    assert not freeze._descends(table, freeze._entry_of(table, 2), 3)
    freeze.end_table(table)


def test_whether_it_made_an_execve() -> None:
    child = os.fork()
    if not child:
        signal.pause()
    assert process.executed(child) == 0
    assert process.executed(os.getpid()) == 1
    assert process.ended(child) == 0
    process.kill(child)
    eventually(lambda: process.ended(child))
    assert process.executed(child) == 0  # a zombie too
    assert process.wait_for(child) == signal.SIGKILL
    assert process.wait_for(child) == -1


def test_the_masks_of_a_process_say_what_it_takes() -> None:
    for mask in (0, 1, 0x102, 0x7FFFFFFE7FFBFEFF):
        kept = ctypes.create_string_buffer(b"%016x\n" % mask)
        assert process._mask(ctypes.addressof(kept)) == mask
    for line, one in (("\t7\t1\n", 1), ("\t7\t11\n", 0), ("\t1\n", 1), ("\t7\n", 0)):
        kept = ctypes.create_string_buffer(line.encode())
        assert process._ends_in_one(ctypes.addressof(kept)) == one


def test_the_clock_of_the_vdso() -> None:
    auxiliary = ctypes.CDLL(None).getauxval
    auxiliary.restype = ctypes.c_ulong
    image = auxiliary(_SYSINFO_EHDR)
    if not image:
        assert times.clock_of(image) == 1  # by call
        return
    found = times.clock_of(image)
    assert found > image
    file, box = numbers(*[0] * (record.FILE_SIZE // 8)), numbers(*[0] * (record.BOX_SIZE // 8))
    page = numbers(*[0] * 512)
    words.store64(box + record.FILE, file)
    words.store64(box + record.PAGE, page)
    times.done(box, 3, -17)
    assert words.load64(page + record.TIMES + 48) == 0  # nobody looks on
    for way in (found, 1):
        words.store64(file + record.CLOCK, way)
        before = time.time_ns()
        times.done(box, 3, -17)
        assert before <= words.load64(page + record.TIMES + 48) <= time.time_ns()
        assert words.load64(page + record.TIMES + 56) == -17
    assert abs(clock.now() - time.monotonic() * 1000) < 1000


FORKS = """
import os, signal, sys
if os.fork() == 0:
    if sys.argv[1] == "executed":
        os.execvp("sleep", ["sleep", "1000"])
    signal.pause()
os.fork() or os.execvp("sleep", ["sleep", "1000"])
signal.pause()
"""


@pytest.mark.parametrize(("how", "ran"), [("executed", 1), ("forked", 0)])
def test_whether_the_oldest_child_was_executed(how: str, ran: int) -> None:
    """Whatever became of a younger one."""
    with subprocess.Popen([sys.executable, "-c", FORKS, how], start_new_session=True) as parent:
        try:
            eventually(lambda: len(children(parent.pid)) == 2)
            eventually(lambda: command(children(parent.pid)[1]).startswith("sleep"))
            oldest = children(parent.pid)[0]
            eventually(lambda: command(oldest).startswith("sleep") == bool(ran))
            assert going.has_run(parent.pid) == ran
            assert ending.has_run(parent.pid) is bool(ran)
            os.kill(oldest, signal.SIGKILL)
            become("Z", oldest)
            assert going.has_run(parent.pid) == ran
            assert ending.has_run(parent.pid) is bool(ran)
        finally:
            os.killpg(parent.pid, signal.SIGKILL)


def test_without_a_child_nothing_tells_whether_it_ran() -> None:
    with subprocess.Popen(["sleep", "1000"]) as process_:
        assert going.has_run(process_.pid) == 0
        assert ending.has_run(process_.pid) is False
        process_.kill()
    assert going.has_run(process_.pid) == 1  # nor is it listed
