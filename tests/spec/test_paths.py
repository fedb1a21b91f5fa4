from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toyspec.spec.paths import source, target
from toyspec.spec.wrong import Wrong


@pytest.mark.parametrize(
    ("text", "expected"),
    [("/a", "/a"), ("//a//b/", "/a/b"), ("/a/./b/.", "/a/b"), ("/.a/..b/c..", "/.a/..b/c.."),
     ("/a b/é", "/a b/é"), ("/\udcff", "/\udcff")],
)  # fmt: skip
def test_targets(text: str, expected: str) -> None:
    assert target(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "a", "./a", "~/a", "/", "//", "/.", "/a/..", "/../a", "/a/../b", "/a\0", "/a\nb", "/a\x1b",
     "/a\x7f", "/a\x9b", "/\ud800", "/" + "x" * 256, "/a" * 2048],
)  # fmt: skip
def test_targets_that_are_refused(text: str) -> None:
    with pytest.raises(Wrong):
        target(text)


def test_the_root_where_it_is_allowed() -> None:
    assert target("/", root=True) == "/"


@given(st.text(alphabet="/.a~\n", max_size=12))
def test_a_source_is_absolute_and_normal(text: str) -> None:
    try:
        found = source(text, "/d/e", "/home/me")
    except Wrong:
        return
    assert found.startswith("/")
    assert found == "/" or not found.endswith("/")
    assert not {"", ".", ".."} & set(found[1:].split("/")) or found == "/"
