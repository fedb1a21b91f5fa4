"""What is kept of a box, damaged: every verb says what lies there, and `down` removes it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.product import Product
from tests.run import detached
from tests.run.detached import Place


@pytest.fixture
def place(product: Product) -> Iterator[Place]:
    with detached.place(product) as made:
        yield made


def change(place: Place, path: Path, change: object, *, at: tuple[str | int, ...] = ()) -> None:
    """Of a file of the box's one value is another."""
    found: Any = json.loads(path.read_bytes())
    node = found
    for key in at[:-1]:
        node = node[key]
    node[at[-1]] = change
    text = json.dumps(found).replace("Infinity", "1e400")
    path.unlink()
    place.product.write(path, text).chmod(0o600)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stop_signal", 999999999999),
        ("stop_signal", -5),
        ("stop_signal", 0),
        ("stop_signal", 65),
        ("stop_signal", True),
        ("stop_grace_period", float("inf")),
        ("stop_grace_period", float("nan")),
        ("stop_grace_period", -1),
        ("stop_grace_period", 10**30),
    ],
)
@pytest.mark.parametrize("verb", ["stop", "down"])
def test_what_is_no_way_to_stop_is_the_default(
    place: Place, verb: str, key: str, value: object
) -> None:
    place.up("sleep", "1000")
    change(place, place.boxes / "box/box.json", value, at=(key,))
    done = place.run(verb, "box")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (("host", "arch"), "vax"),
        (("stopping", "milliseconds"), "soon"),
        (("steps", 3, "item"), 5),
        (("steps", 3, "role"), []),
        (("box",), None),
    ],
)
def test_a_plan_that_is_none_is_told_by_exec(
    place: Place, at: tuple[str | int, ...], value: object
) -> None:
    place.up("sleep", "1000")
    change(place, place.boxes / "box/plan.json", value, at=at)
    done = place.run("exec", "box", "--", "true")
    assert (done.returncode, done.stdout) == (125, "")
    assert "the plan of the box `box` cannot be read: " in done.stderr
    assert "toyspec restart box begins it anew" in done.stderr and "bug" not in done.stderr
    assert place.run("restart", "box").returncode == 0
    assert place.run("exec", "box", "--", "true").returncode == 0


@pytest.mark.parametrize("lock", ["symlink", "fifo", "directory"])
@pytest.mark.parametrize("about", [None, "[]", ""])
def test_what_is_no_box_is_said_and_down_removes_it(
    place: Place, lock: str, about: str | None
) -> None:
    place.up("true")
    assert place.ends() == 0
    kept, aside = place.boxes / "box", place.product.directory() / "aside"
    (kept / "lock").unlink()
    if lock == "symlink":
        place.product.write(aside, "not toyspec's")
        (kept / "lock").symlink_to(aside)
    elif lock == "fifo":
        os.mkfifo(kept / "lock", 0o600)
    else:
        (kept / "lock").mkdir(0o700)
    os.chown(kept / "lock", place.product.uid, place.product.gid, follow_symlinks=False)
    (kept / "box.json").unlink()
    if about is not None:
        place.product.write(kept / "box.json", about).chmod(0o600)
    for verb in ("logs", "stop"):
        done = place.run(verb, "box")
        assert done.returncode and "did you mean" not in done.stderr, done
        assert "toyspec down box removes it" in done.stderr or not kept.exists()
    assert place.run("down", "box").returncode in ((0,) if about is not None else (0, 1))
    assert not kept.exists()
    assert lock != "symlink" or aside.read_text() == "not toyspec's"


@pytest.mark.parametrize("about", ["[]", "", "{"])
def test_a_box_that_nothing_is_said_of_is_named_and_removed(place: Place, about: str) -> None:
    place.up("true")
    assert place.ends() == 0
    kept = place.boxes / "box"
    (kept / "box.json").unlink()
    place.product.write(kept / "box.json", about).chmod(0o600)
    done = place.run("logs", "box")
    assert f"{kept} is no box: its box.json says nothing of one" in done.stderr
    assert "toyspec down box removes it" in done.stderr
    assert place.run("down", "box").returncode == 0
    assert not kept.exists()


HOLDS = """
import fcntl, os, struct, sys
os.mkdir(sys.argv[1], 0o700)
fd = os.open(sys.argv[1] + "/lock", os.O_RDWR | os.O_CREAT, 0o600)
fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
print("holds", flush=True)
sys.stdin.read()
"""


def test_a_lock_that_another_program_holds_is_said(place: Place) -> None:
    place.up("true")
    assert place.run("down", "box").returncode == 0
    kept = place.boxes / "box"
    argv = ["/usr/bin/python3", "-c", HOLDS, str(kept)]
    with place.product.popen(argv, stdin=subprocess.PIPE, program=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds\n"
        done = place.run("down", "-t", "0", "box")
        holder.communicate("")
    assert done.returncode and f"another program holds {kept}/lock" in done.stderr
    assert place.run("down", "box").returncode in (0, 1)
    assert not kept.exists()
