"""Two looks at the same paths, and what happened between them."""

from __future__ import annotations

import os
from pathlib import Path

from toyspec.plan.step import Watched
from toyspec.run.watch import Watch


def watch(*paths: Path) -> Watch:
    found = Watch(tuple(Watched(str(path), "missing") for path in paths))
    found.begin()
    return found


def test_nothing_happened(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "f").write_text("x")
    (tmp_path / "l").symlink_to("f")
    held = watch(*(tmp_path / name for name in ("d", "f", "l", "absent", "f/x")))
    (tmp_path / "d/x").write_text("in a directory others may work")
    assert held.differences() == ()


def test_everything_happened(tmp_path: Path) -> None:
    names = ("d", "f", "g", "l", "gone", "new", "new2")
    (tmp_path / "d").mkdir()
    for name in ("f", "g", "gone"):
        (tmp_path / name).write_text("x")
    (tmp_path / "l").symlink_to("f")
    fds = len(os.listdir("/proc/self/fd"))
    held = watch(*(tmp_path / name for name in names))
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
    assert len(os.listdir("/proc/self/fd")) == fds
