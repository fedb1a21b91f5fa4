"""A working directory that leads out through a descriptor the caller held open (CVE-2024-21626)."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from tests import tools
from tests.escape import weakened as no
from tests.escape.launch import HELD
from tests.escape.world import World, found, world
from tests.product import Product

SPEC = """\
version: 1
system: host
root: {path: ./bare}
working_dir: /place
binds: ["./attacker.py:/dev/shm/attacker.py"]
init: [python3]
"""


def box(product: Product, *, check: bool) -> tuple[int, str]:
    """The exit status of the box, and what the attacker got or why there was none."""
    tools.need("python3")
    with world(product) as here:
        os.symlink(f"/proc/self/fd/{HELD}", here.top / "bare/place")
        product.own(here.top / "bare")
        done = here.box(SPEC, ["working_directory"], () if check else (no.place,))
        if done.returncode:
            return done.returncode, done.stderr
        return 0, str(told(here, found(done)["working_directory"]))


def told(here: World, said: Mapping[str, str]) -> str:
    return "the secret" if here.secret in said.get("got", "") else repr(said)


@pytest.mark.parametrize("who", ["product", pytest.param("as_root", marks=pytest.mark.root)])
def test_a_working_directory_outside_is_refused(request: pytest.FixtureRequest, who: str) -> None:
    status, error = box(request.getfixturevalue(who), check=True)
    assert status == 125
    assert "box.yaml:4" in error, error


@pytest.mark.parametrize("who", ["product", pytest.param("as_root", marks=pytest.mark.root)])
def test_without_the_check_it_leads_out(request: pytest.FixtureRequest, who: str) -> None:
    assert box(request.getfixturevalue(who), check=False) == (0, "the secret")
