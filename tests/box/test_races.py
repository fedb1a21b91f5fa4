"""Directories of the root become symlinks while the box is built: nothing outside is touched.

A racing process exchanges directories and symlinks (renameat2(2), RENAME_EXCHANGE) as fast as it
can, while one plan, made when they were directories, is run again and again.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.box.boxes import busybox, good, only_mount_points, tree, up
from tests.product import Product

DRIVER = Path(__file__).with_name("driver.py")
SECONDS = 0.4
SECRET = "what-nobody-inside-may-see"
SPEC = """
version: 1
root: {{path: ./root{old_root}}}
user: root
etc: auto
binds:
  - {busybox}:/busybox
  - ./shown:/code/deep/bind:rw
  - ./shown:/box/new/bind
mounts:
  - {{type: tmpfs, target: /box}}
  - {{type: proc}}
  - {{type: dev}}
  - {{type: tmpfs, target: /tmp}}
files:
  - {{target: /data/made, content: "made\\n"}}
  - {{target: /box/link, symlink: made}}
  - {{target: /data/link, symlink: made}}
init:
  - /busybox
  - sh
  - -c
  - >-
    /busybox find / -path /proc -prune -o -path /dev -prune -o -print;
    /busybox ls -a / /.. /tmp /code /code/deep /box /data /etc /dev;
    /busybox cat /proc/self/mountinfo; exit 0
"""
RACED = ("code", "box", "dev", "tmp", "etc", "data", "proc", "code/deep")


LINKS = {"pivot": ("{outside}", "../outside"), "old-root": ("tmp{outside}", "../outside")}


@pytest.mark.parametrize("fresh", [False, True], ids=["", "fresh"])
@pytest.mark.parametrize("kind", LINKS)
def test_swaps_while_the_box_is_built(product: Product, kind: str, fresh: bool) -> None:
    """`fresh`: the root lacks its mount points, so that the first boxes have to make them."""
    directory = product.directory()
    outside, root = directory / "outside", directory / "root"
    for path in (
        outside / "deep" / "bind",
        outside / "new",
        root / "code/deep",
        directory / "shown",
    ):
        path.mkdir(parents=True)
    product.write(outside / SECRET, "secret\n")
    extra = ", old_root: /tmp" if kind == "old-root" else ""
    spec = SPEC.format(busybox=busybox(), old_root=extra)
    product.own(directory)
    product.write(directory / "box.yaml", spec)
    if not fresh:
        good(up(product, directory, spec))
    for number, name in enumerate(RACED):
        (root / name).mkdir(exist_ok=True)
        text = LINKS[kind][number % 2]
        above = "../" * name.count("/") if text.startswith(".") else ""
        (root / f"{name}.evil").symlink_to(above + text.format(outside=outside))
    product.own(directory)
    before = tree(directory)
    statuses = set[str]()
    for name in RACED:
        words = [str(product.python), str(DRIVER), "race", str(SECONDS), "box.yaml", name]
        done = product.as_user(words, cwd=directory)
        assert done.returncode == 0, done.stderr
        assert SECRET not in done.stdout
        statuses |= set(json.loads(done.stdout.splitlines()[-1]))
        put_back(root / name)
        only_mount_points(before, tree(directory), "root", {"root/data/link": "made"})
    assert statuses == {"0", "125"}


def put_back(path: Path) -> None:
    """The race may have ended with the symlink in the directory's place."""
    evil = path.with_name(path.name + ".evil")
    if path.is_symlink():
        spare = path.with_name("spare")
        path.rename(spare)
        evil.rename(path)
        spare.rename(evil)
