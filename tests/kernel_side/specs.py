"""The repository's specs, each in a fresh copy that the product's user owns.

Those of `specs/`, for people, and those of `tests/specs/`, which say what people need less often.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests import holder
from tests.product import Product

_TOP = Path(__file__).resolve().parents[2]
DIRECTORIES = (_TOP / "specs", _TOP / "tests" / "specs")
SPECS = sorted(path.name for directory in DIRECTORIES for path in directory.glob("*.yaml"))

NEWER = {"landlock.yaml"}
"""Those that Linux 5.10 cannot do, and that are refused there."""


JOINING = {"joined.yaml"}
"""Those that join namespaces of a process that is there, by the files in `held`."""


def fresh(product: Product, name: str) -> Path:
    """The spec `name` beside its neighbours, as in a fresh clone."""
    (source,) = (each for each in DIRECTORIES if (each / name).exists())
    directory = product.directory() / "specs"
    shutil.copytree(source, directory, symlinks=True)
    product.own(directory)
    if name in JOINING:
        holder.link(product, directory / "held")
    return directory / name
