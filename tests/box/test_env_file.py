"""Environment files: their values are in the box, and not in the plan."""

from __future__ import annotations

import os

import pytest

from tests.box.boxes import good, refused, up
from tests.kernel_side import traced
from tests.kernel_side.test_trace_equals_plan import check, plan_of
from tests.product import Product

SPEC = """
version: 1
system: host
env_file: [./one.env, {path: ./none.env, required: false}]
environment: [B=own]
init: [env]
"""
ONE = "TOKEN='s3$cret value'\nB=theirs\nNL=\"a\\nb\"\nLANG\n"


def test_the_box_has_the_values(caller: Product) -> None:
    directory = caller.directory()
    caller.write(directory / "one.env", ONE)
    out = good(up(caller, directory, SPEC, env={"LANG": "C.UTF-8"}))
    assert {"TOKEN=s3$cret value", "B=own", "NL=a", "b", "LANG=C.UTF-8"} <= set(out.splitlines())


@pytest.mark.parametrize("form", [[], ["--syscalls"], ["--json"], ["-v"]])
def test_plans_show_names_only(product: Product, form: list[str]) -> None:
    directory = product.directory()
    product.write(directory / "one.env", ONE)
    product.write(directory / "box.yaml", SPEC)
    shown = product.run(["plan", *form, "box.yaml"], cwd=directory).stdout
    assert "s3" not in shown
    if form:
        assert "TOKEN=${env_file[0].TOKEN}" in shown


@traced.pytestmark
def test_what_is_executed_has_them_as_the_plan_says(product: Product) -> None:
    directory = product.directory()
    product.write(directory / "one.env", "TOKEN=s3cret\n")
    spec = product.write(directory / "box.yaml", SPEC)
    plan = plan_of(product, spec)
    argv = [*product.toyspec, "up", "-q", str(spec)]
    more = {"env_file[0].TOKEN": "s3cret"}
    ran, problems, _ = check(product, plan, argv, directory, more)
    assert not problems, problems
    assert "TOKEN=s3cret" in ran.stdout
    _, problems, _ = check(product, plan, argv, directory, {"env_file[0].TOKEN": "other"})
    assert problems


def test_the_command_is_searched_in_the_path_of_a_file(product: Product) -> None:
    directory = product.directory()
    product.write(directory / "one.env", "PATH=/nowhere:/usr/bin\n")
    assert "PATH=/nowhere:/usr/bin" in good(up(product, directory, SPEC))


@pytest.mark.parametrize("kind", ["directory", "fifo", "big"])
def test_what_is_no_file_of_variables_is_refused_at_once(product: Product, kind: str) -> None:
    directory = product.directory()
    path = directory / "one.env"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        product.write(path, "A=" + "x" * (1 << 20))
    product.own(directory)
    assert "one.env" in refused(up(product, directory, SPEC))


def test_a_fault_shows_nothing_of_the_file(product: Product) -> None:
    directory = product.directory()
    product.write(directory / "one.env", "A=1\nTOKEN = s3cret\n")
    error = refused(up(product, directory, SPEC))
    assert "./one.env:2:6: error: a blank beside a variable's name" in error
    assert "s3cret" not in error
