"""What a compiled box says where a step fails: the words that `up` has, made beforehand.

What only the failure itself tells (the errno, what was found inside) is said when it happens.
"""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

from toyspec.emit.compiled import Message, Unexecuted
from toyspec.emit.records import Watch
from toyspec.plan.phases.execute import searched
from toyspec.plan.step import Environment
from toyspec.plan.traits import runs_command
from toyspec.run.causes import explain
from toyspec.run.failure import Failure
from toyspec.run.refusals import path_of
from toyspec.show.failure import advice_text, failure_text
from toyspec.show.text import escape
from toyspec.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toyspec.plan.step import Plan, Step
    from toyspec.run.refusals import Cause

_MARK = "TOYSPEC-MESSAGE"
_ENOENT = 2
_FAILED = re.compile(
    r"^    step: (\d{1,6}) of .*\n    which is: .*\n(?:    asked for by: .*\n)?(?:    errno: (E\w+), .*\n)?\Z",
    re.MULTILINE,
)
"""A step that failed, where nothing is said of why."""

_LOOKS = ("openat2", "open_tree", "sendfile")
"""Calls that find what was there when the plan was made."""


def messages(
    plan: Plan,
    data: bytes,
    likely: Callable[[Step], Cause] = lambda _: (None, None),
    *,
    lasting: bool = False,
) -> Sequence[Message]:
    """Of each step. `data`: the spec's text, for the excerpt. `likely`: what stands behind its
    failure whatever the errno is, and what to do. `lasting`: for a file that is started
    long after it was made, when what was there then may be gone.
    """
    return [_message(plan, step, data, likely(step), lasting) for step in plan.steps]


def _message(plan: Plan, step: Step, data: bytes, likely: Cause, lasting: bool) -> Message:
    executes = runs_command(step)
    text = failure_text(Failure(step, None, _MARK, *likely), plan, data, colour=False)
    place, _, tail = text.partition(_MARK)
    odd = explain(plan, step.id, _ENOENT if executes else 0, "")
    if executes:
        item = f"{escape(path_of(step))} cannot be executed: "
    else:
        item = f"{escape(step.item or step.phase)}: "
    said = f"{escape(odd.message)}\n"
    tail = tail.removeprefix("\n")
    if lasting and step.call in _LOOKS:
        path = escape(plan.spec_path)
        tail += "    what to do: if something is not as it was when this box was compiled, put it back,\n"
        tail += f"      or compile it again: toyspec compile {path} -o FILE\n"
    return Message(place, item, said, tail)


def advised(plan: Plan, said: str) -> str:
    """What a compiled box said, and after it what `up` would add: the likely cause, and what to do."""
    found = _FAILED.search(said)
    if found is None or not 0 < int(found[1]) <= len(plan.steps):
        return said
    number = int(found[1])
    if runs_command(plan.steps[number - 1]):
        return said
    failed = getattr(errno, found[2], 0) if found[2] else 0
    return said + advice_text(explain(plan, number, failed, ""))


def unexecuted(plan: Plan) -> Unexecuted:
    """What is said of a command that cannot be executed, as `up` says it."""
    steps = [step for step in plan.steps if runs_command(step)]
    missing = explain(plan, steps[-1].id, _ENOENT, "")
    (environment,) = [a.value for a in steps[0].args if isinstance(a.value, Environment)]
    own = [text for name, text in environment.entries if name == "PATH"]
    path = ""
    if all(isinstance(part, str) for text in own for part in text):
        path = ":".join(where or "/" for where in searched(environment, lambda _: None))
    found = replace(missing, cause=f"searched its PATH: {path}", remedy=None)
    return Unexecuted(
        advice_text(missing),
        advice_text(found) if ":" in path else "",
        tuple(escape(path_of(step)) for step in steps),
    )


def watches(plan: Plan) -> Sequence[Watch]:
    """What it watches, as `run.watch` says it."""
    found = []
    for each in plan.watched:
        directory, _, name = each.path.rpartition("/")
        found.append(Watch(each.path, escape(directory or "/"), escape(name), each.kind))
    return found
