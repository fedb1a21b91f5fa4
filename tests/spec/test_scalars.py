from __future__ import annotations

import math

import pytest

from toyspec.spec.scalars import Value, resolve


@pytest.mark.parametrize(
    "text",
    ["no", "yes", "on", "off", "y", "22:22", "2024-01-01", "1_000", "0b1", "0o8", "0xg", "1.2.3",
     "-", "+", ".", "1e", "tRUE", "nULL", "<<", "=", "1 2", "٣"],
)  # fmt: skip
def test_strings(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("NULL", None), ("true", True), ("False", False),
        ("0755", 755), ("0o755", 0o755), ("0xFf", 255), ("-7", -7), ("+7", 7), ("1.10", 1.1),
        (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0), ("-.inf", -math.inf),
    ],
)  # fmt: skip
def test_what_is_not_a_string(text: str, value: Value) -> None:
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_and_numbers_of_a_million_digits() -> None:
    nan = resolve(".nan")
    assert isinstance(nan, float)
    assert math.isnan(nan)
    huge = resolve("9" * 1_000_000)
    assert isinstance(huge, int)
    assert huge > 2**64
