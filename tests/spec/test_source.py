from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toyspec.spec.source import BLOCK, Source


@given(st.lists(st.integers(0, BLOCK * 2), max_size=8), st.data())
def test_places_agree_with_counting(lengths: list[int], data: st.DataObject) -> None:
    text = "\n".join("x" * n for n in lengths)
    source = Source("f", text)
    index = data.draw(st.integers(0, len(text)))
    before = text[:index]
    assert source.place(index) == (before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1)
