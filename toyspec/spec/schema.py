"""The spec's JSON Schema: where it lies, and what in a spec's data does not fit it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toyspec.spec.accept import Acceptor, resolve
from toyspec.spec.nodes import Key
from toyspec.values import dataclass

NAME = "toyspec-1.schema.json"
MOST_ENTRIES = 200
"""Entries of one list or mapping that do not fit and are described; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """One place where data does not fit: jsonschema's validator, its value, and the schema."""

    path: Key
    validator: str
    value: Any
    data: Any
    schema: Mapping[str, Any]


def schema_path(name: str = NAME) -> str:
    """The file of a schema, beside the package's modules however it is installed."""
    package = __file__.rpartition("/")[0].rpartition("/")[0]
    return f"{package}/schemas/{name}"


def schema() -> dict[str, Any]:
    """The spec's schema, read anew."""
    import json

    with open(schema_path(), encoding="utf-8") as file:
        loaded: dict[str, Any] = json.load(file)
    return loaded


def known(whole: Mapping[str, Any]) -> frozenset[str]:
    """The keys that a box may have."""
    return frozenset(resolve(whole, "#/definitions/box")["properties"])


def misfits(whole: Mapping[str, Any], data: Any) -> tuple[list[Misfit], int]:
    """Every place that does not fit, and how many more entries were not looked at for words."""
    acceptor = Acceptor(whole)
    if acceptor.test(whole)(data):
        return [], 0
    from jsonschema import Draft7Validator

    pruned, indices, dropped = _pruned(acceptor, data)
    found = []
    for error in Draft7Validator(whole).iter_errors(pruned):
        path = tuple(error.absolute_path)
        if len(path) > 1 and isinstance(path[1], int) and path[0] in indices:
            path = (path[0], indices[str(path[0])][path[1]], *path[2:])
        found.append(
            Misfit(path, str(error.validator), error.validator_value, error.instance, error.schema)
        )
    return found, dropped


def _pruned(acceptor: Acceptor, data: Any) -> tuple[Any, dict[str, list[int]], int]:
    """The data with only those entries of its long lists and mappings that do not fit.

    Also the kept entries' own indices, by key, and how many were too many.
    """
    if not isinstance(data, dict):
        return data, {}, 0
    box = resolve(acceptor.schema, "#/definitions/box")["properties"]
    pruned: dict[str, Any] = {}
    indices: dict[str, list[int]] = {}
    dropped = 0
    unknown = 0
    for key, value in data.items():
        if key not in box:
            unknown += 1
            if unknown > MOST_ENTRIES:
                dropped += 1
                continue
        pruned[key] = value
        if not isinstance(value, (list, dict)) or len(value) <= MOST_ENTRIES:
            continue
        test = acceptor.test(box.get(key, True))
        if isinstance(value, list):
            bad = [i for i, item in enumerate(value) if not test([item])] or [0]
            indices[key] = bad[:MOST_ENTRIES]
            pruned[key] = [value[i] for i in indices[key]]
            dropped += len(bad[MOST_ENTRIES:])
        elif key == "environment":
            names = [name for name, item in value.items() if not test({name: item})]
            pruned[key] = {name: value[name] for name in names[:MOST_ENTRIES]}
            dropped += len(names[MOST_ENTRIES:])
    return pruned, indices, dropped
