"""The schema itself, and that it, the model and the fast acceptor agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from tests.spec.loading import FILES, HERE
from tests.spec.test_any_bytes import sound
from toyspec.spec.accept import Acceptor
from toyspec.spec.build import _SIMPLE
from toyspec.spec.load import Overrides, SpecError, load
from toyspec.spec.model import Bind, File, Mount, Root, Spec, User
from toyspec.spec.schema import misfits, schema, schema_path

WHOLE = schema()
VALIDATOR = Draft7Validator(WHOLE)
ACCEPTS = Acceptor(WHOLE).test(WHOLE)


def test_it_is_valid_draft_07() -> None:
    assert WHOLE["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(WHOLE)


def resolved(found: dict[str, Any]) -> dict[str, Any]:
    """The definition behind a reference."""
    if "$ref" in found:
        return dict(WHOLE["definitions"][found["$ref"].rpartition("/")[2]])
    return found


def keys(at: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that a spec may have, with its schema."""
    if isinstance(at, dict):
        for holder in ("properties", "patternProperties"):
            for name, inner in at.get(holder, {}).items():
                yield f"{path}.{name}", inner
        for name, inner in at.items():
            yield from keys(inner, f"{path}/{name}")
    elif isinstance(at, list):
        for i, inner in enumerate(at):
            yield from keys(inner, f"{path}/{i}")


@pytest.mark.parametrize(
    ("path", "found"), list(keys(WHOLE)), ids=lambda v: v if isinstance(v, str) else ""
)
def test_every_key_is_described_with_an_example(path: str, found: dict[str, Any]) -> None:
    assert resolved(found)["description"].endswith("."), path
    assert resolved(found)["examples"], path


def test_every_key_of_a_box_has_a_default_or_says_that_it_has_none() -> None:
    box = WHOLE["definitions"]["box"]
    for name, found in box["properties"].items():
        assert "default" in resolved(found) or name in ("version", "init"), name


def test_every_example_fits_its_own_schema() -> None:
    for path, found in keys(WHOLE):
        target = resolved(found)
        check = Draft7Validator({**target, "definitions": WHOLE["definitions"]})
        for example in target["examples"]:
            assert check.is_valid(example), (path, example)


def test_no_oneof_since_its_messages_are_useless() -> None:
    assert "oneOf" not in str(WHOLE)
    assert "anyOf" not in str(WHOLE)


def test_the_schema_and_the_model_name_the_same_things() -> None:
    box = set(WHOLE["definitions"]["box"]["properties"])
    model = {f.name for f in fields(Spec)}
    assert box - model == {"requires", "namespaces"}
    assert model - box == {
        "path",
        "directory",
        "sha256",
        "host_namespaces",
        "joined",
        "time_offsets",
        "included",
        "detached",
        "origins",
        "wanted",
    }

    def properties(name: str) -> set[str]:
        found = WHOLE["definitions"][name]
        return set(found.get("else", found)["properties"])

    def names(kind: Any) -> set[str]:
        return {f.name for f in fields(kind)} - {"at", "kind"}

    told = {"writable", "devices", "executable", "setuid"}
    assert properties("bind") - {"read_only", "dev", "exec", "suid"} == names(Bind) - told
    assert properties("mount") - {"exec"} == names(Mount) - {"executable"}
    assert properties("file") == names(File)
    assert properties("root") - {"type", "uncover"} == names(Root) - {"lower_host", "uncovered"}
    assert properties("user") == names(User)


def test_simple_defaults_are_the_schema_s() -> None:
    box = WHOLE["definitions"]["box"]["properties"]
    for key, default in _SIMPLE.items():
        assert yaml.safe_load(default) == box[key]["default"], key


def test_the_example_of_every_key_loads() -> None:
    """One spec a key, made of the schema's own examples."""
    import json

    FILES["/home/me/proj/profile.json"] = b'{"defaultAction": "SCMP_ACT_ALLOW"}'
    for name, found in WHOLE["definitions"]["box"]["properties"].items():
        for example in resolved(found)["examples"]:
            data = {"version": 1, "init": ["sh"], name: example}
            load(json.dumps(data).encode(), "dev.yaml", HERE)


def test_the_schema_is_found_beside_the_package() -> None:
    assert schema_path().endswith("toyspec/schemas/toyspec-1.schema.json")


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 2**33), st.floats(), st.sampled_from(
        ["host", "none", "tmpfs", "proc", "/a", "a", "", "0644", "256m", "caller", "1:1", "A=1",
         "auto", "new", "x" * 70, "a\n", ">=0.1"]
    ), st.text(max_size=4),
)  # fmt: skip
NAMES = [*sorted({p.rpartition(".")[2] for p, _ in keys(WHOLE)} - {"^x-"}), "x-a", "nope", "A"]
DATA = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(st.one_of(DATA, st.dictionaries(st.sampled_from(NAMES), DATA, max_size=5)))
def test_the_acceptor_says_what_jsonschema_says(data: Any) -> None:
    if isinstance(data, dict):
        data.setdefault("version", 1)
    assert ACCEPTS(data) == VALIDATOR.is_valid(data)
    found, _ = misfits(WHOLE, data)
    assert bool(found) == (not VALIDATOR.is_valid(data))


@given(DATA, st.sampled_from(sorted(WHOLE["definitions"])))
def test_it_agrees_on_every_definition(data: Any, name: str) -> None:
    part = WHOLE["definitions"][name]
    whole = Draft7Validator({**part, "definitions": WHOLE["definitions"]})
    assert Acceptor(WHOLE).test(part)(data) == whole.is_valid(data)


def test_a_keyword_that_the_acceptor_does_not_know_is_a_no() -> None:
    assert not Acceptor({}).test({"multipleOf": 2})(4)


def test_long_lists_are_pruned_without_losing_their_indices() -> None:
    data = {"version": 1, "binds": ["/a"] * 500 + [5] + ["/a"] * 500}
    found, dropped = misfits(WHOLE, data)
    assert [m.path for m in found] == [("binds", 500)]
    assert dropped == 0
    data = {"version": 1, "binds": [5] * 500}
    found, dropped = misfits(WHOLE, data)
    assert (len(found), dropped) == (200, 300)


def test_a_valid_spec_needs_no_jsonschema() -> None:
    import subprocess
    import sys

    program = (
        "import sys\n"
        "from toyspec.spec.load import Surroundings, load\n"
        "s = Surroundings('/', '/', {}, False)\n"
        "load(b'version: 1\\ninit: [a]\\n', 'a.yaml', s)\n"
        "assert 'jsonschema' not in sys.modules\n"
        "assert 'ctypes' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@given(st.dictionaries(st.sampled_from(NAMES), DATA, max_size=6))
def test_nearly_valid_specs_load_or_are_refused(data: dict[str, Any]) -> None:
    text = yaml.safe_dump({"version": 1, "init": ["sh"], **data}, allow_unicode=True)
    try:
        load(text.encode(), "dev.yaml", HERE, Overrides())
    except SpecError as error:
        sound(error.problems)
