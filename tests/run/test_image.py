"""What a box finds at the other end of /proc/self/exe is nobody's file (CVE-2019-5736)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.product import Product

SPEC = """\
version: 1
system: host
files:
  - target: /stolen
    mode: "0755"
    content: |
      #!/proc/self/exe
      import fcntl, os
      held = os.open("/proc/self/exe", os.O_RDONLY)
      print(os.readlink("/proc/self/exe"), fcntl.fcntl(held, 1034), flush=True)
      os.open("/proc/self/exe", os.O_WRONLY)
init: [/stolen]
"""


def steal(product: Product, *options: str, owned: bool) -> tuple[str, str]:
    """What the box ran, its seals (F_GET_SEALS, fcntl(2)), and why writing to it failed."""
    directory = product.directory()
    spec = directory / "steal.yaml"
    spec.write_text(SPEC)
    if owned:
        interpreter = own_interpreter(product, directory)
        script = "import sys; from toyspec.cli.main import main; sys.exit(main())"
        done = product.as_user(
            [interpreter, "-P", "-c", script, "up", "-q", *options, spec],
            env={"PYTHONPATH": f"{product.checkout}:{site_packages(product)}"},
        )  # fmt: skip
    else:
        done = product.run(["up", "-q", *options, spec])
    return done.stdout.strip(), done.stderr.strip().splitlines()[-1]


def own_interpreter(product: Product, directory: Path) -> str:
    """A copy of the interpreter that the caller owns, as `venv --copies` and pyenv make it."""
    made = product.as_user(
        ["/usr/bin/python3", "-m", "venv", "--copies", "--without-pip", directory / "own"]
    )
    assert made.returncode == 0, made.stderr
    return str(directory / "own/bin/python3")


def site_packages(product: Product) -> str:
    """Where the product's own interpreter finds PyYAML and the rest."""
    asked = "import os, yaml; print(os.path.dirname(os.path.dirname(yaml.__file__)))"
    return product.as_user([product.python, "-c", asked]).stdout.strip()


def test_the_callers_own_interpreter_is_out_of_reach(product: Product) -> None:
    ran, refused = steal(product, "--no-cache", owned=True)
    assert ran == "/memfd:toyspec (deleted) 15"
    assert "Text file busy" in refused or "Operation not permitted" in refused, refused


@pytest.mark.root
def test_roots_interpreter_is_out_of_reach(as_root: Product) -> None:
    ran, refused = steal(as_root, "--no-cache", owned=False)
    assert ran == "/memfd:toyspec (deleted) 15"
    assert "Text file busy" in refused or "Operation not permitted" in refused, refused


@pytest.mark.parametrize("owned", [True, False])
def test_a_box_that_is_kept_has_nothing_to_steal(product: Product, owned: bool) -> None:
    """Neither the first time, when it has just been planned, nor later."""
    for _ in range(2):
        said = ("", "toyspec: error: a box does not start itself")
        assert steal(product, owned=owned) == said
