from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toyspec.show.text import escape, fit, pad, path, quote, width
from toyspec.spec import shown


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain ünïcode ✓", "plain ünïcode ✓"),
        ("a\nb\tc\r\0", "a\\nb\\tc\\r\\0"),
        ("\x1b[31mred", "\\e[31mred"),
        ("\x7f\x9b", "\\x7f\\x9b"),
        ("a\u202eb\u2066", "a\\u202eb\\u2066"),
        ("\u200b\ufeff\u2028", "\\u200b\\ufeff\\u2028"),
        ("\udcff\ud800", "\\xff\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("a\u3164\u115f\u1160\uffa0", "a\\u3164\\u115f\\u1160\\uffa0"),
        ("a\ufe0f\U000e0100\u034f\u2800", "a\\ufe0f\\U000e0100\\u034f\\u2800"),
    ],
)
def test_nothing_moves_hides_or_reorders(text: str, safe: str) -> None:
    assert escape(text) == safe


def test_a_string_as_strace_writes_it() -> None:
    assert quote('a"b\\c\n') == '"a\\"b\\\\c\\n"'


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("/usr/bin", "/usr/bin"),
        ("/home/jörg/漢字", "/home/jörg/漢字"),
        (".", "."),
        ("", '""'),
        ("/a at /b", '"/a at /b"'),
        ("/a,/b", '"/a,/b"'),
        ("/a · network none", '"/a · network none"'),
        ("/a…", '"/a…"'),
        ('/a"b', '"/a\\"b"'),
        ("/a\u202eb", '"/a\\u202eb"'),
        ("/a\u3164b", '"/a\\u3164b"'),
        ("/a\u2022b", '"/a\u2022b"'),
    ],
)
def test_a_path_among_other_words(text: str, safe: str) -> None:
    assert path(text) == safe


def test_what_both_rooms_escape_is_the_same() -> None:
    every = [chr(code) for code in range(0x110000)]
    seen = [char for char in every if escape(char) == char]
    assert seen == [char for char in every if shown.escape(char) == char]
    hidden = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    assert not [char for char in seen if unicodedata.category(char) in hidden]


@given(st.text())
def test_escaped_text_is_printable_and_stays_so(text: str) -> None:
    assert escape(text).isprintable()
    assert escape(escape(text)) == escape(text)


@pytest.mark.parametrize(
    ("text", "columns", "fitted"),
    [
        ("short", 10, "short"),
        ("exactly", 7, "exactly"),
        ("too long", 7, "too lo…"),
        ("too long", 5, "too…"),
        ("漢字漢字", 5, "漢字…"),
        ("漢字漢字", 4, "漢…"),
        ("x", 0, ""),
    ],
)
def test_fit(text: str, columns: int, fitted: str) -> None:
    assert fit(text, columns) == fitted


@given(st.text(alphabet=st.characters(categories=["L", "N", "P"])), st.integers(1, 40))
def test_padded_text_has_the_width_asked_for(text: str, columns: int) -> None:
    assert width(pad(text, columns)) == columns
