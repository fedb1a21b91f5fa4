"""Thousands of binds in one box, each as closed as one alone; and what comes between plan and run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.box.boxes import busybox, good, mounts, refused, up
from tests.product import Product

MANY = 2000
DRIVER = "tests/box/driver.py"


@pytest.mark.parametrize("root", ["tmpfs", "directory"])
def test_thousands_of_binds_are_all_there_and_closed(product: Product, root: str) -> None:
    """Files and directories by turns, and one in ten writable."""
    directory = product.directory()
    (directory / "from").mkdir()
    names = [f"{number:04}" for number in range(MANY)]
    for number, name in enumerate(names):
        path = directory / "from" / name
        if number % 2:
            path.write_text(name, encoding="ascii")
        else:
            path.mkdir()
    open_ = set(names[::10])
    lines = [f"  - ./from/{name}:/to/{name}{':rw' * (name in open_)}" for name in names]
    top = "root: {path: ./root, create: true}\n" if root == "directory" else ""
    text = f"version: 1\n{top}binds:\n  - {busybox()}:/busybox\n" + "\n".join(lines)
    text += "\nmounts: [{type: proc}]\ninit: [/busybox, cat, /proc/self/mountinfo, /to/0001]\n"
    product.own(directory)
    out = good(up(product, directory, text))
    found = {mount.point: mount for mount in mounts(out.removesuffix("0001"))}
    assert out.endswith("0001")
    assert len(found) == MANY + 3
    for name in names:
        mount = found[f"/to/{name}"]
        assert mount.root.endswith(f"/from/{name}")
        assert {"nosuid", "nodev", "rw" if name in open_ else "ro"} <= mount.flags, mount
    assert "rw" in found["/"].flags


@pytest.mark.parametrize("name", ["file", "directory"])
def test_a_source_that_became_a_symlink_is_refused(product: Product, name: str) -> None:
    """After the plan, before the run: what the link leads to is not in the box, nor the link."""
    directory = product.directory()
    source = directory / "from"
    for each in ("directory", "other", "more", "elsewhere"):
        (source / each).mkdir(parents=True)
    for each in ("file", "else"):
        (source / each).write_text("x", encoding="ascii")
    text = f"version: 1\nbinds:\n  - {busybox()}:/busybox\n"
    text += "".join(f"  - ./from/{each}:/to/{each}\n" for each in ("file", "directory", "more"))
    product.own(directory)
    product.write(directory / "box.yaml", text + "init: [/busybox, ls, /to]\n")
    target = {"file": "else", "directory": "elsewhere"}[name]
    driver = str(product.checkout / DRIVER)
    words = [str(product.python), driver, "swapped", "box.yaml", f"from/{name}", target]
    error = refused(product.as_user(words, directory))
    line = 4 + ["file", "directory"].index(name)
    assert f"box.yaml:{line}:" in error


def test_a_target_that_became_a_symlink_leads_nowhere(product: Product) -> None:
    """In a directory root: what is attached lies over the link itself, or nothing is."""
    directory = product.directory()
    (directory / "from").mkdir()
    (directory / "root" / "to").mkdir(parents=True)
    (directory / "outside").mkdir()
    for each in ("a", "b", "c"):
        (directory / "from" / each).write_text(f"shown {each}\n", encoding="ascii")
        (directory / "root" / "to" / each).touch()
    text = "version: 1\nroot: ./root\nbinds:\n" + "".join(
        f"  - ./from/{each}:/to/{each}\n" for each in ("a", "b", "c")
    )
    text += f"  - {busybox()}:/busybox\ninit: [/busybox, cat, /to/a, /to/b, /to/c]\n"
    product.own(directory)
    product.write(directory / "box.yaml", text)
    driver = str(product.checkout / DRIVER)
    outside = directory / "outside" / "secret"
    product.write(outside, "secret\n")
    words = [str(product.python), driver, "swapped", "box.yaml", "root/to/b", str(outside)]
    assert good(product.as_user(words, directory)) == "shown a\nshown b\nshown c\n"
    assert Path(outside).read_text(encoding="ascii") == "secret\n"
