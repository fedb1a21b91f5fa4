"""Where toyspec keeps what is its own."""

from __future__ import annotations

import pytest

from toyspec.start import places


def test_without_variables_the_home_s() -> None:
    none: dict[str, str] = {}
    assert places.volume(none.get, "/home/me", "npm") == (
        "/home/me/.local/share/toyspec/volumes/npm"
    )
    assert places.own_directories(none.get, "/home/me") == (
        "/home/me/.local/share/toyspec",
        "/home/me/.cache/toyspec",
        "/home/me/.local/state/toyspec",
    )
    assert places.runtime_dir(none.get) is None


def test_the_caller_s_variables_count() -> None:
    given = dict.fromkeys(places.VARIABLES, "/a//b/./c/")
    assert places.own_directories(given.get, "/home/me")[0] == "/a/b/c/toyspec"
    assert places.volume({"XDG_DATA_HOME": "/"}.get, "/home/me", "x") == "/toyspec/volumes/x"


def test_the_home_s_are_its_own_whatever_the_variables_say() -> None:
    """The next command may come without them."""
    none: dict[str, str] = {}
    without = places.own_directories(none.get, "/home/me")
    for name in places.VARIABLES:
        found = places.own_directories({name: "/a"}.get, "/home/me")
        assert set(found) == {*without, "/a/toyspec"}


@pytest.mark.parametrize("text", ["", "relative", "~/.data", "/a/../b", "./a"])
def test_what_is_no_absolute_path_is_ignored(text: str) -> None:
    given = {"XDG_DATA_HOME": text}
    assert places.data_home(given.get, "/h") == "/h/.local/share"


def test_where_the_states_of_boxes_lie() -> None:
    def base(owner: int | None = None, **variables: str) -> str:
        return places.boxes_base(variables.get, "/home/me", 1234, {"/run/user/1234": owner}.get)

    assert base(XDG_RUNTIME_DIR="/run/me") == "/run/me"
    assert base(1234) == "/run/user/1234"
    assert base(0) == base() == "/home/me/.local/state/toyspec/run"
    assert base(XDG_STATE_HOME="/state") == "/state/toyspec/run"
