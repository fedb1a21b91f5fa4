"""Fail any step with any errno, or kill its process there: one clear error, and nothing is left.

Every step of every spec is failed, and its process killed there, in the executor and in a compiled
file. Which errno it fails with is in turn EPERM and ENOMEM, and the other one in the other way to
run it. Deep: both, for every step: `TOYSPEC_DEEP=1 pytest -m deep -n auto tests/kernel_side`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.kernel_side import traced
from tests.kernel_side.encode import Call
from tests.kernel_side.faults import (
    ERRNOS,
    KILL,
    Case,
    announced,
    mounts,
    snapshot,
    wrong,
)
from tests.kernel_side.isolation import isolated
from tests.kernel_side.servers import Compiled, Executing, Server
from tests.kernel_side.specs import fresh, to_trace
from tests.product import Product

pytestmark = traced.pytestmark

IN_TURN = "errno"
Ways = Executing | Compiled


def restore(before: dict[str, str], after: dict[str, str]) -> None:
    """Take away what came to be there."""
    for path in sorted(set(after) - set(before), reverse=True):
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        else:
            os.unlink(path)


def written(before: dict[str, str], after: dict[str, str], names: set[str]) -> list[str]:
    """What a case wrote beyond the empty mount points that the plan announces by their `names`."""
    found = [f"changed {path}" for path in before if after.get(path) != before[path]]
    for path in set(after) - set(before):
        if not any(path == name or path.endswith("/" + name) for name in names):
            found.append(f"wrote {path}")
        elif os.path.isfile(path) and os.path.getsize(path):
            found.append(f"wrote into {path}")
    return found


def tampered(server: Server, spec: Path, watched: list[Path], kind: str) -> list[str]:
    """What is wrong with the runs in which one step each failed, or was its process's last."""
    names = announced(server.calls)
    clean = snapshot(watched)
    steps = server.reached()
    restore(clean, snapshot(watched))
    before, mounted = snapshot(watched), mounts()
    problems = []
    for step in steps:
        case = server.case(step, kind_for(step, kind, server))
        found = tolerated(case)
        if found is None:
            found = wrong(case, str(spec), server.calls)
        after = snapshot(watched)
        if not case.ran:
            found += written(before, after, names)
        if after != before:
            restore(before, after)
            before = snapshot(watched)
        if mounts() != mounted:
            found.append("a mount is visible outside")
        if found:
            problems.append(f"{case}\n    " + "\n    ".join([*found, *case.stderr.splitlines()]))
    assert len(steps) > 30
    if problems:
        return [f"{len(problems)} of {len(steps)} cases:", *problems[:10]]
    return []


def kind_for(step: Call, kind: str, server: Server) -> str:
    """What `kind` means for a step."""
    return kind if kind != IN_TURN else ERRNOS[(step.id + isinstance(server, Compiled)) % 2]


def check_every_step(
    user: Product, name: str, kind: str, way: type[Ways], *, terminal: bool = False
) -> None:
    product = user.moved()  # what other tests left at home would be looked at in each case
    spec = fresh(product, name)
    assert product.run(["check", spec]).returncode == 0  # and Python's .pyc files are there

    def work() -> list[str]:
        server = way.start(product, spec, product.directory(), terminal=terminal)
        problems = tampered(server, spec, [spec.parent, product.home], kind)
        server.close()
        return problems

    problems = isolated(work)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("way", [Executing, Compiled])
@pytest.mark.parametrize("kind", [IN_TURN, KILL])
@pytest.mark.parametrize("name", to_trace())
def test_a_step_that_fails(product: Product, name: str, kind: str, way: type[Ways]) -> None:
    check_every_step(product, name, kind, way)


@pytest.mark.parametrize("way", [Executing, Compiled])
@pytest.mark.parametrize("kind", [IN_TURN, KILL])
def test_a_step_that_fails_on_a_terminal(product: Product, kind: str, way: type[Ways]) -> None:
    check_every_step(product, "hello.yaml", kind, way, terminal=True)


@pytest.mark.deep
@pytest.mark.skipif(os.environ.get("TOYSPEC_DEEP") != "1", reason="deep: TOYSPEC_DEEP=1 runs it")
@pytest.mark.parametrize("way", [Executing, Compiled])
@pytest.mark.parametrize("kind", ERRNOS)
@pytest.mark.parametrize("name", to_trace())
def test_with_every_errno(product: Product, name: str, kind: str, way: type[Ways]) -> None:
    check_every_step(product, name, kind, way)


def tolerated(case: Case) -> list[str] | None:
    """What is wrong where the plan says that this errno is fine, or tried again; else None."""
    if case.kind == KILL or case.kind not in case.step.tolerates | case.step.retries:
        return None
    return [] if f"step: {case.step.id} " not in case.stderr else ["a tolerated errno failed"]


@pytest.mark.parametrize("way", [Executing, Compiled])
def test_errnos_that_the_plan_tolerates_or_retries(product: Product, way: type[Ways]) -> None:
    spec = fresh(product, "hello.yaml")

    def work() -> tuple[int, list[str]]:
        server = way.start(product, spec, product.directory())
        problems, count = [], 0
        for step in server.reached():
            for name in sorted(step.tolerates | step.retries):
                case = server.case(step, name)
                count += 1
                complaint = tolerated(case) or []
                if name in step.retries and case.status != "exit 0":
                    complaint.append("it was not tried again")
                if complaint:
                    problems.append(f"{case}: {complaint}\n{case.stderr}")
        server.close()
        return count, problems

    count, problems = isolated(work)
    assert count > 0
    assert not problems, "\n".join(problems)
