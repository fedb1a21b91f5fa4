"""`git` and `protect`: names, and what people get wrong."""

from __future__ import annotations

import pytest

from tests.spec.loading import HEAD, said, spec


def test_the_default_is_the_tables() -> None:
    found = spec(HEAD)
    assert (found.git, found.protect) == ("protected", ("default",))
    assert found.origin("protect").default == "protect: [default]"


def test_names_are_normal_and_in_order() -> None:
    found = spec(HEAD + "git: writable\nprotect: [default, ./Makefile, ci//run]\n")
    assert (found.git, found.protect) == ("writable", ("default", "Makefile", "ci/run"))
    assert spec(HEAD + "protect: []\n").protect == ()
    assert spec(HEAD + "protect: [./defaults]\n").protect == ("defaults",)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/etc", "`/etc` is not relative"),
        ("~/x", "`~/x` is not relative"),
        ("a/../b", "`..` in `a/../b`"),
        ("../x", "`..` in `../x`"),
        (".git/hooks", "`.git/hooks` goes without saying"),
        ("default, default", "`default` is here twice"),
        ("defualt", "`defualt` alone would open all that is protected by default"),
        ("a\\u0007", "the control character U+0007"),
    ],
)
def test_names_that_are_wrong(name: str, message: str) -> None:
    quoted = ", ".join(f'"{each}"' for each in name.split(", "))
    ((line, _, found),) = said(f"{HEAD}protect: [{quoted}]\n")
    assert line == 3
    assert message in found
