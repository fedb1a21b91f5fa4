"""A plan comes back from its JSON equal, byte for byte the same each time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from tests.emit.strategies import PLANS
from tests.program.samples import box, plan, step
from toyspec.emit.plan_json import FormatError, from_dict, from_json, to_dict, to_json
from toyspec.plan.step import Data, Environment, Fd, Length, Path, Plan, Strings
from toyspec.program.lower import LowerError, lower
from toyspec.spec.model import Origin, Variable


@given(PLANS)
def test_a_plan_comes_back_equal(made: Plan) -> None:
    text = to_json(made)
    assert from_json(text) == made
    assert from_json(text.encode()) == made
    assert to_json(from_json(text)) == text
    assert json.loads(text) == to_dict(made)


def test_the_form_is_the_documented_one() -> None:
    execve = step(
        "execve", ("path", Path("/bin/\udcff")), ("argv", Strings(("a",))),
        ("envp", Environment((("PATH", ("/bin",)), ("TERM", (Variable("TERM"),))))), role="init",
        origin=Origin("environment", default="environment: PATH, HOME and TERM"), phase="exec",
    )  # fmt: skip
    write = step("write", ("fd", Fd(1)), ("buf", Data(("5 $ ", Variable("N"), "é"))),
                 ("count", Length("buf")), yields=None)  # fmt: skip
    text = to_json(plan([write, execve]))
    assert text == (
        """{
  "format": "toyspec-plan",
  "format_version": "1.0",
  "toyspec": "0.1.0",
  "box": "box",
  "spec": {"path": "box.yaml", "sha256": "%s", "files": []},
  "host": {"arch": "x86_64"},
  "steps": [
    {"id": 1, "phase": "prepare", "role": "monitor", "call": "write",
     "args": [{"name": "fd", "fd": 1}, {"name": "buf", "text": "5 $$ ${N}é"}, {"name": "count", "length": "buf"}],
     "item": "", "why": "", "source": {"path": "init", "line": 7, "column": 3}, "default": null, "tolerates": [], "retries": [], "expects": null, "yields": null},
    {"id": 2, "phase": "exec", "role": "init", "call": "execve",
     "args": [{"name": "path", "base64": "L2Jpbi//"}, {"name": "argv", "strings": ["a"]}, {"name": "envp", "environment": ["PATH=/bin", "TERM=${TERM}"]}],
     "item": "", "why": "", "source": null, "default": "environment: PATH, HOME and TERM", "tolerates": [], "retries": [], "expects": null, "yields": null, "default_of": "environment"}
  ],
  "exposure": {"writable": [], "network": "none", "environment": [], "terminal": false, "real_root": false, "weakened": []},
  "unresolved": [],
  "warnings": [],
  "stopping": {"signal": "SIGTERM", "milliseconds": 10000},
  "watched": []
}
"""
        % ("0" * 64)
    )


def test_every_plan_is_utf_8() -> None:
    odd = replace(plan(box()), box="a\udc80b\ud800", warnings=("é\u2028",))
    text = to_json(odd)
    assert from_json(text.encode("utf-8")) == odd
    assert '"a\\udc80b\\ud800"' in text


def test_unknown_keys_are_ignored() -> None:
    found = to_dict(plan(box()))
    found["later"] = 1
    found["format_version"] = "1.7"
    found["steps"][0]["colour"] = "red"
    found["steps"][1]["args"][0]["note"] = "of a later version"
    assert from_dict(found) == plan(box())


def test_no_steps() -> None:
    assert from_json(to_json(plan([]))) == plan([])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "oci"}, "its format is not toyspec-plan"),
        ({"format_version": "2.0"}, "format version 2.0"),
        ({"format_version": 1}, "format version 1"),
        ({"format_version": "11.0"}, "format version 11.0"),
        ({"steps": None}, "not a plan"),
        ({"steps": [{}]}, "KeyError"),
        ({"host": {}}, "arch"),
        ({"exposure": []}, "TypeError"),
    ],
)
def test_what_is_no_plan_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        from_dict({**to_dict(plan(box())), **change})


@pytest.mark.parametrize(
    "argument",
    [
        {"name": "fd"},
        {"fd": 1},
        {"name": "fd", "quux": 1},
        {"name": "fd", "text": "$"},
        {"name": "fd", "text": "${A"},
        {"name": "fd", "base64": "é"},
        {"name": "fd", "environment": ["PATH"]},
        {"name": "fd", "bpf": [[1, 2, 3, 4]]},
        {"name": "fd", "struct": "open_how", "fields": {"flags": {"null": True}}},
        {"name": "fd", "struct": "open_how", "fields": {"flags": {"bpf": [[1, 2]]}}},
        {"name": "fd", "struct": "sock_fprog", "fields": {"filter": {"bpf": [[6, 0, 0, None]]}}},
        {"name": "fd", "struct": "sock_fprog", "fields": {"filter": {"bpf": [[6, 0, 0, -1]]}}},
        {"name": "fd", "struct": "sock_fprog", "fields": {"filter": {"bpf": [[6, 256, 0, 0]]}}},
        {"name": "fd", "struct": "sock_fprog", "fields": {"filter": {"bpf": [[6.0, 0, 0, 0]]}}},
        {"name": "fd", "int": None},
        {"name": "fd", "struct": "open_how"},
        {"name": "fd", "path": 1},
        {"name": "fd", "flags": "O_PATH"},
        {"name": "fd", "strings": [1]},
        {"name": "fd", "pid": []},
        {"name": "fd", "fd": 1.5},
        {"name": 1, "fd": 1},
        "fd",
    ],
)
def test_what_is_no_argument_is_refused(argument: object) -> None:
    found = to_dict(plan(box()))
    found["steps"][3]["args"] = [argument]
    with pytest.raises(FormatError, match="step 4"):
        from_dict(found)


def _changed(found: Any) -> Iterator[None]:
    """A plan's JSON, each value in it in turn replaced by what belongs nowhere."""
    others: list[Any] = [None, [], {}, -1, 1.5, True, "", "\x1b", 10**30]
    for key in list(found) if isinstance(found, dict) else range(len(found)):
        before = found[key]
        for other in others:
            found[key] = other
            yield
        found[key] = before
        if isinstance(before, dict | list):
            yield from _changed(before)


def test_whatever_is_of_another_type_is_refused_or_read_as_a_plan() -> None:
    """And what was read can be handled: nobody meets a list where a text should be."""
    found = json.loads(to_json(plan(box()[:3])))
    read = 0
    for _ in _changed(found):
        try:
            made = from_dict(found)
        except FormatError:
            continue
        read += 1
        assert all(isinstance(each, str) for step in made.steps for each in (step.item, step.role))
        with suppress(LowerError):
            lower(made, None)
    assert read


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 200_000, b"\xff\xfe{"])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(FormatError):
        from_json(text)
