"""The rooms keep their doors: who imports what, what a start costs, and how long a module gets."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.installation import REPOSITORY
from tests.product import Product

MODULES = sorted((REPOSITORY / "toyspec").rglob("*.py"))

TABLES = {"toyspec/emit/resident/ready.py"}
"""Modules that are data, and may be as long as what they hold."""


def imported(product: Product, code: str) -> set[str]:
    """The modules in a fresh interpreter of the product's after `code`."""
    script = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    done = product.as_user([product.python, "-c", script])
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_imports_point_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlinter.cli import lint_imports

    monkeypatch.chdir(REPOSITORY)
    assert lint_imports(config_filename="pyproject.toml", no_cache=True) == 0


def test_a_planner_makes_no_calls(product: Product) -> None:
    modules = imported(product, "import toyspec.plan.planner")
    assert not modules & {"ctypes", "_ctypes", "toyspec.kernel.call", "toyspec.host.probe"}


def test_version_imports_nothing_dear(product: Product) -> None:
    timed = [str(product.python), "-X", "importtime", product.script, "--version"]
    done = product.as_user(timed)
    assert done.stdout.startswith("toyspec ")
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "toyspec.cli.main" in modules
    dear = {
        "yaml",
        "jsonschema",
        "rich",
        "argparse",
        "json",
        "ctypes",
        "subprocess",
        "re",
        "typing",
    }
    assert modules & dear == set()


def test_version_is_said(product: Product) -> None:
    from toyspec.version import VERSION

    done = product.run(["--version"])
    assert (done.returncode, done.stdout, done.stderr) == (0, f"toyspec {VERSION}\n", "")


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.name == "__init__.py"],
    ids=lambda path: path.parent.name,
)
def test_a_room_is_one_docstring(path: Path) -> None:
    body = ast.parse(path.read_text()).body
    assert [type(statement) for statement in body] == [ast.Expr], path
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_every_room_says_what_it_is() -> None:
    rooms = {path.parent for path in MODULES if "schemas" not in path.parts}
    assert all((room / "__init__.py").is_file() for room in rooms)


def test_modules_stay_small() -> None:
    lengths = {
        str(path.relative_to(REPOSITORY)): len(path.read_text().splitlines()) for path in MODULES
    }
    assert {
        name: lines for name, lines in lengths.items() if lines > 350 and name not in TABLES
    } == {}
    assert lengths.keys() >= TABLES


def test_only_what_the_contract_names_imports_ctypes() -> None:
    """As import-linter says; here without it, and for imports inside functions and strings too."""
    found = {
        str(path.relative_to(REPOSITORY))
        for path in MODULES
        if "ctypes" in names(ast.parse(path.read_text()))
    }
    assert found <= {"toyspec/host/probe.py", "toyspec/kernel/call.py"}


def names(tree: ast.AST) -> set[str]:
    """The top-level names that a module imports anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if called in ("__import__", "import_module"):
                found |= {str(word.value) for word in node.args if isinstance(word, ast.Constant)}
    return found
