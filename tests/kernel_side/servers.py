"""A spec's box run again and again, one step failed or its process killed each time.

A case costs a run and not a start of Python: each is a fork of a process that waits, traced from
there on. To be used in `isolation.isolated`.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from tests.kernel_side.encode import Call, encode_plan
from tests.kernel_side.faults import KILL, Case
from tests.kernel_side.match import HELPERS, Checker, ending
from tests.kernel_side.operands import Json
from tests.kernel_side.tracer import Detach, Fail, Kill, Process, Seen, Tracer, Watcher
from tests.kernel_side.ways import COMPILED, EXECUTOR, Way
from tests.product import Product, Word

_DRIVER: Final = Path("tests/kernel_side/driver.py")
_BREAKPOINT: Final = b"\xcc"  # int3


class Forks:
    """A driver that forks a process for each case, which waits until it is traced."""

    def __init__(self, product: Product, scratch: Path, directory: Path, words: list[Word]) -> None:
        self.errors = scratch / "stderr"
        verb, *rest = words
        reader, self.gate = os.pipe()
        self.said = open(scratch / "driver", "w+b")  # noqa: SIM115 - close() closes it
        self.driver = product.popen(
            [product.python, product.checkout / _DRIVER, verb, str(reader), *rest],
            cwd=directory, stdin=subprocess.PIPE, stderr=self.said, pass_fds=(reader,),
            program=True,
        )  # fmt: skip
        os.close(reader)
        if self._line() != "ready":
            self.driver.wait()
            self.said.seek(0)
            raise AssertionError(f"the driver did not start: {self.said.read().decode()}")

    def close(self) -> None:
        """The driver ends; nothing of it is left."""
        self.driver.communicate(timeout=10)
        self.said.close()
        os.close(self.gate)

    def run(self, watcher: Checker | Tampering, seconds: float) -> tuple[str, str]:
        """One case to its end: how it ended, and what it said."""
        assert self.driver.stdin is not None
        self.driver.stdin.write(f"{self.errors}\n")
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
        watcher = self.disturb(step, Kill() if kind == KILL else Fail(getattr(errno, kind)))
        status, stderr = self.forks.run(watcher, 20)
        return Case(step, kind, status, stderr, watcher.acted, watcher.problems, watcher.ran)

    def disturb(self, step: Call, action: Fail | Kill) -> Checker | Tampering:
        """What sees to it."""
        raise NotImplementedError


class Executing(Server):
    """The product has the spec loaded, planned and lowered; each case is a fork of it."""

    @classmethod
    def start(cls, product: Product, spec: Path, scratch: Path) -> Self:
        plan_file = scratch / "plan.json"
        forks = Forks(product, scratch, spec.parent, ["serve", plan_file, spec])
        plan = json.loads(plan_file.read_bytes())
        way = replace(EXECUTOR, programs=0)  # it runs already
        return cls(way, plan, encode_plan(plan, product.environ()), forks)

    def disturb(self, step: Call, action: Fail | Kill) -> Checker:
        def act(process: Process, call: Call) -> Fail | Kill | None:
            return action if call.id == step.id and not checker.acted else None

        checker = Checker(self.calls, act)
        return checker


@dataclass
class Compiled(Server):
    """A compiled file: each call of its stands at a place of its own, so that a run need not be
    stopped at any call before the one that is meant.
    """

    places: dict[int, int] = field(default_factory=dict)

    @classmethod
    def start(cls, product: Product, spec: Path, scratch: Path) -> Self:
        (file,) = COMPILED.build(product, spec)
        printed = product.as_user([file, "--plan"], cwd=spec.parent)
        assert printed.returncode == 0, printed.stderr
        plan = json.loads(printed.stdout)
        forks = Forks(product, scratch, spec.parent, ["execute", file])
        return cls(COMPILED, plan, encode_plan(plan, product.environ()), forks)

    def learn(self, checker: Checker) -> None:
        self.places = checker.places
        assert len(set(self.places.values())) == len(self.places), "two steps at one place"

    def disturb(self, step: Call, action: Fail | Kill) -> Tampering:
        lets_go = {
            self.places[call.id]
            for call in self.calls
            if call.role in HELPERS and call.name == "execve" and call is not step
        }
        return Tampering(step.id, step.number, action, self.places[step.id], lets_go)


@dataclass(slots=True)
class Tampering(Watcher):
    """Fails the call at `place`, or kills who makes it; the run is not stopped before.

    At the places of `lets_go` a process is about to become a setuid program.
    """

    step: int
    number: int  # of its call
    action: Fail | Kill
    place: int
    lets_go: set[int]
    problems: list[str] = field(default_factory=list)
    acted: list[int] = field(default_factory=list)
    ran: bool = False  # a program was executed: the box stood
    root: Process | None = None
    replaced: dict[int, bytes] = field(default_factory=dict)

    def start(self, process: Process) -> None:
        """`process` will execute the file."""
        self.root = process
        process.free = True

    def executed(self, process: Process) -> None:
        if process is not self.root or self.replaced:
            self.ran = True
            return
        for place in {self.place, *self.lets_go}:
            self.replaced[place] = process.read(place, 1)
            process.write(place, _BREAKPOINT)

    def trapped(self, process: Process) -> int | None:
        place = process.place() - len(_BREAKPOINT)
        if place not in self.replaced:
            return None
        process.write(place, self.replaced[place])
        process.free = False
        return place

    def entry(self, process: Process, seen: Seen) -> Fail | Kill | Detach | None:
        if seen.place in self.lets_go:
            return Detach()
        process.free = True
        if seen.place != self.place or seen.number != self.number or self.acted:
            self.problems.append(f"call {seen.number} at {seen.place:#x}, not the step's")
            return None
        self.acted.append(self.step)
        return self.action
