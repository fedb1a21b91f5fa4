"""toyspec is whole however it is installed: `.`, `-e .`, a wheel, a wheel made from the sdist.

Offline: pip, setuptools and the dependencies are those of pytest's own environment.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from tests import tools
from tests.installation import HAS_FRONT, REPOSITORY, copy_distributions
from tests.product import Product
from toyspec.emit.front.make import front
from toyspec.version import VERSION

PIP = ("-m", "pip", "--no-input", "--disable-pip-version-check")
OFFLINE = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation")


@pytest.fixture(scope="module")
def shared(product: Product) -> Path:
    """A directory of modules that the fresh environments see: what builds, and what toyspec needs."""
    for name in ("pip", "setuptools", "wheel"):
        try:
            distribution(name)
        except PackageNotFoundError:
            tools.lack(f"needs {name} beside pytest")
    directory = product.directory()
    copy_distributions(directory, "pip", "setuptools", "wheel")
    return directory


@pytest.fixture
def source(product: Product) -> Path:
    """A checkout of the user's own to build in, as building leaves things behind."""
    directory = product.directory() / "source"
    shutil.copytree(product.checkout, directory, symlinks=True)
    product.own(directory)
    return directory


def done(product: Product, argv: list[str], cwd: Path) -> str:
    process = product.as_user(argv, cwd=cwd, timeout=300, env={"PIP_CONFIG_FILE": "/dev/null"})
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def fresh_environment(product: Product, shared: Path) -> Path:
    """A new virtual environment; gives its bin directory."""
    venv = product.directory() / "venv"
    done(product, [str(product.python), "-m", "venv", "--without-pip", str(venv)], venv.parent)
    (site,) = venv.glob("lib/python3*/site-packages")
    product.write(site / "shared.pth", f"{shared}\n")
    return venv / "bin"


def built(product: Product, python: str, source: Path, what: str) -> Path:
    """The wheel or sdist that the build backend makes of `source`."""
    out = product.directory()
    code = f"import sys, setuptools.build_meta as b; b.build_{what}(sys.argv[1])"
    done(product, [python, "-c", code, str(out)], source)
    (made,) = out.iterdir()
    return made


@pytest.mark.parametrize("way", [".", "-e .", "wheel", "wheel from sdist"])
def test_an_installation_is_whole(product: Product, shared: Path, source: Path, way: str) -> None:
    binaries = fresh_environment(product, shared)
    python = str(binaries / "python")
    if way == ".":
        target = ["."]
    elif way == "-e .":
        target = ["-e", "."]
    elif way == "wheel":
        target = [str(built(product, python, source, "wheel"))]
    else:
        sdist = built(product, python, source, "sdist")
        unpacked = product.directory()
        done(product, ["tar", "-xf", str(sdist), "--strip-components=1"], unpacked)
        target = [str(built(product, python, unpacked, "wheel"))]
    done(product, [python, *PIP, "install", *OFFLINE, *target], source)
    elsewhere, checkout = product.directory(), product.checkout
    if way != "-e .":
        shutil.rmtree(source)  # nothing of the checkout may be needed from here on

    command = str(binaries / "toyspec")
    script = (binaries / Path(product.script).name).read_text().splitlines()
    assert Path(script[0].removeprefix("#!")).samefile(python)
    assert script[1:] == (checkout / "toyspec/start/toyspec-python").read_text().splitlines()[1:]
    if HAS_FRONT:
        assert (binaries / "toyspec").read_bytes() == front(os.uname().machine)
    if "wheel" in way:
        assert target[0].endswith("-any.whl") == (not HAS_FRONT)
    assert done(product, [command, "--version"], elsewhere) == f"toyspec {VERSION}\n"
    schemas = sorted((checkout / "schemas").glob("*.json"))
    assert schemas
    spec = json.loads(done(product, [command, "schema"], elsewhere))
    assert spec == json.loads((checkout / "schemas/toyspec-1.schema.json").read_text())
    code = "import toyspec; print(toyspec.__path__[0])"
    package = Path(done(product, [python, "-c", code], elsewhere).strip())
    assert (package == source / "toyspec") == (way == "-e .")
    assert list(binaries.parent.rglob("__editable__*_finder.py")) == []  # it slows every start
    assert package.joinpath("py.typed").is_file()
    for schema in schemas:
        assert (package / "schemas" / schema.name).read_bytes() == schema.read_bytes()
    modules = {path.relative_to(checkout) for path in (checkout / "toyspec").rglob("*.py")}
    assert {
        Path("toyspec") / path.relative_to(package) for path in package.rglob("*.py")
    } >= modules


def test_the_metadata_is_said_once() -> None:
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert "version" not in project
    assert set(project["dynamic"]) == {"version"}
    assert project["requires-python"] == ">=3.11"
    assert "scripts" not in project  # the command is a script of ours: toyspec/start/toyspec-python


def test_the_schemas_are_in_one_place() -> None:
    link = REPOSITORY / "toyspec" / "schemas"
    if (REPOSITORY / ".git").exists():
        listed = subprocess.run(
            ["git", "-c", "safe.directory=*", "ls-files", "-s", "toyspec/schemas"],
            cwd=REPOSITORY, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert listed.startswith("120000 ")  # a symlink, in git too
    assert link.is_symlink()
    assert link.readlink() == Path("../schemas")
