"""A spec's box run again and again, one step failed or its process killed each time.

A case costs a run and not a start of Python: each is a fork of a process that waits, traced from
there on. To be used in `isolation.isolated`.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from tests.kernel_side.driver import ON_TERMINAL
from tests.kernel_side.encode import Call, encode_plan
from tests.kernel_side.faults import KILL, Case
from tests.kernel_side.match import Checker, ending
from tests.kernel_side.operands import Json
from tests.kernel_side.tampering import AfterTrap, AtPlace, Tampering, set_free
from tests.kernel_side.tracer import Fail, Kill, Tracer
from tests.kernel_side.ways import COMPILED, DETACHED, EXECUTOR, Way
from tests.product import Product, Word

_APART: Final = {"terminal": True, "terminal_errors": False, "tty": True, "inherited": []}
_DRIVER: Final = Path("tests/kernel_side/driver.py")


class Forks:
    """A driver that forks a process for each case, which waits until it is traced."""

    def __init__(
        self,
        product: Product,
        scratch: Path,
        directory: Path,
        words: list[Word],
        *,
        terminal: bool = False,
    ) -> None:
        self.errors = scratch / "stderr"
        verb, *rest = words
        reader, self.gate = os.pipe()
        self.said = open(scratch / "driver", "w+b")  # noqa: SIM115 - close() closes it
        self.driver = product.popen(
            [product.python, product.checkout / _DRIVER, verb, str(reader), *rest],
            cwd=directory, stdin=subprocess.PIPE, stderr=self.said, pass_fds=(reader,),
            program=True, env={ON_TERMINAL: "1"} if terminal else None,
        )  # fmt: skip
        os.close(reader)
        answer, _, trap = self._line().partition(" ")
        self.trap = int(trap or 0)
        if answer != "ready":
            self.driver.wait()
            self.said.seek(0)
            raise AssertionError(f"the driver did not start: {self.said.read().decode()}")

    def close(self) -> None:
        """The driver ends; nothing of it is left."""
        self.driver.communicate(timeout=10)
        self.said.close()
        os.close(self.gate)

    def run(
        self, watcher: Checker | Tampering, seconds: float, traps: Iterable[int] = ()
    ) -> tuple[str, str]:
        """One case to its end: how it ended, and what it said. It `traps` before these steps."""
        assert self.driver.stdin is not None
        self.driver.stdin.write(" ".join([*map(str, traps), f"{self.errors}\n"]))
        self.driver.stdin.flush()
        tracer = Tracer(watcher)
        process = tracer.seize(int(self._line()))
        watcher.start(process)
        os.write(self.gate, b"!")
        try:
            tracer.run(seconds)
        finally:
            self._line()
        return ending(process.status), self.errors.read_text(errors="replace")

    def _line(self) -> str:
        assert self.driver.stdout is not None
        return self.driver.stdout.readline().strip()


@dataclass
class Server:
    """One spec, run in one way."""

    way: Way
    plan: Json
    calls: list[Call]
    forks: Forks

    def close(self) -> None:
        """Nothing of it is left."""
        self.forks.close()

    def reached(self) -> list[Call]:
        """The steps whose calls an undisturbed run makes: all but the rest of a search of PATH."""
        checker = self.way.checker(self.calls)
        status, stderr = self.forks.run(checker, 60)
        assert not checker.problems + checker.missing(), checker.problems + checker.missing()
        assert status == "exit 0", stderr
        self.learn(checker)
        return [call for call in self.calls if call.id in checker.seen]

    def learn(self, checker: Checker) -> None:
        """Of an undisturbed run."""

    def case(self, step: Call, kind: str) -> Case:
        """Run the box with `step` failing with the errno `kind`, or its process killed there."""
        action = Kill() if kind == KILL else Fail(getattr(errno, kind))
        watcher, traps = self.disturb(step, action)
        status, stderr = self.forks.run(watcher, 20, traps)
        return Case(step, kind, status, stderr, watcher.acted, watcher.problems, watcher.ran)

    def disturb(self, step: Call, action: Fail | Kill) -> tuple[Tampering, list[int]]:
        """What sees to it, and the steps before which the run has to trap."""
        raise NotImplementedError


class Executing(Server):
    """The product has the spec loaded, planned and lowered; each case is a fork of it."""

    @classmethod
    def start(cls, product: Product, spec: Path, scratch: Path, *, terminal: bool = False) -> Self:
        plan_file = scratch / "plan.json"
        forks = Forks(product, scratch, spec.parent, ["serve", plan_file, spec], terminal=terminal)
        plan = json.loads(plan_file.read_bytes())
        way = replace(EXECUTOR, programs=0)  # it runs already
        return cls(way, plan, encode_plan(plan, product.environ()), forks)

    def disturb(self, step: Call, action: Fail | Kill) -> tuple[Tampering, list[int]]:
        lets_go = {call.id: call.number for call in set_free(self.calls, step)}
        watcher = AfterTrap(step.id, step.number, action, trap=self.forks.trap, lets_go=lets_go)
        return watcher, [step.id, *lets_go]


@dataclass
class Compiled(Server):
    """A compiled file: each call of its stands at a place of its own, so that a run need not be
    stopped at any call before the one that is meant.
    """

    places: dict[int, int] = field(default_factory=dict)

    @classmethod
    def start(cls, product: Product, spec: Path, scratch: Path, *, terminal: bool = False) -> Self:
        (file,) = COMPILED.build(product, spec)
        words: list[Word] = [file, "--plan"]
        if terminal:  # as the file judges it when it starts, not when it prints
            recorded = product.run(["facts", spec], cwd=spec.parent)
            facts = {**json.loads(recorded.stdout), **_APART}
            saved = product.write(scratch / "facts.json", json.dumps(facts))
            words = [*product.toyspec, "plan", "--json", "--facts", saved, spec]
        printed = product.as_user(words, cwd=spec.parent)
        assert printed.returncode == 0, printed.stderr
        plan = json.loads(printed.stdout)
        forks = Forks(product, scratch, spec.parent, ["execute", file], terminal=terminal)
        return cls(COMPILED, plan, encode_plan(plan, product.environ()), forks)

    @classmethod
    def start_detached(cls, product: Product, spec: Path, scratch: Path) -> Self:
        """The same with what `up -d` executes."""
        (file,) = DETACHED.build(product, spec)
        printed = product.run(["plan", "-d", "--json", spec], cwd=spec.parent)
        assert printed.returncode == 0, printed.stderr
        plan = json.loads(printed.stdout)
        forks = Forks(product, scratch, spec.parent, ["execute", file])
        return cls(DETACHED, plan, encode_plan(plan, product.environ()), forks)

    def learn(self, checker: Checker) -> None:
        self.places = checker.places
        assert len(set(self.places.values())) == len(self.places), "two steps at one place"

    def disturb(self, step: Call, action: Fail | Kill) -> tuple[Tampering, list[int]]:
        lets_go = {self.places[call.id] for call in set_free(self.calls, step)}
        place = self.places[step.id]
        return AtPlace(step.id, step.number, action, place=place, lets_go=lets_go), []
