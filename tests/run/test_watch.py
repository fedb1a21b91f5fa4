"""Two looks at the same paths, and what happened between them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from tests.emit.resident.interpreted import numbers, text
from toyspec.emit.resident import record, watch, words
from toyspec.plan.step import Watched
from toyspec.run.watch import Watch


class Held(Protocol):
    """Between the first look and the second."""

    def differences(self) -> tuple[str, ...]: ...


def by_executor(*paths: Path) -> Held:
    found = Watch(tuple(Watched(str(path), "missing") for path in paths))
    found.begin()
    return found


def descriptors() -> set[int]:
    """Those that are open, but for the one that lists them."""
    found = os.listdir("/proc/self/fd")
    return {int(fd) for fd in found if os.path.lexists(f"/proc/self/fd/{fd}")}


class ByBox:
    """What a compiled box does, run as the Python that it is written in. It closes nothing: it ends."""

    def __init__(self, *paths: Path) -> None:
        table = [[text(str(path)), text(str(path.parent)), text(path.name)] for path in paths]
        kept = [0] * (record.WATCH_SIZE // 8 - 3)
        self.box = numbers(*[0] * (record.BOX_SIZE // 8))
        cells = [cell for entry in table for cell in (*entry, *kept)]
        words.store64(self.box + record.WATCHED, numbers(*cells))
        words.store64(self.box + record.WATCHES, len(paths))
        self.file = numbers(*[0] * (record.LOG_DIRECTORY // 8 + 1))
        words.store64(self.box + record.FILE, self.file)
        before = descriptors()
        watch.first_look(self.box)
        self.opened = descriptors() - before

    def differences(self) -> tuple[str, ...]:
        kept = os.dup(2)
        with tempfile.TemporaryFile() as said, tempfile.TemporaryDirectory() as directory:
            changes = Path(directory, "changes")
            changes.write_bytes(b"")
            left_to_itself = os.open(directory, os.O_RDONLY)
            words.store64(self.file + record.LOG_DIRECTORY, left_to_itself)
            os.dup2(said.fileno(), 2)
            watch.second_look(self.box)
            os.dup2(kept, 2)
            os.close(kept)
            os.close(left_to_itself)
            said.seek(0)
            text = said.read()
            assert changes.read_bytes() == text
            lines = text.decode().splitlines()
        for fd in self.opened:
            os.close(fd)
        assert all(line.startswith("toyspec: ") for line in lines)
        return tuple(line.removeprefix("toyspec: ") for line in lines)


@pytest.fixture(params=[by_executor, ByBox])
def looking(request: pytest.FixtureRequest) -> Callable[..., Held]:
    way: Callable[..., Held] = request.param
    return way


def test_nothing_happened(tmp_path: Path, looking: Callable[..., Held]) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "f").write_text("x")
    (tmp_path / "l").symlink_to("f")
    held = looking(*(tmp_path / name for name in ("d", "f", "l", "absent", "f/x")))
    (tmp_path / "d/x").write_text("in a directory others may work")
    assert held.differences() == ()


def test_everything_happened(tmp_path: Path, looking: Callable[..., Held]) -> None:
    names = ("d", "f", "g", "l", "gone", "new", "new2")
    (tmp_path / "d").mkdir()
    for name in ("f", "g", "gone"):
        (tmp_path / name).write_text("x")
    (tmp_path / "l").symlink_to("f")
    fds = descriptors()
    held = looking(*(tmp_path / name for name in names))
    (tmp_path / "d").rmdir()
    (tmp_path / "d").mkdir()
    (tmp_path / "f").write_text("longer")
    (tmp_path / "g.new").write_text("x")
    (tmp_path / "g.new").rename(tmp_path / "g")
    (tmp_path / "l.new").symlink_to("g")
    (tmp_path / "l.new").rename(tmp_path / "l")
    (tmp_path / "gone").unlink()
    (tmp_path / "new").mkdir()
    (tmp_path / "new2").symlink_to("nowhere")
    end = f"in {tmp_path}: look at"
    assert sorted(held.differences()) == [
        f"while the box ran, d, g, l became another one {end} them before you run anything there",
        f"while the box ran, f changed {end} it before you run anything there",
        f"while the box ran, gone went away {end} it before you run anything there",
        f"while the box ran, new, new2 appeared {end} them before you run anything there",
    ]
    assert descriptors() == fds
