"""What `compile -o FILE` and `emit c -o FILE` never replace, and how a file comes into its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.product import Product, Word

SPEC = "version: 1\nsystem: host\nseccomp: filter.json\ninit: [sh]\n"
FILTER = '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}'
VERBS: dict[str, list[Word]] = {"compile": ["compile", "-q"], "emit c": ["emit", "c"]}
EACH = pytest.mark.parametrize("verb", VERBS)


def project(product: Product) -> Path:
    """A spec, and what it includes."""
    directory = product.directory()
    product.write(directory / "s.yaml", SPEC)
    product.write(directory / "filter.json", FILTER)
    return directory


@EACH
@pytest.mark.parametrize(
    ("target", "is_what"),
    [
        ("s.yaml", "the spec itself"),
        ("./link", "the spec itself"),
        ("filter.json", "a part of the spec"),
    ],
)
def test_what_a_box_is_made_of_is_not_replaced(
    product: Product, verb: str, target: str, is_what: str
) -> None:
    directory = project(product)
    (directory / "link").symlink_to("s.yaml")
    words = [*VERBS[verb], "s.yaml", "-o", target, "--force"]
    done = product.run(words, cwd=directory)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: {target} is {is_what}: it is not replaced\n" in done.stderr
    assert (directory / "s.yaml").read_text() == SPEC
    assert (directory / "filter.json").read_text() == FILTER


def test_saved_facts_are_not_replaced(product: Product) -> None:
    directory = project(product)
    facts = product.run(["facts", "s.yaml"], cwd=directory).stdout
    product.write(directory / "facts.json", facts)
    words: list[Word] = ["--facts", "facts.json", "-o", "facts.json", "--force"]
    done = product.run(["compile", "s.yaml", *words], cwd=directory)
    assert done.returncode == 2
    assert "facts.json is the facts: it is not replaced" in done.stderr
    assert (directory / "facts.json").read_text() == facts


@EACH
def test_what_is_no_such_file_is_replaced_by_force_only(product: Product, verb: str) -> None:
    directory = project(product)
    product.write(directory / "notes", "mine\n")
    words: list[Word] = [*VERBS[verb], "s.yaml", "-o", "notes"]
    done = product.run(words, cwd=directory)
    assert (done.returncode, done.stdout) == (2, "")
    assert "notes is there, and no " in done.stderr
    assert "--force replaces it" in done.stderr
    assert (directory / "notes").read_text() == "mine\n"
    assert product.run([*words, "--force"], cwd=directory).returncode == 0
    assert product.run(words, cwd=directory).returncode == 0


@EACH
def test_a_full_disk_leaves_what_was_there(product: Product, verb: str) -> None:
    """As a file that may not be large: what was there stays, and nothing is left beside it."""
    directory = project(product)
    words: list[Word] = [*product.toyspec, *VERBS[verb], "s.yaml", "-o", "made"]
    assert product.as_user(words, cwd=directory).returncode == 0
    before = (directory / "made").read_bytes()
    there = {*os.listdir(directory)}
    script = "trap '' XFSZ; ulimit -f 1; exec \"$@\""
    done = product.as_user(["/bin/sh", "-c", script, "sh", *words], cwd=directory)
    assert done.returncode == 2
    assert "error: made cannot be written: File too large" in done.stderr
    assert (directory / "made").read_bytes() == before
    assert {*os.listdir(directory)} == there


@EACH
def test_a_name_as_long_as_a_name_may_be(product: Product, verb: str) -> None:
    directory = project(product)
    done = product.run([*VERBS[verb], "s.yaml", "-o", "n" * 255], cwd=directory)
    assert (done.returncode, done.stderr) == (0, "")


@EACH
def test_a_name_that_is_none(product: Product, verb: str) -> None:
    directory = project(product)
    done = product.run([*VERBS[verb], "s.yaml", "-o", ""], cwd=directory)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "toyspec: error: the file needs a name\n  -o FILE\n"


def test_a_dash_is_standard_output_for_text_only(product: Product) -> None:
    directory = project(product)
    there = {*os.listdir(directory)}
    done = product.run(["emit", "c", "s.yaml", "-o", "-"], cwd=directory)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("/* The box ")
    done = product.run(["compile", "s.yaml", "-o", "-"], cwd=directory)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("toyspec: error: a box is a file, and nothing for standard")
    assert {*os.listdir(directory)} == there
