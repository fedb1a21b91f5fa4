"""Whether data fits the schema, and which parts do not: a yes or no, fast.

The schema's own keywords, compiled once to functions. It decides only what needs no words:
where it says no, jsonschema is imported and says why (it costs 75 ms and, on a spec of a
megabyte, seconds). A keyword it does not know makes it say no. A test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Test = Callable[[Any], bool]

_ANNOTATIONS = frozenset({
    "$schema", "$comment", "title", "description", "default", "examples", "definitions",
    "patternErrorMessage", "then", "else",
})  # fmt: skip


class Acceptor:
    """Tests for a draft-07 schema and what it refers to (`#/definitions/…` only)."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self._references: dict[str, Test] = {}
        self._keywords: dict[str, Callable[..., Test]] = {
            "type": self._type, "enum": self._enum, "const": self._const,
            "pattern": self._pattern, "minLength": self._min_length,
            "maxLength": self._max_length, "minimum": self._minimum, "maximum": self._maximum,
            "minItems": self._min_items, "maxItems": self._max_items, "items": self._items,
            "required": self._required, "allOf": self._all_of, "if": self._if,
            "properties": self._properties, "patternProperties": self._pattern_properties,
            "additionalProperties": self._additional_properties,
        }  # fmt: skip

    def test(self, schema: Mapping[str, Any] | bool) -> Test:
        """The test for a part of the schema."""
        if isinstance(schema, bool):
            return (lambda _: True) if schema else (lambda _: False)
        if "$ref" in schema:
            return self._reference(schema["$ref"])
        tests: list[Test] = []
        for keyword, value in schema.items():
            if keyword in _ANNOTATIONS:
                continue
            make = self._keywords.get(keyword)
            if make is None:
                return lambda _: False
            tests.append(make(value, schema))
        if len(tests) == 1:
            return tests[0]
        return lambda data: all(test(data) for test in tests)

    def _reference(self, name: str) -> Test:
        """A definition's test, made when it is first used, so that it may refer to itself."""

        def late(data: Any) -> bool:
            test = self._references.get(name)
            if test is None:
                test = self._references[name] = self.test(resolve(self.schema, name))
            return test(data)

        return late

    def _type(self, names: str | list[str], _: object) -> Test:
        tests = [_TYPES[name] for name in ([names] if isinstance(names, str) else names)]
        return tests[0] if len(tests) == 1 else lambda data: any(test(data) for test in tests)

    def _enum(self, values: list[Any], _: object) -> Test:
        return lambda data: any(_equal(data, value) for value in values)

    def _const(self, value: Any, _: object) -> Test:
        return lambda data: _equal(data, value)

    def _pattern(self, pattern: str, _: object) -> Test:
        import re

        search = re.compile(pattern).search
        return lambda data: not isinstance(data, str) or search(data) is not None

    def _min_length(self, least: int, _: object) -> Test:
        return lambda data: not isinstance(data, str) or len(data) >= least

    def _max_length(self, most: int, _: object) -> Test:
        return lambda data: not isinstance(data, str) or len(data) <= most

    def _minimum(self, least: int, _: object) -> Test:
        return lambda data: not _is_number(data) or not data < least

    def _maximum(self, most: int, _: object) -> Test:
        return lambda data: not _is_number(data) or not data > most

    def _min_items(self, least: int, _: object) -> Test:
        return lambda data: not isinstance(data, list) or len(data) >= least

    def _max_items(self, most: int, _: object) -> Test:
        return lambda data: not isinstance(data, list) or len(data) <= most

    def _items(self, schema: Mapping[str, Any], _: object) -> Test:
        test = self.test(schema)
        return lambda data: not isinstance(data, list) or all(map(test, data))

    def _required(self, keys: list[str], _: object) -> Test:
        return lambda data: not isinstance(data, dict) or all(key in data for key in keys)

    def _all_of(self, schemas: list[Any], _: object) -> Test:
        tests = [self.test(schema) for schema in schemas]
        return lambda data: all(test(data) for test in tests)

    def _if(self, condition: Any, schema: Mapping[str, Any]) -> Test:
        test = self.test(condition)
        yes, no = self.test(schema.get("then", True)), self.test(schema.get("else", True))
        return lambda data: yes(data) if test(data) else no(data)

    def _properties(self, properties: Mapping[str, Any], _: object) -> Test:
        tests = {key: self.test(schema) for key, schema in properties.items()}
        return lambda data: (
            not isinstance(data, dict)
            or all(tests[key](value) for key, value in data.items() if key in tests)
        )

    def _pattern_properties(self, patterns: Mapping[str, Any], _: object) -> Test:
        import re

        tests = [(re.compile(p).search, self.test(schema)) for p, schema in patterns.items()]
        return lambda data: (
            not isinstance(data, dict)
            or all(
                test(value) for key, value in data.items() for search, test in tests if search(key)
            )
        )

    def _additional_properties(self, rest: Any, schema: Mapping[str, Any]) -> Test:
        import re

        named = frozenset(schema.get("properties", ()))
        patterns = [re.compile(pattern).search for pattern in schema.get("patternProperties", ())]
        test = self.test(rest)
        return lambda data: (
            not isinstance(data, dict)
            or all(
                test(value)
                for key, value in data.items()
                if key not in named and not any(search(key) for search in patterns)
            )
        )


def resolve(schema: Mapping[str, Any], reference: str) -> Any:
    """What a `#/…` reference names."""
    at: Any = schema
    for step in reference.removeprefix("#/").split("/"):
        at = at[step]
    return at


def _is_number(data: Any) -> bool:
    return isinstance(data, (int, float)) and not isinstance(data, bool)


def _equal(data: Any, value: Any) -> bool:
    return bool(data == value) and isinstance(data, bool) == isinstance(value, bool)


_TYPES: dict[str, Test] = {
    "string": lambda data: isinstance(data, str),
    "object": lambda data: isinstance(data, dict),
    "array": lambda data: isinstance(data, list),
    "boolean": lambda data: isinstance(data, bool),
    "null": lambda data: data is None,
    "number": _is_number,
    "integer": lambda data: (
        isinstance(data, int) and not isinstance(data, bool)
    ) or (isinstance(data, float) and data.is_integer()),
}  # fmt: skip
