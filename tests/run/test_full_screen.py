"""Programs that take the whole screen, in a box, in a window of tmux: what a person sees."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import tools
from tests.product import Product, Word
from tests.run.boxes import SECONDS, up

PROMPT = "OUTSIDE>"


class Window:
    """A shell in a tmux of its own, as the product's user."""

    def __init__(self, product: Product, socket: Path) -> None:
        self.product, self.socket = product, socket
        self.tmux(
            "new-session", "-d", "-x", "80", "-y", "24", f"PS1='{PROMPT} ' bash --norc --noprofile"
        )
        self.shows(PROMPT)

    def tmux(self, *words: str) -> str:
        done = self.product.as_user(
            ["tmux", "-f", "/dev/null", "-S", self.socket, *words], env={"TERM": "xterm"}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def shows(self, *wanted: str, without: str | None = None) -> str:
        """Wait until all that stands on the screen."""
        end = time.monotonic() + SECONDS
        while True:
            seen = self.screen()
            if all(each in seen for each in wanted) and (without is None or without not in seen):
                return seen
            assert time.monotonic() < end, seen
            time.sleep(0.05)

    def type(self, *keys: str) -> None:
        """By tmux's names: Enter, C-c, Escape; anything else as it stands."""
        self.tmux("send-keys", *keys)

    def start(self, words: Sequence[Word]) -> None:
        script = self.product.directory() / "start"
        quoted = " ".join("'" + str(word).replace("'", "'\\''") + "'" for word in words)
        self.product.write(script, f"exec {quoted}\n")
        self.type(f"sh {script}", "Enter")


@contextmanager
def window(product: Product) -> Iterator[Window]:
    tools.need("tmux", "bash")
    socket = product.directory() / "tmux"
    made = Window(product, socket)
    try:
        yield made
    finally:
        product.as_user(["tmux", "-S", socket, "kill-server"])


@pytest.mark.usefixtures("either_way")
def test_vi_edits_in_a_window_that_changes(product: Product) -> None:
    tools.need("vi")
    with window(product) as outside:
        outside.start(
            up(
                product,
                "sh",
                "-c",
                "export TERM=screen; vi -u NONE /tmp/f; echo; cat /tmp/f; read x",
            )
        )
        outside.shows("~\n~\n~")
        outside.type("i", "one line", "Enter", "and another", "Escape")
        outside.shows("one line\nand another\n~")
        outside.tmux("resize-window", "-x", "60", "-y", "12")
        outside.shows("one line\nand another\n~")
        outside.type(":set columns? lines?", "Enter")
        outside.shows("columns=60", "lines=12")
        outside.type("Enter", ":wq", "Enter")
        outside.shows("\none line\nand another\n", without="~")
        outside.type("Enter")
        outside.shows(PROMPT)


@pytest.mark.usefixtures("either_way")
def test_vi_in_a_shell_of_the_box_is_stopped_by_its_key(product: Product) -> None:
    tools.need("vi", "bash")
    with window(product) as outside:
        outside.start(up(product, "bash", "--norc"))
        outside.shows("bash-")
        outside.type("PS1='INSIDE> '; clear; vi -u NONE", "Enter")
        outside.shows("~\n~\n~")
        outside.type("i", "words", "Escape", "C-z")
        outside.shows("Stopped", "INSIDE>")
        outside.type("fg", "Enter")
        outside.shows("words\n~")
        outside.type(":q!", "Enter")
        outside.shows("INSIDE>")
        outside.type("exit", "Enter")
        outside.shows(PROMPT)


@pytest.mark.usefixtures("either_way")
def test_less_and_top_fill_the_window_they_have(product: Product) -> None:
    tools.need("less", "top")
    with window(product) as outside:
        outside.start(up(product, "sh", "-c", "export TERM=screen; seq 1000 | less; top -d 1"))
        outside.shows("\n23\n:")
        outside.type("G")
        outside.shows("978\n", "1000\n(END)")
        outside.tmux("resize-window", "-x", "70", "-y", "10")
        outside.type("g")
        outside.shows("1\n2\n3\n4\n5\n6\n7\n8\n9\n")
        outside.type("q")
        outside.shows("PID", "USER", "top -")
        outside.type("C-c")
        outside.shows(PROMPT)


@pytest.mark.usefixtures("either_way")
def test_a_full_screen_program_as_init_is_stopped_and_draws_itself_anew(product: Product) -> None:
    """Linux does not stop a PID 1 that stops itself: the whole box holds still instead."""
    tools.need("less")
    with window(product) as outside:
        outside.start(up(product, "env", "TERM=screen", "less", "/usr/share/common-licenses/GPL-3"))
        outside.shows("GNU GENERAL PUBLIC LICENSE")
        outside.type("C-z")
        outside.shows("Stopped", PROMPT)
        outside.type("clear; stty -a | grep -o ' icanon'", "Enter")
        outside.shows(" icanon", without="GNU GENERAL PUBLIC LICENSE")
        outside.type("fg", "Enter")
        outside.shows("GNU GENERAL PUBLIC LICENSE")
        outside.type("q")
        outside.shows(PROMPT, without="GNU GENERAL PUBLIC LICENSE")
