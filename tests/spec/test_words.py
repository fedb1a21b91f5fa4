from __future__ import annotations

from collections import Counter

import pytest

from toyspec.spec.schema import known as known_keys
from toyspec.spec.schema import schema
from toyspec.spec.word import Word
from toyspec.spec.words import WORDS, known, message, nearest


def test_no_word_is_there_twice() -> None:
    twice = [key for key, n in Counter((w.where, w.word) for w in WORDS).items() if n > 1]
    assert twice == []


def test_no_word_is_one_of_ours() -> None:
    ours = known_keys(schema())
    assert [w.word for w in WORDS if w.where == "" and w.word in ours] == []


@pytest.mark.parametrize("word", WORDS, ids=lambda w: f"{w.where}/{w.word}")
def test_each_has_a_phrase_and_can_be_found(word: Word) -> None:
    assert word.says
    assert not word.says.endswith(".")
    assert known(word.where, word.word) is word
    said, label = message(word)
    assert word.word in said
    assert label


def test_the_design_s_reserved_keys() -> None:
    reserved = {w.word for w in WORDS if w.kind == "reserved"}
    assert reserved == {
        "services", "volumes", "networks", "secrets", "configs", "include", "extends", "commands",
        "profiles", "depends_on",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "expected"),
    [("read_olny", "read_only"), ("Read-Only", "read_only"), ("create", "create"), ("zzz", None),
     ("x" * 1000, None)],
)  # fmt: skip
def test_the_nearest_key(word: str, expected: str | None) -> None:
    assert nearest(word, ["path", "create", "read_only", "old_root"]) == expected
