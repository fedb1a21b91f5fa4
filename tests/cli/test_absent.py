"""What is said of a box that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from toyspec.cli import unfed
from toyspec.cli.absent import is_same, tell_absent
from toyspec.start.look import Look


def test_no_file_is_the_same_as_a_path_with_a_nul(tmp_path: Path) -> None:
    """Whatever is written down of a box: of the others more is said all the same."""
    assert not is_same("/a\0b", str(tmp_path))
    assert is_same(str(tmp_path), f"{tmp_path}/.")


def test_what_helps_can_be_typed_whatever_the_file_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    name = "a; echo x #.yaml"
    (tmp_path / name).touch()
    said = tell_absent("box", str(tmp_path / name), "exec", Look(), 1).remedy
    assert f"toyspec up -d '{name}' begins it" in (said or "")
    assert f"toyspec up -d '{name}' -- COMMAND" in unfed.remedy(str(tmp_path / name))


@pytest.mark.parametrize("words", [["-mhttp.server"], ["-cpass"], ["--version"], ["-V"]])
def test_an_interpreter_that_is_told_what_to_do_reads_no_input(words: list[str]) -> None:
    assert not unfed.is_unfed(["python3", *words])
    assert unfed.is_unfed(["python3", "-u"])
