from __future__ import annotations

import pytest

from tests.spec.loading import HEAD, problems, spec
from toyspec.spec.requires import satisfied


@pytest.mark.parametrize(
    ("wanted", "version", "expected"),
    [
        (">=0.1", "0.1.0", True), (">=0.1", "0.0.9", False), (">=0.1, <2", "1.9", True),
        (">=0.1,<2", "2.0.0", False), ("==0.1", "0.1.0", True), ("!=0.1", "0.1.0", False),
        (">0.1", "0.1.0", False), ("<=0.1", "0.1.0", True), (" >= 0.10 ", "0.9.0", False),
        (">=0.1", "0.1.0.dev1", True), ("0.1", "0.1.0", None), (">=", "0.1.0", None),
        ("", "0.1.0", None), (">=0.1.0.0", "0.1.0", None), (">=1\n", "0.1.0", None),
        (">=" + "9" * 10000, "0.1.0", None),
    ],
)  # fmt: skip
def test_comparisons(wanted: str, version: str, expected: bool | None) -> None:
    assert satisfied(wanted, version) is expected


def test_it_is_checked_before_the_schema() -> None:
    text = 'version: 7\nrequires: {toyspec: ">=99"}\nbrand_new: key\n'
    assert [p.message for p in problems(text)] == ["this spec requires toyspec >=99"]


def test_what_this_toyspec_satisfies_loads() -> None:
    assert spec(HEAD + 'requires: {toyspec: ">=0.1"}\n').name == "dev"
    assert spec(HEAD + "requires: {}\n").name == "dev"
