"""What is said where a box, or a command in one, gets no terminal of its own, or no process."""

from __future__ import annotations

from tests.plan.world import host
from toyspec.cli.exec import _likely
from toyspec.plan.step import Plan, Step
from toyspec.run.causes import explain
from toyspec.values import replace


def planned() -> Plan:
    return host(terminal=True).plan("system: host")


def made(plan: Plan) -> Step:
    return next(step for step in plan.steps if step.yields == "master")


def test_what_is_not_of_a_devpts_is_not_called_proc() -> None:
    plan = planned()
    said = explain(plan, made(plan).id + 1, 0, "")
    assert "/dev/pts/ptmx is not one of a devpts" in said.message
    assert "proc" not in said.message
    assert "-T" in str(said.remedy)


def test_ptys_that_are_used_up() -> None:
    plan = planned()
    said = explain(plan, made(plan).id, 28, "")
    assert "ptys are used up" in str(said.cause)
    assert "-T" in str(said.remedy)


def test_exec_says_the_same_remedy_and_of_nothing_more_than_it_knows() -> None:
    plan = planned()
    for number in (made(plan).id, made(plan).id + 1):
        cause, remedy = _likely(plan.steps[number - 1], "box")
        assert cause is None
        assert "-T" in str(remedy)


def test_a_process_that_cannot_be_made_may_be_one_too_many() -> None:
    """The kernel's EAGAIN is not that the box has ended."""
    clone = next(step for step in planned().steps if step.yields == "init")
    cause, remedy = _likely(replace(clone, role="setup"), "box")
    assert "no process more may be made" in str(cause)
    assert "raise the limit" in str(remedy)
