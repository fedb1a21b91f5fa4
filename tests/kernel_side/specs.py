"""The repository's specs, each in a fresh copy that the product's user owns."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.product import Product

DIRECTORY = Path(__file__).resolve().parents[2] / "specs"
SPECS = sorted(path.name for path in DIRECTORY.glob("*.yaml"))


def fresh(product: Product, name: str) -> Path:
    """The spec `name` beside its neighbours, as in a fresh clone."""
    directory = product.directory() / "specs"
    shutil.copytree(DIRECTORY, directory, symlinks=True)
    product.own(directory)
    return directory / name
