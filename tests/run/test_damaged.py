"""What is kept of a box, damaged: every verb says what lies there, and `down` removes it."""

from __future__ import annotations

import json
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
