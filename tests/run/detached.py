"""Detached boxes for these tests: a runtime directory of their own, and the verbs that find them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.product import Product, Word
from tests.run.boxes import eventually, exists, spec, stat
from toyspec.run import state
from toyspec.start.places import login_directory


def without_login(product: Product) -> None:
    """For a test without XDG_RUNTIME_DIR: skipped where that leads to this user's own boxes."""
    given = login_directory(product.uid)
    if os.path.exists(given):
        pytest.skip(f"{given} is there: without XDG_RUNTIME_DIR this user's own boxes are found")


class Place:
    """One user's boxes. What runs there ends with `end`, which gives what was left."""

    def __init__(self, product: Product, runtime: Path) -> None:
        self.product, self.runtime = product, runtime
        self.env = {"XDG_RUNTIME_DIR": str(runtime)}
        self.boxes = runtime / "toyspec/boxes"
        self.spec = spec(product)

    def run(self, *words: Word, **options: Any) -> subprocess.CompletedProcess[str]:
        """toyspec WORDS, to its end."""
        env = self.env | options.pop("env", {})
        return self.product.run(words, env=env, **options)

    def start(self, *words: Word, **options: Any) -> subprocess.Popen[str]:
        """toyspec WORDS, not waited for."""
        return self.product.popen(words, env=self.env, **options)

    def up(self, *argv: str, name: str = "box", text: str = "") -> str:
        """A box that runs argv."""
        done = self.run(*self.words(*argv, name=name, text=text))
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{name}\n", ""), done
        return name

    def words(self, *argv: str, name: str = "box", text: str = "") -> Sequence[Word]:
        """The words of `up`."""
        made = "version: 1\nsystem: host\ninit: [sh]\n" + text
        path = self.product.write(self.spec.parent / f"{name}.yaml", made)
        return ["up", "-d", path, *(["--", *argv] if argv else [])]

    def status(self, name: str = "box") -> state.Status:
        """What the box's monitor said."""
        return state.parse_status((self.boxes / name / "status").read_bytes())

    def ps(self) -> dict[str, dict[str, Any]]:
        """Every box, ended or not, by its name."""
        done = self.run("ps", "-a", "--format", "json")
        assert (done.returncode, done.stderr) == (0, "")
        return {each["name"]: each for each in json.loads(done.stdout)}

    def processes(self, name: str = "box") -> tuple[int, int, int]:
        """Monitor, setup, PID 1."""
        said = self.status(name)
        return said.monitor, said.setup, said.child

    def ends(self, name: str = "box") -> int:
        """Wait for its end; its status."""
        return self.run("wait", name).returncode

    def end(self) -> list[str]:
        """End everything; the names that there were."""
        found = sorted(each.name for each in self.boxes.iterdir()) if self.boxes.exists() else []
        for name in found:
            self.run("down", "-t", "0", name)
        return found


def kill(*pids: int) -> None:
    """One after the other; the end of one may be that of the next."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def gone(*pids: int) -> None:
    """Wait until they are no more, or zombies that nobody of ours has to reap."""
    eventually(lambda: all(not exists(pid) or stat(pid)[0] == "Z" for pid in pids))


@contextmanager
def place(product: Product) -> Iterator[Place]:
    """A runtime directory, in which nothing is left at the end."""
    runtime = product.directory()
    runtime.chmod(0o700)
    made = Place(product, runtime)
    try:
        yield made
    finally:
        made.end()
    assert [str(each) for each in runtime.rglob("*")] in (
        [],
        [str(runtime / "toyspec"), str(made.boxes)],
    )
