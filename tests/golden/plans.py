"""The plan of a spec on a recorded host, as the committed golden files hold it.

`python -m tests.golden.plans HOST SPEC syscalls|json` prints one, without arguments all of them.
Everything comes from the two files: neither the machine, nor the environment, nor where the
checkout lies has a say.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from toyspec.cli.box import away
from toyspec.emit.plan_json import to_json
from toyspec.host.facts import HostFacts
from toyspec.plan.entering import Entrant, Running, exec_plan
from toyspec.plan.planner import plan
from toyspec.plan.step import Plan
from toyspec.show.syscalls import syscalls
from toyspec.spec.load import NOTHING, load
from toyspec.spec.model import Spec
from toyspec.spec.surroundings import Overrides, Surroundings

REPOSITORY: Final = Path(__file__).resolve().parents[2]
HOSTS: Final = sorted(path.stem for path in (REPOSITORY / "tests/hosts").glob("*.json"))
PREPARED: Final = {"debian", "debian-unpack"}
"""Specs whose root somebody has to make first: no recorded host has it."""
SPECS: Final = sorted({path.stem for path in (REPOSITORY / "specs").glob("*.yaml")} - PREPARED)
PROJECT: Final = "/home/dev/project"
"""Where the recorded hosts have the repository."""

COMMAND: Final = "python -m tests.golden.update"
GOLDEN: Final = REPOSITORY / "tests/golden"
RUNNING: Final = Running(4711, {"user": "0:4:4026532001", "mount": "0:4:4026532002"})
"""What is known of a box whose golden exec plan there is."""


def entered(plan: Plan) -> str:
    """What `exec` does in the box of a plan."""
    return syscalls(exec_plan(plan, RUNNING, Entrant(argv=("id",))))


FORMS: Final = {
    "syscalls": (".txt", syscalls), "json": (".json", to_json), "exec": (".exec.txt", entered),
    "detached": (".detached.txt", syscalls),
}  # fmt: skip


def facts(host: str) -> HostFacts:
    """A recorded host."""
    return HostFacts.from_json((REPOSITORY / f"tests/hosts/{host}.json").read_text("utf-8"))


def spec(host: HostFacts, name: str, asked: Overrides = NOTHING) -> Spec:
    """A spec of specs/, loaded as the caller on that host has it, with what a command line asks for."""
    path = f"specs/{name}.yaml"
    around = Surroundings(
        directory=f"{PROJECT}/specs",
        home=host.home,
        variables={"TERM": "xterm-256color"} if host.terminal else {},
        terminal=host.terminal,
    )
    return load((REPOSITORY / path).read_bytes(), path, around, asked)


def planned(host: str, name: str, *, detached: bool = False) -> Plan:
    """The plan of `up`, or of `up -d`."""
    found = facts(host)
    if not detached:
        return plan(spec(found, name), found)
    return plan(spec(away(found), name, Overrides(detached=True, reaper=True)), away(found))


def wanted() -> list[tuple[str, str, str]]:
    """Every golden file as host, spec and form: the calls of each spec, and hello's JSON, exec and -d."""
    return [
        (host, name, form)
        for host in HOSTS
        for name in SPECS
        for form in FORMS
        if form == "syscalls" or name == "hello"
        if form != "detached" or facts(host).feature("close_range_cloexec")
    ]


def text(host: str, name: str, form: str) -> str:
    """What the golden file should hold."""
    return FORMS[form][1](planned(host, name, detached=form == "detached"))


def golden(host: str, name: str, form: str) -> Path:
    """The golden file."""
    return GOLDEN / host / (name + FORMS[form][0])


if __name__ == "__main__":
    for each in [(sys.argv[1], sys.argv[2], sys.argv[3])] if sys.argv[1:] else wanted():
        sys.stdout.buffer.write(text(*each).encode())
