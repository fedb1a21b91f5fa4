"""The key `seccomp`: words, profiles beside the spec, and what is wrong in them at its own line."""

from __future__ import annotations

import hashlib

import pytest

from tests.spec.loading import FILES, HEAD, problems, said, spec
from toyspec.spec.model import Included, Profile
from toyspec.spec.seccomp.json_values import MAX_SIZE

GOOD = b'{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}'


@pytest.fixture(autouse=True)
def files() -> None:
    FILES.clear()
    FILES["/home/me/proj/p.json"] = FILES["/home/me/q/profile"] = GOOD


def test_the_default_is_a_filter() -> None:
    assert spec(HEAD).seccomp == "default"
    assert spec(HEAD).origin("seccomp").default == "seccomp: default"
    assert spec(HEAD + "seccomp: default").origin("seccomp").line == 3
    assert spec(HEAD + "seccomp: none").seccomp == "none"


@pytest.mark.parametrize(
    ("written", "path", "shown", "real"),
    [
        ("p.json", "dev.yaml", "p.json", "/home/me/proj/p.json"),
        ("./p.json", "sub/dev.yaml", "sub/p.json", "/home/me/proj/p.json"),
        ("../q/profile", "dev.yaml", "../q/profile", "/home/me/q/profile"),
        ("~/q/profile", "dev.yaml", "/home/me/q/profile", "/home/me/q/profile"),
        ("${HOME}/q/profile", "dev.yaml", "/home/me/q/profile", "/home/me/q/profile"),
    ],
)
def test_a_profile_is_a_part_of_the_spec(written: str, path: str, shown: str, real: str) -> None:
    found = spec(HEAD + f"seccomp: {written}", path)
    assert isinstance(found.seccomp, Profile)
    assert found.seccomp.path == shown
    assert found.seccomp.rules.default.kind == "errno"
    digest = hashlib.sha256(GOOD).hexdigest()
    assert found.included == (Included("seccomp", shown, real, digest),)


@pytest.mark.parametrize(
    ("written", "message", "label"),
    [
        ("unconfined", "seccomp cannot be `unconfined`", "did you mean `none`?"),
        ("defualt", "seccomp cannot be `defualt`", "did you mean `default`?"),
        ("profile", "seccomp cannot be `profile`", ""),
        ("no.json", "`no.json`: no such file or directory", "looked for at /home/me/proj/no.json"),
        ("a/../b", "`..` after a name in `a/../b`", "it leads elsewhere through a symlink"),
        ("false", "seccomp must be default, none or a path, not false", "write none"),
        ("true", "seccomp must be default, none or a path, not true", "write default"),
        ("''", "seccomp is empty", ""),
    ],
)
def test_what_is_no_filter(written: str, message: str, label: str) -> None:
    (found,) = problems(HEAD + f"seccomp: {written}")
    assert (found.line, found.column, found.message, found.label) == (3, 10, message, label)


def test_a_profile_is_bounded() -> None:
    FILES["/home/me/proj/p.json"] = b" " * (MAX_SIZE + 2)
    assert said(HEAD + "seccomp: p.json") == [(3, 10, "`p.json` is larger than 1024 KiB")]


WRONG = b"""{
  "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [
    {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["write", "opnat"],
     "action": "SCMP_ACT_ERRNO",
     "args": [{"index": 7, "op": "SCMP_CMP_EQ", "value": 1}]}
  ],
  "syscals": [], "fl.ags": 1
}
"""


def test_what_is_wrong_in_it_is_said_at_its_own_place() -> None:
    FILES["/home/me/proj/p.json"] = WRONG
    found = problems(HEAD + "seccomp: p.json\nnetwork: nat", None)
    assert [(p.path, p.line, p.column, p.message.split(":")[0]) for p in found] == [
        ("p.json", 9, 3, "syscals"),
        ("p.json", 1, 1, "fl.ags"),
        ("p.json", 5, 25, "syscalls[1].names[1]"),
        ("p.json", 7, 25, "syscalls[1].args[0].index"),
        ("dev.yaml", 4, 10, "network"),
    ]
    assert found[2].message.endswith("unknown system call `opnat`: did you mean `openat`?")
    assert found[2].excerpt == '    {"names": ["write", "opnat"],'


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b'{\n "defaultAction": "SCMP_ACT_LOG",\n}', (3, 1)),
        (b'{\n  "\xff": 1}', (2, 4)),
        (b"", (1, 1)),
        (b"[" * 100_000, (1, 1)),
        (b"[]", (1, 1)),
    ],
)
def test_what_is_no_json_too(data: bytes, place: tuple[int, int]) -> None:
    FILES["/home/me/proj/p.json"] = data
    (found,) = problems(HEAD + "seccomp: p.json")
    assert (found.path, found.line, found.column) == ("p.json", *place)


def test_of_very_many_problems_the_first_are_told() -> None:
    names = ", ".join(['"nope"'] * 90)
    FILES["/home/me/proj/p.json"] = (
        f'{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{{"action": "SCMP_ACT_KILL", "names": [{names}]}}]}}'
    ).encode()
    found = problems(HEAD + "seccomp: p.json")
    assert len(found) == 21
    assert found[-1].message == "and 70 more"


def test_an_unknown_key_is_marked_itself() -> None:
    text = b'{"defaultAction": "SCMP_ACT_ALLOW",\n "syscals": [],\n "syscalls": [{"action": "SCMP_ACT_ALLOW", "nmes": []}]}'
    FILES["/home/me/proj/p.json"] = text
    found = problems(HEAD + "seccomp: p.json")
    assert [(p.line, p.column, p.end_column) for p in found[:2]] == [(2, 2, 11), (3, 44, 50)]
    assert found[0].message == "syscals: unknown key `syscals`: did you mean `syscalls`?"


def test_truncated_json_says_its_place_once() -> None:
    FILES["/home/me/proj/p.json"] = b'{"defaultAction":\n'
    (found,) = problems(HEAD + "seccomp: p.json")
    assert (found.line, found.column) == (2, 1)
    assert "line 2" not in found.message + found.label + found.help


def test_a_profile_in_the_spec_goes_into_a_file() -> None:
    (found,) = problems(HEAD + "seccomp: {defaultAction: SCMP_ACT_ALLOW}")
    assert found.message == "seccomp must be default, none or a path, not a mapping"
    assert found.help.startswith("put the profile into a file of its own")
