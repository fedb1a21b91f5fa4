"""An entry is read as it was written, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toyspec.start import entry

KEY = entry.sum_of(["key"])
ANSWERS = entry.sum_of(["answers"])
WORDS = ("--status", "3")
PHASES = b"box 1,2\nprepare 1-2"
QUESTIONS = (("path", "/usr"), ("variable", "HOME"), ("names", "/tmp/\udcff ü"), ("ids", ""))
BOX = b"\x7fELF" + bytes(range(256)) * 3


def made(box: bytes = BOX) -> bytes:
    data = entry.write(KEY, QUESTIONS, ANSWERS, WORDS, PHASES, box)
    assert data is not None
    return data


@given(
    st.lists(st.tuples(st.text(st.characters(exclude_characters="\0")),
                       st.text(st.characters(exclude_characters="\0")))),
    st.lists(st.text(st.characters(exclude_characters="\0"))),
    st.binary(),
    st.binary(),
)  # fmt: skip
def test_what_is_written_is_read(
    questions: list[tuple[str, str]], words: list[str], phases: bytes, box: bytes
) -> None:
    data = entry.write(KEY, questions, ANSWERS, words, phases, box)
    assert data is not None
    found = entry.read(data, KEY)
    assert found is not None
    assert (found.questions, found.words) == (tuple(questions), tuple(words))
    assert (found.answers, found.phases, bytes(found.box)) == (ANSWERS, phases, box)


def test_a_question_with_a_nul_is_not_written_down() -> None:
    assert entry.write(KEY, [("path", "/a\0b")], ANSWERS, WORDS, PHASES, BOX) is None


@pytest.mark.parametrize("bit", [0, 7])
def test_every_byte_counts(bit: int) -> None:
    data = made()
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 1 << bit
        assert entry.read(bytes(damaged), KEY) is None, at


def test_every_length_counts() -> None:
    data = made(b"\x7fELF")
    for size in range(len(data)):
        assert entry.read(data[:size], KEY) is None, size
    for more in (b"\0", b"x" * 64, data):
        assert entry.read(data + more, KEY) is None


@given(st.binary(max_size=400))
def test_any_bytes_are_no_entry(data: bytes) -> None:
    assert entry.read(data, KEY) is None
    assert entry.read(entry.MAGIC + data, KEY) is None


def test_another_keys_entry_is_none() -> None:
    assert entry.read(made(), entry.sum_of(["other"])) is None


def test_different_values_have_different_sums() -> None:
    values: list[list[object]] = [
        [], [()], [""], [b""], [None], [0], [False], ["0"], [b"0"], [("0",)], ["a", "b"], ["ab"],
        [("a", "b")], ["a\nb"], [b"a", b"b"], [b"ab"], [b"1:a"], [("a",), "b"], ["'a'"],
    ]  # fmt: skip
    assert len({entry.sum_of(each) for each in values}) == len(values)
