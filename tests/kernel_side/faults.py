"""One step of a real run failed, or its process killed, case after case; and what is left of it.

A `Server` has the product loaded, the spec planned and lowered; each case is a fork of it, traced
from there on, so that a case costs a run and not a start of Python.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.kernel_side.encode import Call, encode_plan
from tests.kernel_side.match import HELPERS, Checker, ending
from tests.kernel_side.operands import Json
from tests.kernel_side.tracer import Fail, Kill, Process, Tracer
from tests.product import Product

KILL = "KILL"
KINDS = ("EPERM", "ENOMEM", KILL)
DRIVER = Path("tests/kernel_side/driver.py")


@dataclass(frozen=True, slots=True)
class Case:
    """How a run ended in which one step was tampered with."""

    step: Call
    kind: str
    status: str
    stderr: str
    acted: list[int]
    problems: list[str]
    ran: bool  # the box's command began all the same

    def __str__(self) -> str:
        return (
            f"step {self.step.id} ({self.step.name}, {self.step.role}) {self.kind}: {self.status}"
        )


@dataclass
class Server:
    """The product, ready to run one spec again and again. To be used in `isolation.isolated`."""

    product: Product
    spec: Path
    scratch: Path
    calls: list[Call] = field(default_factory=list)
    plan: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        reader, self.gate = os.pipe()
        plan = self.scratch / "plan.json"
        self.errors = open(self.scratch / "driver", "w+b")  # noqa: SIM115 - close() closes it
        self.driver = self.product.popen(
            [self.product.python, self.product.checkout / DRIVER, "serve", str(reader), plan, self.spec],
            cwd=self.spec.parent, stdin=subprocess.PIPE, stderr=self.errors, pass_fds=(reader,),
            program=True,
        )  # fmt: skip
        os.close(reader)
        if self._line() != "ready":
            self.driver.wait()
            self.errors.seek(0)
            raise AssertionError(f"the driver did not start: {self.errors.read().decode()}")
        self.plan = json.loads(plan.read_bytes())
        self.calls = encode_plan(self.plan, self.product.environ())

    def close(self) -> None:
        """The driver ends; nothing of it is left."""
        self.driver.communicate(timeout=10)
        self.errors.close()
        os.close(self.gate)

    def reached(self) -> list[Call]:
        """The steps whose calls an undisturbed run makes: all but the rest of a search of PATH."""
        checker = Checker(self.calls)
        status, stderr = self._run(checker, 60)
        assert not checker.problems + checker.missing(), checker.problems + checker.missing()
        assert status == "exit 0", stderr
        return [call for call in self.calls if call.id in checker.seen]

    def case(self, step: Call, kind: str) -> Case:
        """Run the box with `step` failing with the errno `kind`, or its process killed there."""
        action = Kill() if kind == KILL else Fail(getattr(errno, kind))

        def act(process: Process, call: Call) -> Fail | Kill | None:
            return action if call.id == step.id and not checker.acted else None

        checker = Checker(self.calls, act)
        status, stderr = self._run(checker, 20)
        return Case(step, kind, status, stderr, checker.acted, checker.problems, checker.ran)

    def _run(self, checker: Checker, seconds: float) -> tuple[str, str]:
        errors = self.scratch / "stderr"
        assert self.driver.stdin is not None
        self.driver.stdin.write(f"{errors}\n")
        self.driver.stdin.flush()
        tracer = Tracer(checker)
        process = tracer.seize(int(self._line()))
        checker.start(process)
        os.write(self.gate, b"!")
        try:
            tracer.run(seconds)
        finally:
            self._line()
        return ending(process.status), errors.read_text(errors="replace")

    def _line(self) -> str:
        assert self.driver.stdout is not None
        return self.driver.stdout.readline().strip()


def wrong(case: Case, spec: str, calls: list[Call]) -> list[str]:
    """What of invariant 3 does not hold of a case: statuses and the error's words."""
    found = list(case.problems)
    step, killed = case.step, case.kind == KILL
    if case.acted != [step.id]:
        return [*found, f"tampered with {case.acted}, not with it"]
    if killed and step.role == "monitor":
        return (
            found if case.status == "killed by SIGKILL" else [*found, "the monitor was not killed"]
        )
    forked = next(call.id for call in calls if call.yields == "init")
    if killed and step.role == "setup" and step.id > forked and case.status == "exit 137":
        return found  # init was in its execve already, and ended with setup
    init_s_execve = step.name == "execve" and step.role == "init"
    statuses = ("exit 126", "exit 127") if init_s_execve and not killed else ("exit 125",)
    if case.status not in statuses:
        found.append(f"{case.status}, not {' or '.join(statuses)}")
    named = re.search(r"\bstep: (\d+) ", case.stderr)
    expects = {} if named is None else calls[int(named[1]) - 1].expects or {}
    if killed and "errno" in expects:
        return found  # its child, which watches over its life, was the first to say it
    if killed and named is not None and calls[int(named[1]) - 1].role in HELPERS:
        return found  # a helper that waits for setup
    if killed and "status" in expects and step.role in HELPERS:
        return found  # setup, which waits for it
    if named is None or int(named[1]) != step.id:
        found.append(f"stderr names the step {named and named[1]}")
    source, default = step.json["source"], step.json["default"]
    place = f"{spec}:{source['line']}:{source['column']}" if source else str(default)
    if place not in case.stderr:
        found.append(f"stderr does not name {place}")
    if not killed and case.kind not in case.stderr:
        found.append("stderr does not name the errno")
    if "Traceback" in case.stderr:
        found.append("a traceback")
    return found


def snapshot(directories: Iterable[Path]) -> dict[str, str]:
    """Every file below: its kind and mode, and its contents by their hash."""
    found = {}
    for directory in directories:
        for parent, names, files in os.walk(directory):
            for name in (*names, *files):
                path = os.path.join(parent, name)
                mode = os.lstat(path).st_mode
                content = ""
                if stat.S_ISREG(mode):
                    content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
                elif stat.S_ISLNK(mode):
                    content = os.readlink(path)
                found[path] = f"{mode:o} {content}"
    return found


def announced(calls: list[Call]) -> set[str]:
    """The names of the mount points that the plan makes on the host."""
    made = {"mkdirat", "mknodat", "symlinkat"}
    return {
        argument["path"]
        for call in calls
        if call.name in made
        for argument in call.json["args"]
        if argument["name"] in ("path", "linkpath") and "path" in argument
    }


def mounts() -> list[str]:
    """The mounts that this process sees."""
    return Path("/proc/self/mountinfo").read_text().splitlines()
