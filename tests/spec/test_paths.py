from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toyspec.spec.paths import DEPTH_MAX, entry, link, source, target
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
     "/a\x7f", "/a\x9b", "/\ud800", "/" + "x" * 256, "/a" * 2048,
     "/a" * (DEPTH_MAX + 1), "/" + "é" * 128],
)  # fmt: skip
def test_targets_that_are_refused(text: str) -> None:
    with pytest.raises(Wrong):
        target(text)


def test_as_deep_as_a_target_may_be() -> None:
    assert target("/a" * DEPTH_MAX).count("/") == DEPTH_MAX
    assert source("/a" * 2000, "/d", "/h").count("/") == 2000


@pytest.mark.parametrize("text", ["a/" * (DEPTH_MAX + 1), "x" * 256, "a/" * 50 + "x" * 256])
def test_what_no_symlink_may_hold(text: str) -> None:
    with pytest.raises(Wrong):
        link(text)
    assert link(text[:100]) == text[:100]


@pytest.mark.parametrize("name", ["self", "thread-self", "1", "4194304"])
@pytest.mark.parametrize("below", ["", "/root", "/fd/3", "//./fd"])
def test_no_source_or_target_of_one_process(name: str, below: str) -> None:
    for check in (entry, lambda text: source(text, "/d", "/h")):
        with pytest.raises(Wrong, match="the directory of one process"):
            check(f"/proc/{name}{below}")
    with pytest.raises(Wrong):
        source(f"{name}{below}", "/proc", "/h")


@pytest.mark.parametrize(
    "text", ["/proc", "/proc/sys", "/proc/selfish", "/proc/1a", "/procs/1", "/proc/net"]
)
def test_the_rest_of_proc_is_everybodys(text: str) -> None:
    assert entry(text) == source(text, "/d", "/h") == text


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
