"""What is said of a box that is not there."""

from __future__ import annotations

from pathlib import Path

from toyspec.cli.absent import is_same


def test_no_file_is_the_same_as_a_path_with_a_nul(tmp_path: Path) -> None:
    """Whatever is written down of a box: of the others more is said all the same."""
    assert not is_same("/a\0b", str(tmp_path))
    assert is_same(str(tmp_path), f"{tmp_path}/.")
