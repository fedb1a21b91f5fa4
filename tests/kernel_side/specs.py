"""The repository's specs, each in a fresh copy that the product's user owns.

Those of `specs/`, for people, and those of `tests/specs/`, which say what people need less often.
"""

from __future__ import annotations

import pwd
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import holder, tools
from tests.product import Product

_TOP = Path(__file__).resolve().parents[2]
DIRECTORIES = (_TOP / "specs", _TOP / "tests" / "specs")
PREPARED = {"debian.yaml", "debian-unpack.yaml"}
"""Those whose root somebody has to make first: `tests/box/test_debian.py` does."""
SPECS = sorted(
    path.name
    for directory in DIRECTORIES
    for path in directory.glob("*.yaml")
    if path.name not in PREPARED
)

LASTING = {"service.yaml"}
"""Those whose command does not end by itself: `tests/run/test_service.py` runs them."""

NEWER = {"landlock.yaml"}
"""Those that Linux 5.10 cannot do, and that are refused there."""


RANGES = {"ranges.yaml"}
"""Those whose caller has to have sub-ids."""


def need_sub_ids(product: Product) -> None:
    """Skip the running test, visibly, where nobody gave the product's user a range (useradd(8) does).

    A uid that stands in for a user has no entry in passwd, which newuidmap asks for.
    """
    tools.need("newuidmap", "newgidmap")
    try:
        name = pwd.getpwuid(product.uid).pw_name
    except KeyError:
        pytest.skip(f"uid {product.uid} is no user of this system: it can have no sub-ids")
    for path in ("/etc/subuid", "/etc/subgid"):
        if not any(line.startswith(f"{name}:") for line in Path(path).read_text().splitlines()):
            if product.uid == 0:
                pytest.skip(f"{path} gives root no range")
            tools.lack(f"{path} gives {name} no range")


JOINING = {"joined.yaml"}
"""Those that join namespaces of a process that is there, by the files in `held`."""


def to_trace(*without: str) -> list[Any]:
    """The specs for the tracer, `without` some, as parameters.

    Who joins a user namespace is not dumpable from there on, so that an ordinary tracer cannot
    read its arguments: the tracer is root then, and the product is who it was.
    """
    return [
        pytest.param(name, marks=pytest.mark.root) if name in JOINING else name
        for name in SPECS
        if name not in LASTING | set(without)
    ]


def fresh(product: Product, name: str) -> Path:
    """The spec `name` beside its neighbours, as in a fresh clone."""
    if name in RANGES:
        need_sub_ids(product)
    (source,) = (each for each in DIRECTORIES if (each / name).exists())
    directory = product.directory() / "specs"
    shutil.copytree(source, directory, symlinks=True)
    product.own(directory)
    if name in JOINING:
        holder.link(product, directory / "held")
    return directory / name
