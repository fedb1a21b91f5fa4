from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toyspec.spec.interpolation import as_text, substitute, wanted
from toyspec.spec.model import Text, Variable
from toyspec.spec.wrong import Wrong

VARIABLES = {"A": "a", "EMPTY": "", "DOLLAR": "${A}$$"}


@pytest.mark.parametrize(
    ("text", "value", "kept"),
    [
        ("", "", ()),
        ("x", "x", ("x",)),
        ("${A}", "a", (Variable("A"),)),
        ("1${A}2${A}", "1a2a", ("1", Variable("A"), "2", Variable("A"))),
        ("$$", "$", ("$",)),
        ("$${A}", "${A}", ("${A}",)),
        ("$$$${A}", "$${A}", ("$${A}",)),
        ("$$${A}", "$a", ("$", Variable("A"))),
        ("${EMPTY}", "", (Variable("EMPTY"),)),
        ("${EMPTY:-d}", "d", ("d",)),
        ("${NONE:-}", "", ()),
        ("x${NONE:-a:b,c d}y", "xa:b,c dy", ("xa:b,c dy",)),
        ("${NONE:-$$}", "$", ("$",)),
        ("${A:-d}", "a", (Variable("A"),)),
        ("${A:?no}", "a", (Variable("A"),)),
        ("${DOLLAR}", "${A}$$", (Variable("DOLLAR"),)),
    ],
)
def test_values(text: str, value: str, kept: Text) -> None:
    assert substitute(text, VARIABLES) == value
    assert as_text(text, VARIABLES) == kept


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("${A}$$${EMPTY}", {}),
        ("${A:-d}", {"A": ""}),
        ("${A:?no}${A:-d}", {"A": "no"}),
        ("${A:-d}${A:?no}", {"A": "no"}),
        ("${A:?a\nb}", {"A": r"a\nb"}),
        ("${EMPTY:-d}${EMPTY}${NONE:-d}", {}),
        ("$${A:?no}", {}),
    ],
)
def test_what_may_not_be_empty(text: str, found: dict[str, str]) -> None:
    """A variable whose default applies is none: the box does not have it."""
    assert wanted(text, VARIABLES) == found


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ("a${NONE}", "the variable `NONE` is not set", "${NONE}"),
        ("${NONE:?say so}", "say so", "${NONE:?say so}"),
        ("${EMPTY:?say so}", "say so", "${EMPTY:?say so}"),
        ("${NONE:?}", "`NONE` is not set", "${NONE:?}"),
        ("a$b c", "`$b` is not a variable here", "$b"),
        ("5$", "a single `$`", "$"),
        ("$(date)", "a single `$`", "$"),
        ("x${A", "`${` without its `}`", "${A"),
        ("${}", "not a variable: `${}`", "${}"),
        ("${A+b}", "not a variable: `${A+b}`", "${A+b}"),
        ("${A-b}", "not a variable: `${A-b}`", "${A-b}"),
        ("${1}", "not a variable: `${1}`", "${1}"),
        ("${NONE:-${A}}", "a variable inside a variable's default", "${NONE:-${A}"),
    ],
)
def test_what_is_refused(text: str, message: str, marked: str) -> None:
    for read in (substitute, as_text):
        with pytest.raises(Wrong) as caught:
            read(text, VARIABLES)
        assert caught.value.message == message
        assert text[caught.value.start : caught.value.end] == marked


@given(st.text())
def test_a_doubled_dollar_keeps_any_text(text: str) -> None:
    assert substitute(text.replace("$", "$$"), {}) == text


@given(st.text(alphabet="${}:-?Aab "))
def test_the_two_ways_agree(text: str) -> None:
    try:
        kept = as_text(text, VARIABLES)
    except Wrong as wrong:
        with pytest.raises(Wrong) as caught:
            substitute(text, VARIABLES)
        assert str(caught.value) == str(wrong)  # noqa: PT017
        return
    joined = "".join(VARIABLES[p.name] if isinstance(p, Variable) else p for p in kept)
    assert substitute(text, VARIABLES) == joined
    assert all(part != "" for part in kept)
