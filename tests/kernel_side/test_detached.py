"""`up -d`: the calls made are those that `plan -d` prints, and each of them may fail."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.kernel_side import traced
from tests.kernel_side.faults import KILL
from tests.kernel_side.isolation import isolated
from tests.kernel_side.servers import Compiled
from tests.kernel_side.specs import fresh, to_trace
from tests.kernel_side.test_every_step_fails import IN_TURN, tampered
from tests.kernel_side.test_trace_equals_plan import check, printed
from tests.kernel_side.ways import DETACHED
from tests.product import Product

pytestmark = traced.pytestmark

ASK_FOR_PID_1 = ("busybox-init.yaml", "mounts.yaml")
"""Specs whose command does otherwise where a reaper is PID 1, as it is in a detached box."""


@pytest.mark.parametrize("name", to_trace())
def test_every_call_is_a_step(product: Product, name: str) -> None:
    spec = fresh(product, name)
    argv = DETACHED.build(product, spec)
    plan = json.loads(
        printed(product, [*product.toyspec, "plan", "-d", "--json", spec], spec.parent)
    )
    ran, problems, done = check(product, plan, argv, spec.parent, way=DETACHED)
    assert not problems, "\n".join([*problems, ran.stderr])
    assert ran.status == "exit 0" or name in ASK_FOR_PID_1, ran.stderr
    left = {step["id"] for step in plan["steps"]} - set(done)
    unmade = [step for step in plan["steps"] if step["id"] in left]
    assert all(step["call"] in ("supervise", "execve") for step in unmade), unmade


@pytest.mark.parametrize("kind", [IN_TURN, KILL])
def test_a_step_that_fails(product: Product, kind: str) -> None:
    spec = fresh(product, "hello.yaml")
    assert product.run(["check", spec]).returncode == 0  # and Python's .pyc files are there
    watched = [spec.parent, product.home]
    product.run(["up", "-d", spec])  # the directory of boxes is there
    product.run(["down", spec])

    def work() -> list[str]:
        server = Compiled.start_detached(product, spec, product.directory())
        problems = tampered(server, spec, watched, kind)
        server.close()
        return problems

    problems = isolated(work)
    assert not problems, "\n".join(problems)


def test_the_executor_and_c_refuse_it(product: Product) -> None:
    """Neither keeps what a box prints: nobody is left with half of a detached box."""
    code = """
import sys
from toyspec.cli.detach import prepare
from toyspec.cli.words import UP, parse
from toyspec.emit.c import c_program
from toyspec.program.lower import lower
from toyspec.run.box import run
from toyspec.run.progress import Progress
from toyspec.start.look import Look

plan = prepare(parse(["-d", sys.argv[1]], UP), Look()).plan
program = lower(plan, {})
for refuses in (lambda: run(plan, program, progress=Progress()), lambda: c_program(plan, program)):
    try:
        refuses()
    except ValueError as error:
        print(error)
"""
    spec = fresh(product, "hello.yaml")
    done: subprocess.CompletedProcess[str] = product.as_user([product.python, "-c", code, spec])
    assert done.stdout.count("compiled") == 2, done
    assert Path(spec).exists()
