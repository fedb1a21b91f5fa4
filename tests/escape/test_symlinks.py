"""A directory of the root becomes a symlink between plan and run: what is made for it stays inside.

The races of `tests/box/test_races.py` with the one moment picked that matters, so that it can be
shown what happens without RESOLVE_IN_ROOT: mount points are made on the host, and content is shown
where no one asked for it.
"""

from __future__ import annotations

import json

import pytest

from tests.box.boxes import busybox, tree
from tests.escape import weakened as no
from tests.product import Product

SPEC = """\
version: 1
root: ./root
binds: ["{busybox}:/busybox", "./shown:/code/deep/bind"]
init: [/busybox, sh, -c, "echo came up"]
"""
LINKS = ("../outside", "{outside}", "/../../../../..{outside}")


def made(product: Product, link: str, *, wall: bool) -> tuple[int, list[str]]:
    """The exit status, and what came in a directory outside of the root."""
    directory = product.directory()
    for name in ("root/code", "shown", "outside"):
        (directory / name).mkdir(parents=True)
    product.own(directory)
    product.write(directory / "box.yaml", SPEC.format(busybox=busybox()))
    done = product.run(["plan", "--json", "box.yaml"], cwd=directory)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    if not wall:
        plan = no.weaken(plan, *INDIRECT)
    product.write(directory / "plan.json", json.dumps(plan))
    (directory / "root/code").rmdir()
    (directory / "root/code").symlink_to(link.format(outside=directory / "outside"))
    replay = product.checkout / "tests/kernel_side/replay.py"
    ran = product.as_user([product.python, "-B", replay, "plan.json"], cwd=directory)
    return ran.returncode, sorted(tree(directory / "outside"))


INDIRECT = (no.in_root,)
CALLERS = ["product", pytest.param("as_root", marks=pytest.mark.root)]


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("link", LINKS)
def test_nothing_is_made_outside(request: pytest.FixtureRequest, who: str, link: str) -> None:
    _, outside = made(request.getfixturevalue(who), link, wall=True)
    assert outside == []


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("link", LINKS)
def test_by_the_hosts_rules_it_is(request: pytest.FixtureRequest, who: str, link: str) -> None:
    _, outside = made(request.getfixturevalue(who), link, wall=False)
    assert outside[:2] == ["deep", "deep/bind"]
