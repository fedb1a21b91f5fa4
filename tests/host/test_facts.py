"""Facts are values: saved and loaded they are equal, what was not recorded raises, nothing else is read."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden.plans import SPECS, facts, spec
from tests.product import Product
from toyspec.host.facts import (
    FactMissing,
    FactsError,
    HostFacts,
    MapperFact,
    MountFact,
    Needs,
    PathFact,
)
from toyspec.host.probe import probe
from toyspec.plan.error import PlanError
from toyspec.plan.planner import plan

TEXT = st.text(max_size=8)
PATHS = st.text(min_size=1, max_size=8).map(lambda text: "/" + text)
IDS = st.integers(0, 2**32 - 2)
KINDS = st.sampled_from(
    ["directory", "file", "symlink", "character", "block", "fifo", "socket", "missing", "denied"]
)
FACTS = st.builds(
    HostFacts,
    arch=st.sampled_from(["x86_64", "aarch64"]),
    kernel=TEXT, uid=IDS, gid=IDS, groups=st.lists(IDS, max_size=3).map(tuple), user_name=TEXT,
    group_name=TEXT, home=TEXT, last_capability=st.integers(0, 63), no_new_privs=st.booleans(),
    terminal=st.booleans(), inherited=st.lists(st.integers(3, 999), max_size=3).map(tuple),
    features=st.dictionaries(TEXT, st.booleans(), max_size=3),
    sysctls=st.dictionaries(TEXT, st.none() | TEXT, max_size=3),
    rlimits=st.dictionaries(TEXT, st.tuples(st.integers(-1), st.integers(-1)), max_size=2),
    mappers=st.dictionaries(
        TEXT, st.builds(MapperFact, PATHS, st.booleans(), st.booleans()), max_size=2
    ),
    primary_gid=st.none() | IDS,
    subuids=st.lists(st.tuples(IDS, IDS), max_size=2).map(tuple),
    subgids=st.lists(st.tuples(IDS, IDS), max_size=2).map(tuple),
    paths=st.dictionaries(
        PATHS,
        st.builds(
            PathFact, kind=KINDS, link=st.none() | TEXT, real=st.none() | PATHS, real_kind=KINDS,
            uid=st.just(-1) | IDS, mode=st.integers(0, 0o7777), device=st.none() | TEXT,
            writable=st.booleans(), denied=st.none() | PATHS,
        ),
        max_size=3,
    ),
    mounts=st.dictionaries(
        PATHS,
        st.lists(
            st.builds(MountFact, PATHS, TEXT, st.lists(TEXT, max_size=3).map(tuple)), max_size=3
        ).map(tuple),
        max_size=2,
    ),
    variables=st.dictionaries(TEXT, st.none() | TEXT, max_size=2),
)  # fmt: skip


@given(FACTS)
def test_saved_and_loaded_they_are_equal(found: HostFacts) -> None:
    text = found.to_json()
    again = HostFacts.from_json(text)
    assert again == found
    assert again.to_json() == text
    assert text.endswith("}\n")


def test_every_field_is_saved() -> None:
    saved = json.loads(facts("debian-12").to_json())
    assert saved.keys() == {f.name for f in fields(HostFacts)} | {"format", "format_version"}


def test_a_byte_that_is_no_utf_8_survives() -> None:
    """Python has such a byte as a lone surrogate, which no UTF-8 file holds as it is."""
    found = replace(facts("debian-12"), home="/home/\udcff", paths={"/\udc80": PathFact("file")})
    text = found.to_json()
    assert HostFacts.from_json(text.encode().decode()) == found


def test_uid_0_is_an_owner_like_others() -> None:
    found = replace(facts("debian-12"), paths={"/": PathFact("directory", uid=0)})
    assert HostFacts.from_json(found.to_json()).path("/").uid == 0


def test_keys_that_are_not_known_are_ignored() -> None:
    found = json.loads(facts("debian-12").to_json())
    again = HostFacts.from_json(json.dumps({**found, "format_version": "1.7", "colour": "red"}))
    assert again == facts("debian-12")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a facts file"),
        ("{}", "not a facts file"),
        ('{"format": "toyspec-plan"}', "not a facts file"),
        ('{"format": "toyspec-facts"}', "format version None"),
        ('{"format": "toyspec-facts", "format_version": "2.0"}', "this toyspec reads 1.x"),
        ('{"format": "toyspec-facts", "format_version": "1.0"}', "missing or of the wrong type"),
    ],
)
def test_what_is_no_facts_file(text: str, message: str) -> None:
    with pytest.raises(FactsError, match=message):
        HostFacts.from_json(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from([f.name for f in fields(HostFacts)]), JSON)
def test_a_fact_of_the_wrong_type_is_said_when_it_is_read(name: str, value: object) -> None:
    """Either the file is refused, or a plan is made of it, or one is refused: no traceback."""
    body = json.loads(facts("linux-5.10").to_json())
    body[name] = value
    try:
        found = HostFacts.from_json(json.dumps(body))
        plan(spec(facts("linux-5.10"), "hello"), found)
    except (FactsError, FactMissing, PlanError):
        return


def test_what_was_not_recorded_raises() -> None:
    found = facts("debian-12")
    for question, ask in (
        (("path", "/x"), found.path), (("mounts", "/x"), found.mounts_at),
        (("variable", "X"), found.variable), (("feature", "x"), found.feature),
    ):  # fmt: skip
        with pytest.raises(FactMissing) as caught:
            ask(question[1])
        assert caught.value.question == question
        assert " ".join(question) in str(caught.value)


def test_merged_keeps_the_machine_and_joins_the_answers() -> None:
    one = replace(facts("debian-12"), paths={"/a": PathFact("file")}, variables={"A": "1"})
    two = replace(one, kernel="other", paths={"/b": PathFact("fifo")}, variables={"B": None})
    both = one.merged(two)
    assert both.kernel == one.kernel
    assert set(both.paths) == {"/a", "/b"}
    assert both.variables == {"A": "1", "B": None}


def test_needs_join() -> None:
    a = Needs(frozenset("a"), frozenset("b"), frozenset("c"))
    b = Needs(frozenset("x"), frozenset("b"), frozenset())
    assert a | b == Needs(frozenset("ax"), frozenset("b"), frozenset("c"))


def test_probe_answers_what_was_asked_and_nothing_more() -> None:
    wanted = Needs(frozenset(("/", "/nowhere/at/all")), frozenset(("/",)), frozenset(("NOPE_X",)))
    found = probe(wanted)
    assert set(found.paths) == wanted.paths
    assert set(found.mounts) == wanted.mounts
    assert found.variables == {"NOPE_X": None}
    assert found.path("/").kind == "directory"
    assert found.path("/nowhere/at/all").kind == "missing"
    assert HostFacts.from_json(found.to_json()) == found


@pytest.mark.parametrize("name", SPECS)
def test_facts_of_this_machine_make_the_plan_that_it_makes_itself(
    name: str, product: Product
) -> None:
    directory = product.directory()
    done = product.run(["facts", f"specs/{name}.yaml"])
    if done.returncode:  # mkbox and the toyboxes need busybox, busybox-init too
        assert "busybox" in done.stderr, done.stderr
        return
    saved = product.write(directory / "facts.json", done.stdout)
    for form in ("--syscalls", "--json"):
        here = product.run(["plan", form, f"specs/{name}.yaml"])
        there = product.run(["plan", form, "--facts", saved, f"specs/{name}.yaml"])
        assert (there.returncode, there.stderr) == (0, "")
        assert there.stdout == here.stdout
