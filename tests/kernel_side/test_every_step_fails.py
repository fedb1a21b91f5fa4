"""Fail any step with any errno, or kill its process there: one clear error, and nothing is left."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.kernel_side import traced
from tests.kernel_side.faults import (
    KILL,
    KINDS,
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


def tampered(server: Server, spec: Path, watched: list[Path], kinds: Sequence[str]) -> list[str]:
    """What is wrong with the runs in which one step each failed, or was its process's last."""
    names = announced(server.calls)
    clean = snapshot(watched)
    steps = server.reached()
    restore(clean, snapshot(watched))
    before, mounted = snapshot(watched), mounts()
    problems = []
    for step, kind in itertools.product(steps, kinds):
        case = server.case(step, kind)
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
        return [f"{len(problems)} of {len(steps) * len(kinds)} cases:", *problems[:10]]
    return []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", to_trace())
def test_a_step_that_fails(product: Product, name: str, kind: str) -> None:
    spec = fresh(product, name)
    assert product.run(["check", spec]).returncode == 0  # and Python's .pyc files are there

    def work() -> list[str]:
        server = Executing.start(product, spec, product.directory())
        problems = tampered(server, spec, [spec.parent, product.home], [kind])
        server.close()
        return problems

    problems = isolated(work)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", to_trace())
def test_a_step_of_a_compiled_file_that_fails(product: Product, name: str) -> None:
    spec = fresh(product, name)

    def work() -> list[str]:
        server = Compiled.start(product, spec, product.directory())
        problems = tampered(server, spec, [spec.parent, product.home], KINDS)
        server.close()
        return problems

    problems = isolated(work)
    assert not problems, "\n".join(problems)


def tolerated(case: Case) -> list[str] | None:
    """What is wrong where the plan says that this errno is fine, or tried again; else None."""
    if case.kind == KILL or case.kind not in case.step.tolerates | case.step.retries:
        return None
    return [] if f"step: {case.step.id} " not in case.stderr else ["a tolerated errno failed"]


@pytest.mark.parametrize("kind", [Executing, Compiled])
def test_errnos_that_the_plan_tolerates_or_retries(
    product: Product, kind: type[Executing | Compiled]
) -> None:
    spec = fresh(product, "hello.yaml")

    def work() -> tuple[int, list[str]]:
        server = kind.start(product, spec, product.directory())
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
