"""Any bytes at all: a Spec or problems, never another exception."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.spec.loading import HERE
from toyspec.show.diagnostics import render, to_json
from toyspec.spec import events
from toyspec.spec.load import Problem, SpecError, load

PIECES = [
    "version: 1\n", "init: [sh]\n", "binds:\n", "  - ", "/a", ":", "rw", "${X}", "${", "}", "$", "$$",
    "{", "[", "]", ",", "&a ", "*a", "<<: ", "|\n", ">\n", '"', "'", "\\", "\t", "\r\n", "\n", "  ",
    "~", "!!str ", "!x ", "%TAG", "---\n", "...\n", "#", "? ", "- ", "name", "environment: ", "root: ",
    "mounts: ", "files: ", "target: ", "content: ", "user: ", "x-a: ", "é", "\u2028", "\x85", "\U0001f600",
    "\x00", "\x1b", "5", "-1", "0x", ".inf", "1e400", "null", "system: host\n", "requires: ", "toyspec: ",
    ">=0.1", "\\uD800", "\\0", "\ufeff",
]  # fmt: skip


def survives(data: bytes) -> None:
    try:
        load(data, "dev.yaml", HERE)
    except SpecError as error:
        sound(error.problems)


def sound(problems: tuple[Problem, ...]) -> None:
    """In order, bounded, harmless to a terminal."""
    assert problems
    ordered = [(p.line, p.column) for p in problems if p.line]
    assert ordered == sorted(ordered)
    for problem in problems:
        assert problem.message
        assert problem.column >= problem.excerpt_column or not problem.line
        assert len(problem.excerpt) <= 240
    shown = render(problems, colour=False)
    assert all(c == "\n" or c.isprintable() for c in shown)
    assert max(map(len, shown.splitlines())) < 1000
    json.loads(to_json(problems))


@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf")
@example(b"\xef\xbb")
@example(b"a: \xed\xa0\x80")
def test_any_bytes(data: bytes) -> None:
    survives(data)


@given(st.text(max_size=100))
def test_any_text(text: str) -> None:
    survives(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=600)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_pieces_of_specs(text: str) -> None:
    survives(text.encode())
    survives(b"version: 1\ninit: [sh]\n" + text.encode())


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_pieces_of_specs_without_libyaml(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "_events", events.pure_events)
        survives(b"version: 1\ninit: [sh]\n" + text.encode())


SPEC = b"""\
version: 1
name: dev
root: {path: ./rootfs, create: true, old_root: /tmp}
user: "1000:1000"
binds:
  - .:/code:rw
  - {source: "${HOME}/x", target: /x, optional: true}
mounts:
  - {type: tmpfs, target: /scratch, size: 256m, mode: "1777"}
files:
  - {target: /etc/motd, content: "hello ${X:-y}\\n"}
environment: [TERM, CI=1]
init: [bash, -l]
"""


@settings(max_examples=300)
@given(st.integers(0, len(SPEC)), st.integers(0, 20), st.sampled_from(PIECES))
def test_a_spec_with_a_piece_put_in_or_taken_out(at: int, gone: int, piece: str) -> None:
    survives(SPEC[:at] + piece.encode() + SPEC[at + gone :])


@given(st.dictionaries(st.sampled_from(["HOME", "X"]), st.text(max_size=10)))
def test_any_values_of_variables(variables: dict[str, str]) -> None:
    from dataclasses import replace

    data = SPEC.replace(b"name: dev", b"name: '${X:-dev}'")
    try:
        load(data, "dev.yaml", replace(HERE, variables=variables))
    except SpecError as error:
        render(error.problems)


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\ninit: [sh]\nname: 'é'\nbinds: [/a: /b, ~, &x /c, *x]\n",
        SPEC.decode(),
        "version: 1\ninit: [a\nname: b\n",
    ],
)
def test_libyaml_and_the_pure_parser_agree(text: str) -> None:
    def found() -> list[tuple[int, int, str]]:
        try:
            load(text.encode(), "dev.yaml", HERE)
        except SpecError as error:
            return [(p.line, p.column, p.message) for p in error.problems]
        return []

    fast = found()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "_events", events.pure_events)
        slow = found()
    if "not YAML" not in str(fast):
        assert fast == slow
    else:
        assert len(slow) == 1
