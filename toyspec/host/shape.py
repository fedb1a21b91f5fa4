"""Whether a value that came from JSON has the type that a field of a dataclass is annotated with."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints


def misfit(value: object) -> str | None:
    """The name of the first field of a dataclass's value that is not what its annotation says."""
    hints = get_type_hints(type(value))
    return next(
        (name for name, hint in hints.items() if not fits(getattr(value, name), hint)), None
    )


def fits(value: object, hint: object) -> bool:
    """Knows what facts are made of: names, numbers, tuples, mappings, unions, literals."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return isinstance(value, str) and value in args
    if origin in (Union, UnionType):
        return any(fits(value, each) for each in args)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if args[-1] is Ellipsis:
            return all(fits(each, args[0]) for each in value)
        return len(value) == len(args) and all(map(fits, value, args))
    if origin is Mapping:
        return isinstance(value, dict) and all(
            fits(key, args[0]) and fits(each, args[1]) for key, each in value.items()
        )
    assert isinstance(hint, type)
    if hint.__module__ != "builtins":
        return isinstance(value, hint) and misfit(value) is None
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
