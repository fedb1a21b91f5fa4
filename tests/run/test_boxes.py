"""Where boxes' states lie: nothing that somebody else could have put there is trusted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from toyspec.run import boxes

IS_ROOT = os.geteuid() == 0


@pytest.fixture
def base(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def held(base: Path) -> Iterator[int]:
    fd = boxes.open_boxes(str(base), make=True)
    assert fd is not None
    yield fd
    os.close(fd)


def open_dev(base: Path, *, make: bool) -> None:
    fd = boxes.open_boxes(str(base), make=make)
    assert fd is not None
    try:
        boxes.open_box(fd, "dev", make=make)
    finally:
        os.close(fd)


def test_it_is_made_for_its_owner_alone(base: Path) -> None:
    assert boxes.open_boxes(str(base)) is None
    umask = os.umask(0)
    try:
        fd = boxes.open_boxes(str(base / "deeper"), make=True)
        assert fd is not None
        box = boxes.open_box(fd, "dev", make=True)
        assert box is not None
    finally:
        os.umask(umask)
    os.close(box)
    assert boxes.names(fd) == ["dev"]
    os.close(fd)
    for path in ("deeper", "deeper/toyspec", "deeper/toyspec/boxes", "deeper/toyspec/boxes/dev"):
        assert (base / path).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("part", ["toyspec", "toyspec/boxes", "toyspec/boxes/dev"])
@pytest.mark.parametrize("what", ["symlink", "file", "mode"])
def test_what_others_could_have_made_is_refused(
    base: Path, tmp_path: Path, part: str, what: str
) -> None:
    place = base / part
    place.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    place.parent.chmod(0o700)
    if (base / "toyspec").exists():
        (base / "toyspec").chmod(0o700)
    if what == "symlink":
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir(mode=0o700)
        place.symlink_to(elsewhere)
    elif what == "file":
        place.touch(mode=0o600)
    else:
        place.mkdir(mode=0o750)
        place.chmod(0o750)
    for make in (False, True):
        with pytest.raises(boxes.StateError) as error:
            open_dev(base, make=make)
        assert str(place) in error.value.message
        assert error.value.remedy
    assert not (tmp_path / "elsewhere").exists() or not any((tmp_path / "elsewhere").iterdir())


@pytest.mark.skipif(not IS_ROOT, reason="only root can give a directory away")
@pytest.mark.parametrize("part", ["", "toyspec", "toyspec/boxes", "toyspec/boxes/dev"])
def test_what_belongs_to_somebody_else_is_refused(base: Path, part: str) -> None:
    (base / "toyspec/boxes/dev").mkdir(parents=True)
    for each in ("toyspec", "toyspec/boxes", "toyspec/boxes/dev"):
        (base / each).chmod(0o700)
    os.chown(base / part, 12345, 12345)
    with pytest.raises(boxes.StateError, match="uid 12345"):
        open_dev(base, make=False)


def test_a_base_that_others_may_write_is_refused_unless_it_is_sticky(base: Path) -> None:
    base.chmod(0o777)
    with pytest.raises(boxes.StateError, match="written by others"):
        boxes.open_boxes(str(base), make=True)
    base.chmod(0o1777)
    fd = boxes.open_boxes(str(base), make=True)
    assert fd is not None
    os.close(fd)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "/etc", "a/b", "a\0b", "-a", "_a", "A", "ä", "a" * 65, "lo\nck"]
)
def test_a_name_leads_nowhere_else(held: int, name: str) -> None:
    with pytest.raises(boxes.StateError):
        boxes.open_box(held, name, make=True)
    assert os.listdir(held) == []
