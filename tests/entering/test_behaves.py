"""What `exec` is like to use: its status, streams, words, errors, and its end."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.entering.boxes import Box, running
from tests.kernel_side.test_trace_equals_plan import read_all
from tests.product import Product
from tests.run.boxes import spec


@pytest.fixture
def box(product: Product) -> Iterator[Box]:
    with running(product, spec(product)) as made:
        yield made


@pytest.mark.parametrize(
    ("argv", "status"),
    [(["true"], 0), (["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 137),
     (["sh", "-c", "kill -TERM $$"], 143), (["nothing-of-that-name"], 127), (["/etc"], 126),
     (["/bin/nothing"], 127)],
)  # fmt: skip
def test_its_status_is_the_command_s(box: Box, argv: list[str], status: int) -> None:
    done = box.exec(*argv)
    assert done.returncode == status, done.stderr


def test_on_a_terminal_it_has_one_of_the_box_s(box: Box) -> None:
    """Of the box's own devpts, with job control; the caller's is not to be seen."""
    script = "tty; stty size; echo $TERM; ps -o tpgid=,pgid= -p $$; ls /proc/self/fd; exit 3"
    words = ["exec", box.name, "--", "bash", "-c", script]
    process, screen = box.product.terminal(words, env={"TERM": "xterm-256color"}, size=(33, 99))
    with process:
        shown: list[bytes] = []
        read_all(screen, shown)
        assert process.wait(timeout=60) == 3, shown
    os.close(screen)
    tty, size, term, groups, *fds = b"".join(shown).decode().split("\r\n")
    assert (tty, size, term) == ("/dev/pts/0", "33 99", "xterm-256color")
    assert len(set(groups.split())) == 1, groups
    assert " ".join(fds).split() == ["0", "1", "2", "3"]


def test_without_a_terminal_it_has_none(box: Box) -> None:
    words = ["exec", "-T", box.name, "--", "sh", "-c", "ps -o tty= -p $$; echo $TERM"]
    process, screen = box.product.terminal(words, env={"TERM": "xterm-256color"})
    with process:
        shown: list[bytes] = []
        read_all(screen, shown)
        assert process.wait(timeout=60) == 0, shown
    os.close(screen)
    assert b"".join(shown).split() == [b"?"]
