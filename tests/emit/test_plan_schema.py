"""The committed schema is the tables' own; it takes every plan and refuses malformed steps."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from tests.emit.strategies import PLANS
from tests.program.samples import box, plan
from toyspec.emit.plan_json import to_dict
from toyspec.emit.plan_schema import text
from toyspec.kernel.calls import CALLS, PSEUDO_CALLS
from toyspec.plan.step import Plan

FILE = Path(__file__).parents[2] / "schemas" / "toyspec-plan-1.schema.json"
SCHEMA = json.loads(text())
VALID = jsonschema.Draft7Validator(SCHEMA)


def test_the_committed_file_is_current() -> None:
    assert FILE.read_text() == text(), (
        "run: python -m toyspec.emit.plan_schema > schemas/toyspec-plan-1.schema.json"
    )


def test_it_is_a_schema_with_one_definition_a_call() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    calls = {name[5:] for name in SCHEMA["definitions"] if name.startswith("call_")}
    assert calls == CALLS.keys() | PSEUDO_CALLS.keys()


@given(PLANS)
def test_it_takes_what_the_tables_take(made: Plan) -> None:
    VALID.validate(to_dict(made))


def test_it_takes_later_minor_versions() -> None:
    found: dict[str, Any] = {**to_dict(plan(box())), "later": 1, "format_version": "1.3"}
    found["steps"][0]["later"] = 1
    VALID.validate(found)


OPENAT = {
    "call": "openat",
    "args": [{"name": "dirfd", "fd": "AT_FDCWD"}, {"name": "path", "path": "/"},
             {"name": "flags", "flags": ["O_PATH"]}],
}  # fmt: skip


def changed(**arguments: Any) -> dict[str, Any]:
    """OPENAT with some of its arguments replaced (None: left out)."""
    new = copy.deepcopy(OPENAT)
    new["args"] = [
        {"name": each["name"], **arguments[each["name"]]} if each["name"] in arguments else each
        for each in new["args"]
        if isinstance(each, dict) and arguments.get(each["name"], 1) is not None
    ]
    return new


def with_how(fields: object) -> dict[str, Any]:
    how = {"name": "how", "struct": "open_how", "fields": fields}
    return {"call": "openat2", "args": [*OPENAT["args"][:2], how, {"name": "size", "int": 24}]}


@pytest.mark.parametrize(
    "change",
    [OPENAT, changed(dirfd={"fd": 0}), changed(path={"base64": "L/8="}), with_how({}),
     with_how({"mode": {"flags": ["0644"]}}), {"source": None, "default": "every box"},
     {"expects": {"errno": "EAGAIN"}}, {"yields": "root"}],
)  # fmt: skip
def test_it_takes_a_step(change: dict[str, Any]) -> None:
    found = to_dict(plan(box()))
    found["steps"][3].update(change)
    VALID.validate(found)


@pytest.mark.parametrize(
    "change",
    [
        {"call": "reboot"},
        {"phase": "lunch"},
        {"role": "nobody"},
        {"id": 0},
        {"tolerates": ["EWHAT"]},
        {"retries": "EINTR"},
        {"expects": {}},
        {"expects": {"errno": "EAGAIN", "result": 1}},
        {"expects": {"luck": True}},
        {"expects": {"device": "null"}},
        {"source": {"path": "init"}},
        {"args": []},
        changed(flags=None),
        changed(path=None),
        changed(dirfd={}),
        changed(dirfd={"int": 1}),
        changed(dirfd={"fd": 1, "int": 1}),
        changed(dirfd={"fd": -5}),
        changed(dirfd={"fd": None}),
        changed(dirfd={"fd": 1, "note": "x"}),
        changed(path={"text": "/"}),
        changed(path={"base64": "&"}),
        changed(flags={"flags": ["O_PATHS"]}),
        changed(flags={"flags": ["MS_BIND"]}),
        changed(flags={"flags": ["0644"]}),
        changed(flags={"int": 1}),
        {**OPENAT, "args": OPENAT["args"][::-1]},
        {**OPENAT, "args": [*OPENAT["args"], {"name": "mode", "flags": ["0888"]}]},
        {**OPENAT, "args": [*OPENAT["args"], {"name": "mode", "int": 0}, {"name": "x", "int": 0}]},
        with_how({"mood": {"int": 1}}),
        with_how({"flags": {"int": 1}}),
        with_how({"resolve": {"flags": ["O_PATH"]}}),
        with_how([]),
    ],
)
def test_it_refuses_a_malformed_step(change: dict[str, Any]) -> None:
    found = to_dict(plan(box()))
    VALID.validate(found)
    found["steps"][3].update(change)
    assert not VALID.is_valid(found)


@pytest.mark.parametrize("key", ["format", "format_version", "spec", "host", "steps", "exposure"])
def test_it_refuses_a_plan_that_lacks_a_key(key: str) -> None:
    found = to_dict(plan(box()))
    del found[key]
    assert not VALID.is_valid(found)


def test_it_refuses_another_format() -> None:
    assert not VALID.is_valid({**to_dict(plan(box())), "format_version": "2.0"})
    assert not VALID.is_valid({**to_dict(plan(box())), "format": "oci"})
