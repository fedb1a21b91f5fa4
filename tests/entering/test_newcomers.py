"""Who is in the box gets nothing of what comes into it, however it looks for it (CVE-2016-9962)."""

from __future__ import annotations

import ast
import secrets
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import tools
from tests.entering.boxes import running
from tests.product import Product, Word

SPEC = """\
version: 1
system: host
binds: [./newcomers:/newcomers]
"""
BOXES = {
    "default": SPEC,
    "unfiltered": SPEC + "seccomp: none\n",
    "tracing": SPEC + "seccomp: none\nuser: root\ncapabilities: [SYS_PTRACE]\n",
    "mighty": SPEC + "seccomp: none\nuser: root\n"
    "capabilities: [SYS_PTRACE, DAC_OVERRIDE, DAC_READ_SEARCH, CHECKPOINT_RESTORE, PERFMON, KILL]\n",
}
"""Boxes by what the attacker in them may do."""
CALLERS = ["product", pytest.param("as_root", marks=pytest.mark.root)]
TIMES = 50
"""How often a box is entered before it is asked how many of those the attacker met."""
MET = 25
DUMPABLE, CLOSING = "setup:prctl:PR_SET_DUMPABLE", "monitor:close_range"


@dataclass(frozen=True, slots=True)
class Attack:
    """What an attacker tried and got of the newcomers that it met, and how all of them ended."""

    statuses: set[int]
    met: int
    attempts: int
    got: set[str]


def attacked(product: Product, spec: str, *without: str) -> Attack:
    """Enter a box in which an attacker waits, until it has met enough."""
    tools.need("gcc")
    here = product.directory()
    build: list[Word] = ["gcc", "-static", "-O1", "-o", here / "newcomers"]
    made = product.as_user([*build, product.checkout / "tests/entering/newcomers.c"])
    assert (made.returncode, made.stderr) == (0, "")
    secret = secrets.token_hex(16)
    path = product.write(here / "box.yaml", spec)
    statuses: set[int] = set()
    with running(product, path, argv=["/newcomers", secret]) as box:
        plan = product.run(["plan", "--exec", box.name, "--json", "--", "/bin/true"])
        assert plan.returncode == 0, plan.stderr
        saved = product.write(here / "exec.json", plan.stdout)
        driver: Path = product.checkout / "tests/entering/driver.py"
        argv: list[Word] = [product.python, driver, "many", str(TIMES), saved, secret, *without]
        while (box.state / "log").read_bytes().count(b"met\n") < MET:
            ran = product.as_user(argv, timeout=300)
            assert ran.returncode == 0, ran.stderr
            statuses |= ast.literal_eval(ran.stdout).keys()
        ended = product.run(["stop", box.name])
        assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
        out = box.printed()
    lines = [line for line in out.splitlines()[1:] if line != "met"]
    met, attempts, *got = lines
    return Attack(statuses, int(met.split()[1]), int(attempts.split()[1]), set(got))


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("box", BOXES)
def test_nothing_is_got(request: pytest.FixtureRequest, who: str, box: str) -> None:
    seen = attacked(request.getfixturevalue(who), BOXES[box])
    assert seen.got == set()
    assert seen.statuses <= {0, 137}, "it may kill, as any process may its user's"
    assert seen.attempts > seen.met, "more than one at each; how many, the machine's speed decides"


@pytest.mark.parametrize("box", ["tracing", "mighty"])
def test_without_its_walls_everything_is_got(product: Product, box: str) -> None:
    """So that the test above can fail."""
    seen = attacked(product, BOXES[box], DUMPABLE, CLOSING)
    ways = {line.split()[0] for line in seen.got}
    assert {"exe", "fd", "environ", "mem", "maps", "ptrace"} <= ways, seen.got
    assert any("/memfd:toyspec" in line for line in seen.got), seen.got
    assert any("/memfd:host" in line for line in seen.got), seen.got


def test_each_wall_is_one(product: Product) -> None:
    seen = attacked(product, BOXES["tracing"], CLOSING)
    assert seen.got == set()
    seen = attacked(product, BOXES["tracing"], DUMPABLE)
    assert not any("/memfd:host" in line for line in seen.got), seen.got
    assert any("/memfd:toyspec" in line for line in seen.got), seen.got
