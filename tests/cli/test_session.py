"""What a logout does to a box that is left to itself is known when it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from toyspec.cli.session import ends_with_session


@pytest.mark.parametrize(
    ("base", "there", "ends"),
    [
        ("/run/user/1000", ["run/systemd/users/1000"], True),
        ("/run/user/1000", ["run/systemd/users/1000", "var/lib/systemd/linger/ann"], False),
        ("/run/user/1000", ["run/systemd/users/1000", "var/lib/systemd/linger/bob"], True),
        ("/run/user/1000", ["run/systemd/users/1001"], False),  # no session of ours is counted
        ("/run/user/1000", [], False),
        ("/home/ann/run", ["run/systemd/users/1000"], False),
        ("/run/user/10", ["run/systemd/users/1000"], False),
    ],
)
def test_it_ends_where_its_state_does(
    tmp_path: Path, base: str, there: list[str], ends: bool
) -> None:
    for each in there:
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).touch()
    assert ends_with_session(base, 1000, "ann", str(tmp_path)) is ends
