"""Environment files: what a line means, what it cannot be, and who wins."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.spec.loading import HEAD, HERE
from toyspec.spec.env_file import MAX_BYTES, Entry, parse
from toyspec.spec.load import SpecError, load
from toyspec.spec.model import Env, Spec, Variable

FILES = {
    "/home/me/proj/one.env": b"A=first\nB=from one\nTERM\nGONE\n",
    "/home/me/proj/two.env": b"A=second\nHOME=/there\nPATH=\n",
    "/home/me/secrets": b"TOKEN='s3$cret'\n",
    "/home/me/proj/bad.env": b'A=1\nB = s3cret\nC="s3cret\n',
}


def read(path: str, most: int) -> bytes:
    if path == "/home/me/proj/pipe":
        raise OSError(22, "not a regular file")
    try:
        return FILES[path][: most + 1]
    except KeyError:
        raise FileNotFoundError(path) from None


def spec(text: str) -> Spec:
    return load((HEAD + text).encode(), "dev.yaml", replace(HERE, read=read))


def values(data: bytes) -> dict[str, str | None]:
    entries, faults = parse(data)
    assert faults == []
    return {entry.name: entry.value for entry in entries}


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("A=", ""), ("A=b c", "b c"), ("A=b=c", "b=c"), ("A=#b", "#b"), ("A=b#c", "b#c"),
        ("A=it's", "it's"), ('A=a"b"', 'a"b"'), ("A=a\\nb", "a\\nb"), ("A=é", "é"),
        ("A='b $c \\n #d'", "b $c \\n #d"), ("A=''", ""), ('A=""', ""), ('A=" b "', " b "),
        (r'A="\\ \" \n \r \t \$"', '\\ " \n \r \t $'), ("A", None), ("_1=x\r", "x"),
    ],
)  # fmt: skip
def test_what_a_value_is(line: str, wanted: str | None) -> None:
    assert list(values(line.encode()).values()) == [wanted]


def test_comments_empty_lines_and_a_byte_order_mark() -> None:
    text = b"\xef\xbb\xbf# a\n\n  \t\n  # b\nA=1\r\n\r\nB=2"
    assert parse(text) == ([Entry("A", "1", 5), Entry("B", "2", 7)], [])


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("A=$B", 3, "a `$` outside of quotes"),
        ('A="x$B"', 5, "a `$` in double quotes"),
        ("A=b # c", 4, "a blank and `#` outside of quotes"),
        ("A= b", 3, "a blank at an end of the value"),
        ("A=b ", 4, "a blank at an end of the value"),
        ("A =b", 2, "a blank beside a variable's name"),
        (" A=b", 1, "a blank beside a variable's name"),
        ("export A=b", 1, "`export` is a shell's word"),
        ("1A=b", 1, "this begins with no variable's name"),
        ("A-B=c", 1, "this begins with no variable's name"),
        ("=b", 1, "this begins with no variable's name"),
        ("É=b", 1, "this begins with no variable's name"),
        ("A='b", 3, "a quote that does not end on its line"),
        ('A="b\\"', 3, "a quote that does not end on its line"),
        ("A='b' c", 6, "something after the closing quote"),
        ('A="\\x"', 4, "an unknown escape in double quotes"),
        ("A=b\0c", 4, "the control character U+0000"),
        ("A=b\x1b", 4, "the control character U+001B"),
    ],
)
def test_what_a_line_cannot_be(line: str, column: int, message: str) -> None:
    _, faults = parse(b"OK=1\n" + line.encode())
    assert [(f.line, f.column, f.message) for f in faults] == [(2, column, message)]


def test_a_variable_twice_bytes_that_are_no_text_and_too_many() -> None:
    assert [f.message for f in parse(b"A=1\nA=2")[1]] == [
        "the variable is here twice, first on line 1"
    ]
    assert [(f.line, f.column) for f in parse(b"A=1\nB=\xff")[1]] == [(2, 3)]
    assert [f.message for f in parse(b"A" * (MAX_BYTES + 1))[1]] == ["larger than 1024 KiB"]


@given(st.binary(max_size=200))
def test_any_bytes_are_variables_or_faults(data: bytes) -> None:
    entries, faults = parse(data)
    assert all("\0" not in (entry.value or "") and entry.name for entry in entries)
    assert all(fault.message and fault.line >= 0 for fault in faults)


def test_a_later_file_wins_and_the_environment_over_all() -> None:
    found = spec("env_file: [one.env, ./two.env, {path: ~/secrets}]\nenvironment: [B=own]\n")
    assert {env.name: env for env in found.environment} == {
        "PATH": Env("env_file[1].PATH", "PATH", ()),
        "HOME": Env("env_file[1].HOME", "HOME", ("/there",)),
        "TERM": Env("env_file[0].TERM", "TERM", (Variable("TERM"),)),
        "A": Env("env_file[1].A", "A", (Variable("env_file[1].A"),)),
        "B": Env("environment[0]", "B", ("own",)),
        "TOKEN": Env("env_file[2].TOKEN", "TOKEN", (Variable("env_file[2].TOKEN"),)),
    }
    assert found.env_file["env_file[1].A"] == "second"
    assert found.env_file["env_file[2].TOKEN"] == "s3$cret"
    assert "s3$cret" not in repr(found)
    assert found.origin("env_file[2].TOKEN").line == 3


def test_one_file_alone_and_one_that_may_be_missing() -> None:
    assert "env_file[0].A" in spec("env_file: one.env\n").env_file
    assert spec("env_file: [{path: none.env, required: false}]\n").env_file == {}


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("env_file: none.env", 3, 11, "no environment file `none.env`"),
        ("env_file: [{path: none.env}]", 3, 12, "no environment file `none.env`"),
        ("env_file: [pipe]", 3, 12, "environment file `pipe`: not a regular file"),
        ("env_file: 5", 3, 11, "env_file must be a path or a list of them, not the number 5"),
        ("env_file: [5]", 3, 12, "env_file[0] must be a path or a mapping, not the number 5"),
        ("env_file: [{path: a, format: raw}]", 3, 22, "unknown key `format`"),
        ("env_file: [/proc/self/environ]", 3, 12,
         "`/proc/self/environ` is in the directory of one process"),
    ],
)  # fmt: skip
def test_what_is_told_with_the_spec_s_line(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(SpecError) as error:
        spec(text)
    assert [(p.line, p.column, p.message) for p in error.value.problems] == [
        (line, column, message)
    ]


def test_what_is_wrong_in_a_file_points_into_it_and_shows_nothing_of_it() -> None:
    with pytest.raises(SpecError) as error:
        spec("env_file: bad.env")
    found = error.value.problems
    assert [(p.path, p.line, p.column, p.message) for p in found] == [
        ("bad.env", 2, 2, "a blank beside a variable's name"),
        ("bad.env", 3, 3, "a quote that does not end on its line"),
    ]
    assert "s3cret" not in str(found)
