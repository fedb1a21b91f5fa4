"""`exec`: the calls made are those that `plan --exec` prints, and each of them may fail.

Who enters a box is not dumpable, so that an ordinary tracer cannot read its arguments: here it is root,
and the product is who it was.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.entering.boxes import Box, running
from tests.entering.test_same_as_init import shell
from tests.kernel_side import traced
from tests.kernel_side.encode import encode_plan
from tests.kernel_side.faults import KILL
from tests.kernel_side.isolation import isolated
from tests.kernel_side.operands import Json
from tests.kernel_side.servers import Compiled, Forks
from tests.kernel_side.specs import SPECS, fresh
from tests.kernel_side.test_every_step_fails import IN_TURN, tampered
from tests.kernel_side.test_trace_equals_plan import (
    check,
    check_on_terminal,
    on_kept_terminal,
    printed,
)
from tests.kernel_side.ways import ENTERED, ENTERING
from tests.product import Product
from tests.run.boxes import eventually

pytestmark = [traced.pytestmark, pytest.mark.root]


def plan_in(box: Box, *command: str) -> Json:
    """What `exec` is to do in a box."""
    words = ["plan", "--exec", box.name, "--json", "--", *command]
    plan: Json = json.loads(printed(box.product, [*box.product.toyspec, *words], box.spec.parent))
    return plan


def nothing_to_do(spec: Path) -> list[str]:
    """A command that the box of a spec has."""
    return ["true"] if shell(spec) == ("sh",) else ["/bin/busybox", "true"]


@pytest.mark.parametrize("name", SPECS)
def test_every_call_is_a_step(product: Product, name: str) -> None:
    """Made anew, and as it was kept."""
    spec = fresh(product, name)
    with running(product, spec, shell=shell(spec)) as box:
        command = nothing_to_do(spec)
        plan = plan_in(box, *command)
        words = ["exec", box.name, "--", *command]
        argv = [str(product.python), "-B", product.script, *words]
        for _ in range(2):
            ran, problems, done = check(product, plan, argv, spec.parent, way=ENTERING)
            assert not problems, "\n".join([*problems, ran.stderr])
            assert ran.status == "exit 0", ran.stderr
            left = {step["id"] for step in plan["steps"]} - set(done)
            unmade = [step for step in plan["steps"] if step["id"] in left]
            assert all(step["call"] in ("supervise", "execve") for step in unmade), unmade


@pytest.mark.parametrize("kind", [IN_TURN, KILL])
@pytest.mark.parametrize("name", ["hello.yaml", "confined.yaml"])
def test_a_step_that_fails(product: Product, name: str, kind: str) -> None:
    """One clear error, nothing of it is left, and the box does not notice."""
    product = product.moved()
    spec = fresh(product, name)
    with running(product, spec, shell=shell(spec)) as box:
        before = box.processes()
        plan = plan_in(box, *nothing_to_do(spec))
        scratch = product.directory()
        file = scratch / "entering"
        saved = product.write(scratch / "plan.json", json.dumps(plan))
        driver = product.checkout / "tests/entering/driver.py"
        made = product.as_user([product.python, driver, "write", saved, file, spec])
        assert (made.returncode, made.stderr) == (0, "")

        def work() -> list[str]:
            forks = Forks(product, scratch, spec.parent, ["execute", file])
            server = Compiled(ENTERED, plan, encode_plan(plan, product.environ()), forks)
            problems = tampered(server, spec, [spec.parent, product.home], kind)
            server.close()
            return problems

        problems = isolated(work)
        assert not problems, "\n".join(problems)
        eventually(lambda: box.processes() == before)
        assert box.exec(*nothing_to_do(spec)).returncode == 0


def test_every_call_on_a_terminal_is_a_step(product: Product) -> None:
    """With one of the box's own, whose master goes to the monitor."""
    spec = fresh(product, "dev.yaml")
    with running(product, spec) as box:
        words = [*product.toyspec, "plan", "--exec", box.name, "--json", "--", "true"]
        text, screen = on_kept_terminal(product, [str(each) for each in words], spec.parent)
        plan = json.loads(text)
        assert "sendmsg" in {step["call"] for step in plan["steps"]}
        argv = [str(product.python), "-B", product.script, "exec", box.name, "--", "true"]
        ran, problems = check_on_terminal(
            product, plan, argv, spec.parent, way=ENTERING, screen=screen
        )
        os.close(screen)
        assert not problems, "\n".join(problems)
        assert ran.status == "exit 0", ran.stdout
