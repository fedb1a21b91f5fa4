"""Where entries lie: nothing that others could have put there is read, and nothing ever fails."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from toyspec.start import store

KEY = bytes(range(64))
OTHER = bytes(64)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "toyspec"


@pytest.fixture
def held(place: Path) -> Iterator[int]:
    fd = store.make_store(str(place))
    assert fd is not None
    yield fd
    os.close(fd)


def test_it_is_made_for_its_owner_alone(place: Path) -> None:
    assert store.open_store(str(place)) is None
    umask = os.umask(0)
    try:
        fd = store.make_store(str(place))
        assert fd is not None
        assert store.put(fd, KEY, b"box")
    finally:
        os.umask(umask)
    os.close(fd)
    assert place.stat().st_mode & 0o777 == 0o700
    assert place.parent.stat().st_mode & 0o777 == 0o700
    (file,) = place.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_is_put_is_got(held: int) -> None:
    assert store.get(held, KEY) is None
    for data in (b"", b"one", b"two" * 100_000):
        assert store.put(held, KEY, data)
        assert store.get(held, KEY) == data
    assert store.get(held, OTHER) is None


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o701, 0o770])
def test_a_directory_that_others_may_enter_is_none(place: Path, held: int, mode: int) -> None:
    place.chmod(mode)
    assert store.open_store(str(place)) is None


def test_a_symlink_to_a_directory_is_none(tmp_path: Path, place: Path, held: int) -> None:
    link = tmp_path / "link"
    link.symlink_to(place)
    assert store.open_store(str(link)) is None
    assert store.make_store(str(link)) is None


def test_a_file_or_nothing_in_its_place(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for path in (file, file / "below", Path("/proc/nonesuch/toyspec"), Path("/a\0b")):
        assert store.make_store(str(path)) is None
        assert store.open_store(str(path)) is None


def file_of(place: Path) -> Path:
    (file,) = place.iterdir()
    return file


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o660])
def test_a_file_that_others_reach_is_not_read(place: Path, held: int, mode: int) -> None:
    assert store.put(held, KEY, b"box")
    file_of(place).chmod(mode)
    assert store.get(held, KEY) is None
    assert store.put(held, KEY, b"box")  # and made anew
    assert store.get(held, KEY) == b"box"


def test_what_is_no_file_of_ours_is_not_read(tmp_path: Path, place: Path, held: int) -> None:
    assert store.put(held, KEY, b"box")
    file = file_of(place)
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    assert store.get(held, KEY) is None
    file.unlink()
    os.mkfifo(file, 0o600)
    assert store.get(held, KEY) is None  # and does not wait for a writer
    file.unlink()
    file.mkdir(0o700)
    assert store.get(held, KEY) is None
    assert not store.put(held, KEY, b"box")  # a directory is nothing to rename over
    assert [each.name for each in place.iterdir()] == [file.name]
    file.rmdir()
    assert store.put(held, KEY, b"box")
    assert store.get(held, KEY) == b"box"


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_nothing_is_made_in_somebody_elses_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(0o755)
    os.chown(home, 65534, 65534)
    assert store.make_store(str(home / ".cache/toyspec")) is None
    assert list(home.iterdir()) == []


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_somebody_else_is_none(place: Path, held: int) -> None:
    assert store.put(held, KEY, b"box")
    os.chown(file_of(place), 65534, 65534)
    assert store.get(held, KEY) is None
    os.chown(place, 65534, 65534)
    assert store.open_store(str(place)) is None


def test_the_number_of_entries_is_bounded(
    place: Path, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_FILES", 4)
    (place / "note.txt").write_text("somebody's own")
    for number in range(9):
        assert store.put(held, bytes([number]) * 64, b"box")
        when = 10**9 + number
        os.utime(place / (bytes([number]).hex() * 64 + ".box"), (when, when))
    kept = sorted(each.name[:2] for each in place.iterdir())
    assert kept == ["05", "06", "07", "08", "no"]


def test_their_bytes_are_bounded(place: Path, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 1000)
    for number in range(5):
        assert store.put(held, bytes([number]) * 64, bytes(300))
    assert sum(each.stat().st_size for each in place.iterdir()) <= 1000
    assert store.get(held, bytes([4]) * 64) is not None


def test_one_that_is_too_large_is_not_kept(place: Path, held: int) -> None:
    assert not store.put(held, KEY, bytes(store.MOST_BYTES // 4 + 1))
    assert list(place.iterdir()) == []


def test_a_clock_that_was_set_back_lets_nothing_stay_for_ever(
    place: Path, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_FILES", 2)
    assert store.put(held, KEY, b"of the future")
    later = time.time() + 10**6
    os.utime(file_of(place), (later, later))
    for number in range(3):
        assert store.put(held, bytes([number]) * 64, b"box")
    assert store.get(held, KEY) is None


def test_what_a_writer_left_unfinished_goes(place: Path, held: int) -> None:
    for name, when in (("old", 10**9), ("future", time.time() + 10**6), ("new", time.time())):
        path = place / f".new.1.{name}"
        path.write_text("half")
        os.utime(path, (when, when))
    assert store.put(held, KEY, b"box")
    assert {each.name for each in place.iterdir()} == {".new.1.new", KEY.hex() + ".box"}


@pytest.mark.parametrize("call", ["write", "rename", "open", "fchmod"])
def test_a_full_disk_costs_nothing_but_the_entry(
    place: Path, held: int, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    assert store.put(held, KEY, b"old")

    def full(*_args: object, **_given: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        assert not store.put(held, KEY, b"new")
    assert store.get(held, KEY) == b"old"
    assert len(list(place.iterdir())) == 1


def test_two_writers_and_a_reader_see_whole_entries(held: int) -> None:
    whole = {bytes([number]) * 200_000 for number in range(2)}
    assert store.put(held, KEY, next(iter(whole)))
    done = threading.Event()

    def write(data: bytes) -> None:
        while not done.is_set():
            store.put(held, KEY, data)

    writers = [threading.Thread(target=write, args=(each,)) for each in whole]
    for each in writers:
        each.start()
    try:
        seen = {store.get(held, KEY) for _ in range(300)}
    finally:
        done.set()
        for each in writers:
            each.join()
    assert seen <= whole
