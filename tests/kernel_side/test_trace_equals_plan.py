"""What ran is exactly what `toyspec plan --json` printed: seen from the kernel's side."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from tests.kernel_side import traced
from tests.kernel_side.driver import PLANTED
from tests.kernel_side.encode import encode_plan
from tests.kernel_side.isolation import isolated
from tests.kernel_side.match import Checker, ending
from tests.kernel_side.operands import Json
from tests.kernel_side.specs import NEWER, RANGES, fresh, to_trace
from tests.kernel_side.traced import Traced, follow, trace
from tests.kernel_side.ways import EXECUTOR, WAYS, Way
from tests.product import Product

pytestmark = traced.pytestmark

Checked = tuple[Traced, list[str], list[int]]


def plan_of(product: Product, spec: Path, before: tuple[str, ...] = ()) -> Json:
    """The plan that `toyspec plan --json` prints; `before` are words before the command's."""
    argv = [*before, *product.toyspec, "plan", "--json", str(spec)]
    done = product.as_user(argv, cwd=spec.parent)
    assert done.returncode == 0, done.stderr
    plan: Json = json.loads(done.stdout)
    return plan


def check(
    product: Product,
    plan: Json,
    argv: list[str],
    directory: Path,
    variables: dict[str, str] | None = None,
    way: Way = EXECUTOR,
) -> Checked:
    """Run `argv` under the tracer; also what was not as planned, and the steps that were done.

    `variables` are those of the plan that the caller's environment does not have.
    """

    def work() -> Checked:
        calls = encode_plan(plan, {**product.environ(), **(variables or {})})
        checker = Checker(calls, before=way.before, between=way.between)
        ran = trace(product, argv, checker, cwd=directory)
        return ran, checker.problems + checker.missing(), checker.done

    return isolated(work)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("name", to_trace())
def test_every_call_is_a_step(caller: Product, name: str, way: Way) -> None:
    """Twice: what the plan makes on the host, empty mount points, is there the second time."""
    spec = fresh(caller, name)
    for _ in range(2):
        plan = plan_of(caller, spec)
        argv = way.build(caller, spec)
        ran, problems, done = check(caller, plan, argv, spec.parent, way=way)
        assert not problems, "\n".join([*problems, ran.stderr])
        assert ran.status == "exit 0", ran.stderr
        left = {step["id"] for step in plan["steps"]} - set(done)
        unmade = [step for step in plan["steps"] if step["id"] in left]
        assert all(step["call"] in ("supervise", "execve") for step in unmade), unmade


@pytest.mark.parametrize("name", to_trace(*NEWER, *RANGES))
def test_every_call_is_a_step_on_an_old_kernel(caller: Product, name: str) -> None:
    """As Linux 5.10: bind and remount take the place of the newer calls.

    Its calls are kept away by a filter, and so with no_new_privs: ranges are refused there.
    """
    spec = fresh(caller, name)
    old = (str(caller.python), str(caller.checkout / "tests/hosts/old_kernel.py"))
    plan = plan_of(caller, spec, old)
    calls = {step["call"] for step in plan["steps"]}
    assert "mount" in calls
    assert not calls & {"mount_setattr", "open_tree_attr"}
    argv = [*old, *caller.toyspec, "up", "-q", str(spec)]
    ran, problems, _ = check(caller, plan, argv, spec.parent)
    assert not problems, "\n".join([*problems, ran.stderr])
    assert ran.status == "exit 0", ran.stderr


@pytest.mark.parametrize("what", PLANTED)
def test_one_call_more_is_found(product: Product, what: str) -> None:
    spec = fresh(product, "hello.yaml")
    driver = product.checkout / "tests/kernel_side/driver.py"
    argv = [str(product.python), str(driver), "plant", what, str(spec)]
    ran, problems, _ = check(product, plan_of(product, spec), argv, spec.parent)
    assert len(problems) == 1, problems
    assert problems[0].startswith("setup ("), problems
    assert f"makes {what}(" in problems[0], problems
    if what == "mkdir":
        assert "'planted'" in problems[0], problems
    assert ran.status == "exit 0", ran.stderr


def test_the_view_adds_no_call(product: Product) -> None:
    """On a terminal: another plan (the terminal is shared), and a process that is no part of it."""
    spec = fresh(product, "hello.yaml")
    gate = spec.parent / "gate"
    os.mkfifo(gate)
    product.own(gate)
    # What is planned depends on the terminal, so the plan has to be printed on it.
    planning, screen = product.terminal(["plan", "--json", spec], cwd=spec.parent)
    with planning:
        printed: list[bytes] = []
        read_all(screen, printed)
        assert planning.wait(timeout=60) == 0, printed
    os.close(screen)
    plan = json.loads(b"".join(printed).replace(b"\r\n", b"\n"))
    assert plan["exposure"]["terminal"]

    def work() -> tuple[str, bytes, list[str], int]:
        variables = product.environ({"TERM": "xterm-256color"})
        checker = Checker(encode_plan(plan, variables))
        process, screen = product.terminal(
            ["sh", "-c", 'read -r go <"$0"; exec "$@"', gate, *product.toyspec, "up", spec],
            cwd=spec.parent,
            program=True,
        )
        shown: list[bytes] = []
        reader = threading.Thread(target=read_all, args=(screen, shown))
        reader.start()
        ended, ends = follow(process, checker, gate, 60)
        reader.join(timeout=10)
        os.close(screen)
        problems = checker.problems + checker.missing()
        return ending(ended.status), b"".join(shown), problems, len(ends)

    status, shown, problems, processes = isolated(work)
    assert not problems, "\n".join(problems)
    assert status == "exit 0", shown
    assert processes >= 4, "no view was forked"


def read_all(screen: int, shown: list[bytes]) -> None:
    """What a terminal shows, until its last process has closed it."""
    while True:
        try:
            data = os.read(screen, 65536)
        except OSError:
            return
        if not data:
            return
        shown.append(data)
