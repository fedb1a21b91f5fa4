"""Fail any step with any errno, or kill its process there: one clear error, and nothing is left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.kernel_side import traced
from tests.kernel_side.encode import Call
from tests.kernel_side.faults import (
    KILL,
    KINDS,
    Case,
    Server,
    announced,
    distinct,
    mounts,
    snapshot,
    wrong,
)
from tests.kernel_side.specs import SPECS, fresh
from tests.kernel_side.tracer import isolated
from tests.product import Product

pytestmark = traced.pytestmark

DEEP = os.environ.get("TOYSPEC_TEST_DEEP") == "1"
"""Every step of every spec; else of hello.yaml, and of the others the first of each item's calls."""

WHOLE = ("hello.yaml",)


def chosen(spec: Path, calls: list[Call]) -> list[Call]:
    """The steps to tamper with: all that are calls of the kernel's."""
    real = [call for call in calls if call.name != "supervise"]
    return real if DEEP or spec.name in WHOLE else distinct(real)


def tidy(before: dict[str, str], after: dict[str, str], names: set[str]) -> list[str]:
    """What a case wrote that the plan did not announce; empty mount points are taken away again."""
    found = [f"changed {path}" for path in before if after.get(path) != before[path]]
    for path in sorted(set(after) - set(before), reverse=True):
        if not any(path == name or path.endswith("/" + name) for name in names):
            found.append(f"wrote {path}")
        elif os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        elif os.path.islink(path) or os.path.getsize(path) == 0:
            os.unlink(path)
        else:
            found.append(f"wrote into {path}")
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SPECS)
def test_a_step_that_fails(product: Product, name: str, kind: str) -> None:
    spec = fresh(product, name)
    watched = [spec.parent, product.home]
    assert product.run(["check", spec]).returncode == 0  # and Python's .pyc files are there

    def work() -> tuple[int, list[str]]:
        server = Server(product, spec, product.directory())
        names = announced(server.calls)
        problems = []
        steps = chosen(spec, server.calls)
        for step in steps:
            before, mounted = snapshot(watched), mounts()
            case = server.case(step, kind)
            found = wrong(case, str(spec)) if tolerated(case) is None else tolerated(case) or []
            found += tidy(before, snapshot(watched), names)
            if mounts() != mounted:
                found.append("a mount is visible outside")
            if found:
                problems.append(
                    f"{case}\n    " + "\n    ".join([*found, *case.stderr.splitlines()])
                )
        server.close()
        return len(steps), problems

    count, problems = isolated(work)
    assert count > 30
    assert not problems, f"{len(problems)} of {count} cases:\n" + "\n".join(problems[:10])


def tolerated(case: Case) -> list[str] | None:
    """What is wrong where the plan says that this errno is fine, or tried again; else None."""
    if case.kind == KILL or case.kind not in case.step.tolerates | case.step.retries:
        return None
    return [] if f"step: {case.step.id} " not in case.stderr else ["a tolerated errno failed"]


def test_errnos_that_the_plan_tolerates_or_retries(product: Product) -> None:
    spec = fresh(product, "hello.yaml")

    def work() -> tuple[int, list[str]]:
        server = Server(product, spec, product.directory())
        problems, count = [], 0
        for step in server.calls:
            for kind in sorted(step.tolerates | step.retries):
                case = server.case(step, kind)
                count += 1
                complaint = tolerated(case) or []
                if kind in step.retries and case.status != "exit 0":
                    complaint.append("it was not tried again")
                if complaint:
                    problems.append(f"{case}: {complaint}\n{case.stderr}")
        server.close()
        return count, problems

    count, problems = isolated(work)
    assert count > 0
    assert not problems, "\n".join(problems)
