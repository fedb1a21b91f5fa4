"""`plan()` is a pure function: equal answers, nothing opened, nothing imported, nothing guessed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden.plans import HOSTS, REPOSITORY, SPECS, facts, spec
from tests.plan.world import host
from toyspec.host.facts import FactMissing, Needs
from toyspec.plan.error import PlanError
from toyspec.plan.planner import plan

SILENT = """
import sys
from tests.golden.plans import HOSTS, SPECS, facts, spec
from toyspec.plan import planner

assert not {"ctypes", "_ctypes"} & set(sys.modules), "somebody imported ctypes"
given = [(spec(facts(host), name), facts(host)) for host in HOSTS for name in SPECS]
first = [planner.plan(*each) for each in given]  # whatever is imported where it is used, is by now
seen = []
sys.addaudithook(lambda event, _: seen.append(event))
assert [planner.plan(*each) for each in given] == first
print(*seen)
"""


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("where", HOSTS)
def test_equal_twice(where: str, name: str) -> None:
    found = facts(where)
    box = spec(found, name)
    assert plan(box, found) == plan(spec(facts(where), name), facts(where))


def test_nothing_happens_during_a_plan() -> None:
    """No audit event at all: no open, no os.*, no socket, no import, no exec, no ctypes."""
    done = subprocess.run(
        [sys.executable, "-c", SILENT], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == []


def test_a_fresh_planner_has_no_ctypes() -> None:
    code = (
        "import sys, toyspec.plan.planner\n"
        "print({'ctypes', '_ctypes', 'toyspec.host.probe', 'toyspec.kernel.call'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_the_order_of_facts_does_not_matter() -> None:
    found = facts("debian-12")
    turned = replace(
        found,
        paths=dict(reversed(list(found.paths.items()))),
        mounts=dict(reversed(list(found.mounts.items()))),
        features=dict(reversed(list(found.features.items()))),
    )
    for name in SPECS:
        assert plan(spec(found, name), turned) == plan(spec(found, name), found)


class Read(dict[str, Any]):
    """A mapping that remembers what was read."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        self.keys_read: set[str] = set()

    def __getitem__(self, key: str) -> object:
        self.keys_read.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        if here := super().__contains__(key):
            self.keys_read.add(str(key))
        return here


def test_facts_that_are_not_read_do_not_matter() -> None:
    """A recording may hold more than one spec's answers: a plan takes its own."""
    found = facts("debian-12")
    for name in SPECS:
        box = spec(found, name)
        paths, mounts = Read(found.paths), Read(found.mounts)
        whole = plan(box, replace(found, paths=paths, mounts=mounts))
        fewer = replace(
            found,
            paths={path: found.paths[path] for path in paths.keys_read},
            mounts={path: found.mounts[path] for path in mounts.keys_read},
        )
        assert len(fewer.paths) < len(found.paths)
        assert plan(box, fewer) == whole


@pytest.mark.parametrize("which", ["paths", "mounts", "features"])
def test_what_was_not_asked_is_an_error(which: str) -> None:
    found = facts("linux-5.10")
    empty = replace(found, **{which: {}})  # type: ignore[arg-type]  # one of three mappings
    with pytest.raises(FactMissing) as caught:
        plan(spec(found, "hello"), empty)
    assert caught.value.question[0] == {"paths": "path", "features": "feature"}.get(which, which)


def test_every_missing_question_can_be_asked() -> None:
    """What FactMissing names, as needs, answers it: the loop that gathers facts ends."""
    world = host({"/a": "-> /b", "/b": "-> /c/d", "/c/d": "dir"})
    box = world.spec("binds: ['/a:/x']\nsystem: host")
    found = world.ask(Needs())
    kinds = {"path": "paths", "mounts": "mounts", "variable": "variables"}
    for _ in range(64):
        try:
            plan(box, found)
            return
        except FactMissing as missing:
            for kind, name in missing.questions:
                found = found.merged(world.ask(Needs(**{kinds[kind]: frozenset((name,))})))
    pytest.fail("questions without end")


NAMES = st.sampled_from(["a", "b", "tmp", "usr", "etc", "dev", "proc", "x y", "ü"])
TARGETS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))


@given(st.lists(TARGETS, max_size=6, unique=True), st.booleans(), st.permutations(range(6)))
def test_the_order_of_a_file_never_hides_a_child(
    targets: list[str], system: bool, order: list[int]
) -> None:
    """Of any mounts, a parent is attached before its children, and each of them once."""
    shuffled = [targets[i] for i in order if i < len(targets)]
    lines = "".join(f"- {{type: tmpfs, target: '{target}'}}\n" for target in shuffled)
    text = f"mounts:\n{lines}" if lines else ""
    try:
        made = host().plan(("system: host\n" if system else "") + text)
    except PlanError as error:
        problems = error.problems  # below proc, in a read-only /usr
        assert all(problem.origin.line for problem in problems)
        return
    seen = [s.item.removeprefix("tmpfs at ") for s in made.steps if s.call == "mount"]
    placed = [item for item in dict.fromkeys(seen) if item in shuffled]
    assert sorted(placed) == sorted(shuffled)
    for i, target in enumerate(placed):
        assert not any(target.startswith(later + "/") for later in placed[i + 1 :])
