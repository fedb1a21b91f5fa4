"""Boxes that run, left to themselves, for `toyspec exec` to enter."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.product import Product, Word
from tests.run.boxes import descendants, eventually
from toyspec.run.state import parse_status

READY = "=== stands ==="


@dataclass(frozen=True)
class Box:
    """A box that runs. `state` is where toyspec keeps what it knows of it."""

    product: Product
    name: str
    spec: Path
    state: Path

    @property
    def init(self) -> int:
        """Its PID 1, as the host counts."""
        return parse_status((self.state / "status").read_bytes()).child

    @property
    def plan(self) -> dict[str, Any]:
        """Its own."""
        found: dict[str, Any] = json.loads((self.state / "plan.json").read_bytes())
        return found

    def exec(
        self,
        *argv: str,
        options: Sequence[str] = (),
        env: Mapping[str, str | None] | None = None,
        input: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it, to its end."""
        words = ["exec", *options, self.name, "--", *argv]
        return self.product.run(words, cwd=self.spec.parent, env=env, input=input)

    def words(self, *argv: str, options: Sequence[str] = ()) -> list[Word]:
        """The words that do so."""
        return [*self.product.toyspec, "exec", *options, self.name, "--", *argv]

    def printed(self) -> str:
        """All that it has printed."""
        done = self.product.run(["logs", self.name])
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def processes(self) -> set[int]:
        """All that run in it."""
        return {self.init, *descendants(self.init)}


def sleeps(pid: int) -> bool:
    """Whether it is what a box's own command waits for at last."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"sleep\0001000\0")
    except OSError:
        return False


@contextmanager
def running(
    product: Product,
    spec: Path,
    command: str = "",
    *,
    env: Mapping[str, str | None] | None = None,
    shell: Sequence[str] = ("sh",),
    argv: Sequence[str] = (),
) -> Iterator[Box]:
    """A box of that spec, whose own command does `command`, and then waits; or is `argv`, which says
    by itself when it is ready.
    """
    script = f"{command}\necho '{READY}'\nwhile :; do {'/bin/busybox ' * (len(shell) > 1)}sleep 1000; done"
    words = ["--", *(argv or (*shell, "-c", script))]
    done = product.run(["up", "-d", spec, *words], cwd=spec.parent, env=env)
    assert done.returncode == 0, done.stderr
    name = done.stdout.strip()
    box = Box(product, name, spec, product.home / "run/toyspec/boxes" / name)
    try:
        eventually(lambda: READY.encode() in (box.state / "log").read_bytes())
        eventually(lambda: argv or any(map(sleeps, box.processes())))
        yield box
    finally:
        done = product.run(["down", name])
        assert (done.returncode, done.stderr) == (0, "")
