from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toyspec.show.text import escape, fit, pad, quote, width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode ✓", "plain ünïcode ✓"),
        ("a\nb\tc\r\0", "a\\nb\\tc\\r\\0"),
        ("\x1b[31mred", "\\e[31mred"),
        ("\x7f\x9b", "\\x7f\\x9b"),
        ("a\u202eb\u2066", "a\\u202eb\\u2066"),
        ("\u200b\ufeff\u2028", "\\u200b\\ufeff\\u2028"),
        ("\udcff\ud800", "\\xff\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_nothing_moves_hides_or_reorders(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_a_string_as_strace_writes_it() -> None:
    assert quote('a"b\\c\n') == '"a\\"b\\\\c\\n"'


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
