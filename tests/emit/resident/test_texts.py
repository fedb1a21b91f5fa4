"""Texts, numbers and the caller's environment in resident code, run as the Python that it is."""

from __future__ import annotations

import ctypes
import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emit.resident import interpreted
from tests.emit.resident.interpreted import numbers, text, text_at
from toyspec.emit.resident import environment, inflate, memory, record, shown, words
from toyspec.show.text import escape

NAMES = st.text("AB=", max_size=3)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


ODD = "\x01\t\n\r\x1b\x1f\x7f\x80\x9b\xa0\xad\u061c\u200b\u202e\u2066\u2028\ufeff\ue000\U000e0001"


@given(st.text(st.sampled_from(f"{ODD} ~aé·…\u05d0語😀"), max_size=12))
def test_what_is_shown_is_escaped_as_toyspec_escapes_it(chosen: str) -> None:
    assert text_at(shown.shown(text(chosen))) == escape(chosen)


@given(st.binary(max_size=12).map(lambda each: each.replace(b"\0", b"")))
def test_whatever_bytes_are_shown_leave_a_terminal_alone(chosen: bytes) -> None:
    said = text_at(shown.shown(interpreted.memory(chosen + b"\0")))
    assert not {char for char in said if ord(char) < 32 or 127 <= ord(char) < 160}
    if all(byte < 128 or byte in (0xC0, 0xFF) for byte in chosen):
        assert said == escape(os.fsdecode(chosen))


def test_nothing_to_show_stays_nothing() -> None:
    assert shown.shown(0) == 0


@given(st.integers(0, (1 << 63) - 1))
def test_a_number_is_written_and_read_again(number: int) -> None:
    room = words.room(32)
    end = memory.append_number(room, number)
    assert text_at(room) == str(number)
    assert end - room == len(str(number))
    assert memory.number(room) == number
    assert memory.decimal(room) == (number if number < 10**18 else -1)


@given(WORDS, WORDS)
def test_texts_are_compared(one: str, other: str) -> None:
    assert bool(memory.same(text(one), text(other))) == (one == other)
    found = memory.behind(text(one), text(other))
    assert bool(found) == one.startswith(other)
    if found:
        assert text_at(found) == one[len(other) :]


@given(st.text("ab/", max_size=6), st.text("ab/", max_size=6))
def test_paths_are_compared(one: str, other: str) -> None:
    same = one.rstrip("/") == other.rstrip("/")
    assert bool(memory.same_place(text(one), text(other))) == same


def test_only_a_whole_number_is_one() -> None:
    for wrong in ("", "12a", "-1", " 1", "1 ", "1" * 19):
        assert memory.decimal(text(wrong)) == -1
    assert memory.number(text("12a")) == 12
    assert memory.number(text("a")) == -1


@given(st.lists(st.tuples(NAMES, WORDS), max_size=5), NAMES.filter(lambda name: "=" not in name))
def test_a_variable_is_found_as_getenv_does(entries: list[tuple[str, str]], name: str) -> None:
    given = [f"{key}={value}" for key, value in entries]
    expected = next((each[len(name) + 1 :] for each in given if each.startswith(name + "=")), None)
    found = environment.value_of(numbers(*map(text, given), 0), text(name))
    assert (text_at(found) if found else None) == expected


def late(*pieces: tuple[int, str], wanted: str | None = None) -> tuple[int, int, int]:
    """The address of such an entry of LATE, and where it stores address and length."""
    slot, size = numbers(0), numbers(0)
    message = 0 if wanted is None else text(wanted)
    table = numbers(*(each for kind, word in pieces for each in (kind, text(word), message)))
    return numbers(slot, size, table, len(pieces)), slot, size


def box_of(*entries: int) -> int:
    box = numbers(*[0] * (record.BOX_SIZE // 8))
    table = [words.load64(each + at) for each in entries for at in range(0, record.LATE_SIZE, 8)]
    words.store64(box + record.LATE, numbers(*table))
    words.store64(box + record.LATES, len(entries))
    return box


def test_late_texts_are_completed() -> None:
    whole = late((record.PIECE_ENTRY, "A"))
    made = late((record.PIECE_TEXT, "X=<"), (record.PIECE_VALUE, "B"), (record.PIECE_TEXT, ">"))
    empty = late((record.PIECE_VALUE, "C"))
    callers = numbers(text("A=1"), text("B=zwei"), text("C="), 0)
    environment.complete(0, box_of(whole[0], made[0], empty[0]), callers)
    assert words.load64(whole[1]) == text("A=1")  # where it stands, not a copy
    for (_, slot, size), expected in ((whole, "A=1"), (made, "X=<zwei>"), (empty, "")):
        assert text_at(words.load64(slot)) == expected
        assert words.load64(size) == len(expected)


EMPTY = "the variable SECRET is empty, and was not when this box was made"


@pytest.mark.parametrize("kind", [record.PIECE_VALUE, record.PIECE_ENTRY])
@pytest.mark.parametrize(
    ("wanted", "value", "said"),
    [
        (None, "", "the variable SECRET is not set"),
        ("", "", "the variable SECRET is not set"),
        ("", "SECRET=", EMPTY),
        ("ask Eve", "", "SECRET: ask Eve"),
        ("ask Eve", "SECRET=", "SECRET: ask Eve"),
    ],
)
def test_a_variable_that_is_missing_is_named(
    kind: int, wanted: str | None, value: str, said: str
) -> None:
    pieces = [(kind, "SECRET")]
    if kind != record.PIECE_ENTRY:
        pieces = [(record.PIECE_TEXT, "X="), *pieces]
    box = box_of(late(*pieces, wanted=wanted)[0])
    file = numbers(*[0] * (record.FILE_SIZE // 8))
    words.store64(file + record.NAME, text("box: "))
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(writer, 2)
        environment.complete(file, box, numbers(text("A=1"), *([text(value)] if value else []), 0))
        os._exit(0)
    os.close(writer)
    with open(reader) as heard:
        assert heard.read() == f"box: error: {said}\n"
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 125


@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(0, 9), st.integers(0, 4))
def test_deflate_is_read_as_zlib_writes_it(pieces: list[bytes], level: int, strategy: int) -> None:
    content = b"".join(piece * 7 for piece in pieces)
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    packed = packer.compress(content) + packer.flush()
    room = words.room(len(content) + 1)
    assert inflate.inflate(interpreted.memory(packed), room) == room + len(content)
    assert ctypes.string_at(room, len(content)) == content
