"""Why a command does not run: what comes of names that have a line's end in them."""

from __future__ import annotations

from errno import EACCES
from pathlib import Path

from toyspec.run.command import reason, why


def test_a_line_s_end_in_a_name_does_not_part_cause_and_remedy(tmp_path: Path) -> None:
    file = tmp_path / "a\nsudo rm b"
    file.touch(mode=0o644)
    cause, remedy = reason(why([(str(file), EACCES)])[1].decode())
    assert "a\\nsudo rm b is not executable" in cause
    assert remedy.startswith("chmod +x ") and "\n" not in remedy
