"""Anchors, aliases and merges: keys that begin with `x-` hold what the rest of the file uses."""

from __future__ import annotations

import pytest

from tests.spec.loading import HEAD, problems, said, spec
from toyspec.spec.model import Bind, Env, Sysctl, Ulimit


def test_a_list_kept_under_an_x_key() -> None:
    found = spec(
        HEAD + "x-tools: &tools [/opt/a, &b {source: /opt/b, read_only: false}]\nbinds: *tools\n"
        "x-more: {deep: [[&c ./c:/c]]}\n"
    )
    assert found.binds == (
        Bind("binds[0]", "/opt/a", "/opt/a"),
        Bind("binds[1]", "/opt/b", "/opt/b", writable=True),
    )
    assert found.origin("binds[1]").line == 3


def test_entries_and_merges_in_every_kind_of_place() -> None:
    found = spec(
        HEAD
        + """\
x-common:
  bind: &bind /opt/a
  deep: [[&long {read_only: false, x-why: [we, write]}]]
  environment: &environment {CI: 1, LANG: C.UTF-8}
  limits: &limits {nofile: 100, core: 0}
  namespaces: &shared {uts: host, x-note: shared}
  tuned: &tuned {net.core.somaxconn: 7}
  words: &words [a, b]
binds:
  - *bind
  - {<<: *long, source: /opt/b}
environment: {<<: *environment, CI: 2}
ulimits: {<<: [*limits], core: 1}
namespaces: {<<: *shared, ipc: host}
sysctls: *tuned
root: {<<: {read_only: true}, type: tmpfs}
"""
    )
    assert [(bind.source, bind.writable) for bind in found.binds] == [
        ("/opt/a", False), ("/opt/b", True),
    ]  # fmt: skip
    assert found.environment[-2:] == (
        Env("environment.CI", "CI", ("2",)), Env("environment.LANG", "LANG", ("C.UTF-8",)),
    )  # fmt: skip
    assert {(limit.name, limit.hard) for limit in found.ulimits} == {("nofile", 100), ("core", 1)}
    assert found.host_namespaces == {"uts", "ipc"}
    assert found.sysctls == (
        Sysctl("sysctls.net.core.somaxconn", "net.core.somaxconn", "network", "7"),
    )
    assert found.root.read_only
    assert isinstance(found.ulimits[0], Ulimit)


def test_an_x_key_is_not_read_and_its_variables_not_filled_in() -> None:
    assert spec(HEAD + "x-a: ['${NOT_SET}', {b: no such thing}]\n").binds == ()


@pytest.mark.parametrize(
    ("text", "line", "column", "help"),
    [
        ("x-a: &a ./a:/b:r0\nbinds:\n  - *a", 5, 5, "*a is what stands on line 3"),
        ("x-a: &a [./a:/b:r0]\nbinds: *a", 3, 17, "used through *a on line 4"),
        ("x-a: &a {tpye: tmpfs}\nmounts:\n  - {<<: *a}\n  - {<<: *a}", 3, 10,
         "used through *a on line 5, 6"),
        ("x-a: {b: [&a {sise: 1k}]}\nmounts: [{<<: [*a], type: tmpfs, target: /a}]", 3, 15,
         "used through *a on line 4"),
        ("x-a: &a [/opt]\nbinds: [*a, /b]", 4, 9, "*a is what stands on line 3"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_both_places(
    text: str, line: int, column: int, help: str
) -> None:
    found = problems(HEAD + text)[0]
    assert (found.line, found.column) == (line, column)
    assert found.help.endswith(help)


def test_what_no_alias_brought_in_has_one_place() -> None:
    assert said(HEAD + "x-a: &a 1\nx-b: *a\nhostname: 'a b'") == [
        (5, 11, "hostname cannot be `a b`")
    ]
    assert problems(HEAD + "x-a: &a 1\nx-b: *a\nhostname: 'a b'")[0].help == ""
