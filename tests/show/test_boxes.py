"""The table of boxes on screens of any width: what a box is known by is never cut."""

from __future__ import annotations

import pytest

from toyspec.show.boxes import Row, table

NOW = 1_000_000.0
RUNS = Row(
    "web",
    "running",
    None,
    1234567,
    NOW - 180,
    ("python3", "-m", "http.server", "--directory", "/srv/somewhere/deep", "8000"),
    "/home/ada/code/projects/web/toyspec.yaml",
)
ENDED = Row("a-boxofmine", "ended", 137, None, NOW - 7200, ("sleep", "9"), "/home/ada/a.yaml")


def lines_at(columns: int | None, *rows: Row) -> list[str]:
    return table(list(rows), NOW, columns, colour=False, home="/home/ada").splitlines()


@pytest.mark.parametrize("columns", [40, 60, 80, 90, 100, None])
def test_name_state_and_pid_are_whole(columns: int | None) -> None:
    heading, one, other = lines_at(columns, RUNS, ENDED)
    assert heading.split()[:3] == ["NAME", "STATE", "PID"]
    assert one.split()[:3] == ["web", "running", "1234567"]
    assert other.startswith("a-boxofmine  ended, status 137")
    if columns is not None:
        assert max(map(len, (heading, one, other))) <= columns


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (40, "web   running  1234567  3 minutes"),
        (60, "web   running  1234567  3 minutes  …yspec.yaml  python3 -m …"),
        (80, "web   running  1234567  3 minutes  …code/projects/web/toyspec.yaml  python3 -m …"),
        (90, "web   running  1234567  3 minutes  ~/code/projects/web/toyspec.yaml  python3 -m http.serv…"),
    ],
)  # fmt: skip
def test_the_command_is_cut_first_and_then_the_spec_from_its_left(columns: int, line: str) -> None:
    assert lines_at(columns, RUNS)[1] == line


def test_a_screen_too_narrow_for_a_name_has_longer_lines() -> None:
    named = RUNS._replace(name="n" * 64)
    assert lines_at(40, named)[1] == f"{'n' * 64}  running  1234567"


def test_letters_that_are_two_columns_wide_count_as_two() -> None:
    wide = RUNS._replace(spec="/" + "書" * 40 + ".yaml")
    line = lines_at(60, wide)[1]
    assert "書.yaml" in line and len(line) + line.count("書") <= 60


def test_no_box_is_a_line_of_headings() -> None:
    assert lines_at(None) == ["NAME  STATE  PID  SINCE  SPEC  COMMAND"]
