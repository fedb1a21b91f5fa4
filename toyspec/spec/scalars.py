"""What a plain scalar means: YAML 1.2's core schema, section 10.3.2, and nothing of 1.1.

`no`, `on`, `22:22` and `2024-01-01` are strings; `0755` is the number 755; `0o755` is octal.
"""

from __future__ import annotations

Value = str | int | float | bool | None

_WORDS: dict[str, Value] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".inf": float("inf"), ".Inf": float("inf"), ".INF": float("inf"),
    "+.inf": float("inf"), "+.Inf": float("inf"), "+.INF": float("inf"),
    "-.inf": float("-inf"), "-.Inf": float("-inf"), "-.INF": float("-inf"),
    ".nan": float("nan"), ".NaN": float("nan"), ".NAN": float("nan"),
}  # fmt: skip
_DIGITS = 30
"""Digits of a number that count: far beyond anything a spec can mean, cheap to convert."""


def resolve(text: str) -> Value:
    """The value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.0123456789":
        return text
    return _number(text)


def _number(text: str) -> Value:
    import re

    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text[: _DIGITS + 1])
    if re.fullmatch(r"0o[0-7]+", text):
        return int(text[2 : 2 + _DIGITS], 8)
    if re.fullmatch(r"0x[0-9a-fA-F]+", text):
        return int(text[2 : 2 + _DIGITS], 16)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return float(text)
    return text
