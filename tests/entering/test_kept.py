"""What entered a box is kept for the next time, and used only where it would be made again the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.entering.boxes import Box, running
from tests.kernel_side.test_trace_equals_plan import read_all
from tests.product import Product, Word
from tests.run.boxes import spec

UNREADABLE = "the plan of the box `box` cannot be read"


@pytest.fixture
def box(product: Product) -> Iterator[Box]:
    """One that was entered once, and whose plan has gone: what is made anew from then on fails."""
    with running(product, spec(product), env={"TERM": "xterm"}) as made:
        assert made.exec("true").returncode == 0
        (made.state / "plan.json").write_text("gone")
        yield made


def kept(box: Box) -> Path:
    (file,) = box.state.glob("exec.*")
    return file


def is_kept(box: Box) -> bool:
    done = box.exec("echo", "in")
    assert done.stdout == "in\n" or UNREADABLE in done.stderr, done
    return done.returncode == 0


def test_any_command_is_served(box: Box) -> None:
    seen = kept(box).stat()
    assert (seen.st_mode & 0o777, seen.st_uid) == (0o600, box.product.uid)
    for argv, ends in (
        (["sh", "-c", "echo $0 $1; exit 4", "a", "b c"], (4, "a b c\n", "")),
        (["id", "-u"], (0, f"{box.product.uid}\n", "")),
        (["/bin/echo", "--", "-T"], (0, "-- -T\n", "")),
    ):
        done = box.exec(*argv)
        assert (done.returncode, done.stdout, done.stderr) == ends
    done = box.exec("nothing-of-that-name")
    assert done.returncode == 127
    assert "no `nothing-of-that-name` in the box" in done.stderr
    assert box.exec("/etc").returncode == 126


@pytest.mark.parametrize("options", [["-e", "A=1"], ["-w", "/tmp"], ["-T"]])
def test_other_options_are_another_command(box: Box, options: list[str]) -> None:
    assert UNREADABLE in box.exec("true", options=options).stderr
    assert is_kept(box)


def test_it_is_used_while_toyspec_is_the_same(box: Box) -> None:
    assert is_kept(box)
    os.utime(box.product.checkout / "toyspec/plan/entering.py")
    assert not is_kept(box)


def test_what_is_damaged_is_not_used(box: Box) -> None:
    data = kept(box).read_bytes()
    for damaged in (
        b"",
        data[:-1],
        data + b"x",
        data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
    ):
        kept(box).write_bytes(damaged)
        assert not is_kept(box)
    kept(box).write_bytes(data)
    assert is_kept(box)
    kept(box).chmod(0o644)
    assert not is_kept(box)


def test_it_is_that_box_s(box: Box) -> None:
    """Another one of its name has another plan, and other processes; one that ended has none."""
    assert is_kept(box)
    old = kept(box).read_bytes()
    done = box.product.run(["restart", "-t", "0", box.name])
    assert done.returncode == 0, done.stderr
    assert not list(box.state.glob("exec.*"))
    assert box.exec("true").returncode == 0
    name = kept(box)
    name.write_bytes(old)
    assert is_kept(box)
    assert name.read_bytes() != old, "what was of the old box was made anew"
    box.product.run(["stop", "-t", "0", box.name])
    done = box.exec("true")
    assert done.returncode == 125
    assert "the box `box` has ended, with status" in done.stderr


def test_it_is_for_a_box_that_lives(box: Box) -> None:
    """After another boot all numbers that were kept may be right, and nobody holds the lock."""
    assert is_kept(box)
    again = box.state.with_name("again")
    shutil.copytree(box.state, again)
    box.product.own(again)
    for file in again.iterdir():
        assert file.read_bytes() == (box.state / file.name).read_bytes()
    done = box.product.run(["exec", "again", "--", "echo", "in"])
    shutil.rmtree(again)
    assert (done.returncode, done.stdout) == (125, "")
    assert "the box `again` has ended, nobody was left to say how" in done.stderr


# A terminal that goes away while the command begins: the second look at it finds none.
GOES = """
import sys
from toyspec.start import look
left = [True] * 3
look._is_ours = lambda fd: bool(left and left.pop())
from toyspec.cli.main import main
sys.exit(main())
"""


def test_what_is_kept_for_a_terminal_was_made_for_one(product: Product) -> None:
    with running(product, spec(product)) as made:
        enters: list[Word] = ["exec", made.name, "--", "sh", "-c", "tty"]
        for words in ([product.python, "-c", GOES, *enters], [*product.toyspec, *enters]):
            process, screen = product.terminal(words, program=True)
            with process:
                shown: list[bytes] = []
                read_all(screen, shown)
                assert (process.wait(60), b"".join(shown)) == (0, b"/dev/pts/0\r\n")
            os.close(screen)
