"""README.md is true: its commands, its specs, and the words that errors share with it."""

from __future__ import annotations

import re

import pytest

from tests.installation import REPOSITORY
from tests.product import Product

README = (REPOSITORY / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)

HELLO = (
    "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/toyspec up specs/hello.yaml"
)
TESTS = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/pytest -n auto"


def test_two_commands_do_everything() -> None:
    commands = [line for _, block in BLOCKS for line in block.splitlines() if ".venv &&" in line]
    assert [command.removeprefix("$ ") for command in commands] == [HELLO, TESTS]


@pytest.mark.parametrize("text", [block for kind, block in BLOCKS if kind == "yaml"])
def test_its_specs_are_valid(product: Product, text: str) -> None:
    done = product.run(["check", "-"], input=text)
    assert done.returncode == 0, done.stderr


def test_what_hello_says_is_what_it_says(product: Product) -> None:
    done = product.run(["up", "specs/hello.yaml"])
    begin = "hello from a box: I am PID 1 on hello"
    assert begin in README
    assert done.stdout.startswith(begin), done.stderr


def test_the_remedy_that_errors_name_is_there() -> None:
    causes = (REPOSITORY / "toyspec" / "run" / "refusals.py").read_text()
    for words in ("Ubuntu 23.10 and later", "kernel.apparmor_restrict_unprivileged_userns=0"):
        assert words in README
        assert words in causes


def test_every_verb_and_every_link_is_there() -> None:
    from toyspec.cli.main import VERBS

    assert {verb for verb in VERBS if f"| `toyspec {verb} " not in README} == set()
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert all((REPOSITORY / link).exists() for link in links)
