"""Our value classes are the standard library's dataclasses, seen from outside."""

from __future__ import annotations

import dataclasses
import importlib
import pickle
from pathlib import Path
from typing import Any

import pytest

from tests.installation import REPOSITORY
from toyspec import values

OPTIONS: list[dict[str, Any]] = [{"frozen": True, "slots": True}, {"slots": True}]


class Plain:
    """Of one field."""

    only: int


class Full:
    """Of every kind of field."""

    name: str
    number: int = 3
    items: list[int] = dataclasses.field(default_factory=list, repr=False)

    def twice(self) -> int:
        return 2 * self.number


class Empty:
    """Of no field."""


class Checked:
    """With a check."""

    low: int
    high: int = 9

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("upside down")


CASES: list[tuple[type, list[tuple[Any, ...]]]] = [
    (Plain, [(1,), (2,)]),
    (Full, [("a",), ("a", 3), ("b", 4, [1]), ("b", 4, [2])]),
    (Empty, [()]),
    (Checked, [(1,), (1, 2)]),
]


def both(shape: type, options: dict[str, Any]) -> tuple[Any, Any]:
    """The same class made by the library, and by ours."""
    space = {
        name: each for name, each in vars(shape).items() if name not in ("__dict__", "__weakref__")
    }
    ours = dict(space)
    for name, each in space.items():
        if isinstance(each, dataclasses.Field):
            factory: Any = each.default_factory
            ours[name] = values.field(default_factory=factory, repr=each.repr)
    library: Any = dataclasses.dataclass(**options)(type(shape.__name__, (), space))
    return library, values.dataclass(**options)(type(shape.__name__, (), ours))


@pytest.mark.parametrize("options", OPTIONS, ids=["frozen", "open"])
@pytest.mark.parametrize(("shape", "rows"), CASES, ids=lambda each: getattr(each, "__name__", ""))
def test_they_behave_alike(
    shape: type, rows: list[tuple[Any, ...]], options: dict[str, Any]
) -> None:
    library, ours = both(shape, options)
    theirs, mine = [library(*row) for row in rows], [ours(*row) for row in rows]
    assert [repr(each) for each in mine] == [repr(each) for each in theirs]
    assert [[a == b for b in mine] for a in mine] == [[a == b for b in theirs] for a in theirs]
    assert mine[0] != theirs[0]
    assert ours.__match_args__ == library.__match_args__
    assert ours.__slots__ == library.__slots__
    assert ours.__doc__ == library.__doc__
    assert [dataclasses.asdict(each) for each in mine] == [
        dataclasses.asdict(each) for each in theirs
    ]
    names = [each.name for each in dataclasses.fields(ours)]
    assert names == list(ours.__slots__)
    for row, one in zip(rows, mine, strict=True):
        assert ours(**dict(zip(names, row, strict=False))) == one
        assert values.replace(one) == one == dataclasses.replace(one)
    assert (ours.__hash__ is None) == (library.__hash__ is None)


def test_what_is_wrong_is_refused_as_there() -> None:
    library, ours = both(Full, OPTIONS[0])
    for made in (library, ours):
        rows: list[tuple[Any, ...]] = [(), ("a", 1, [], 2)]
        for given in rows:
            with pytest.raises(TypeError):
                made(*given)
        with pytest.raises(TypeError):
            made("a", other=1)
        with pytest.raises(TypeError):
            values.replace(made("a"), other=1)
        with pytest.raises(AttributeError):
            made("a").name = "b"
        with pytest.raises(AttributeError):
            del made("a").name
        with pytest.raises((AttributeError, TypeError)):
            made("a").other = 1
    with pytest.raises(ValueError, match="upside down"):
        both(Checked, OPTIONS[0])[1](3, 2)


def test_a_factory_makes_a_new_default_each_time() -> None:
    _, ours = both(Full, OPTIONS[1])
    one, other = ours("a"), ours("a")
    one.items.append(1)
    assert (one.items, other.items) == ([1], [])
    one.number = 5
    assert one.twice() == 10


def test_a_field_without_default_after_one_with() -> None:
    class Wrong:
        first: int = 1
        second: int

    with pytest.raises(TypeError):
        values.dataclass(frozen=True, slots=True)(Wrong)
    with pytest.raises(TypeError):
        values.dataclass(slots=False)(Plain)


def test_they_hash_and_travel() -> None:
    from toyspec.spec.model import Origin

    one, same, other = Origin("a"), Origin("a"), Origin("b")
    assert hash(one) == hash(same)
    assert {one, same, other} == {one, other}
    assert pickle.loads(pickle.dumps(one)) == one


def test_no_module_of_a_start_has_the_dear_ones() -> None:
    """Whoever imports dataclasses or NamedTuple where it costs a start has ours to choose."""
    for path in sorted((REPOSITORY / "toyspec").rglob("*.py")):
        lines = path.read_text().splitlines()
        if path != Path(values.__file__) and "show" not in path.parts:
            assert "from dataclasses import dataclass" not in lines, path


def test_every_class_of_ours_has_a_docstring_and_fields() -> None:
    for name in ("plan.step", "spec.model", "host.facts"):
        module = importlib.import_module(f"toyspec.{name}")
        made: list[Any] = [each for each in vars(module).values() if dataclasses.is_dataclass(each)]
        assert made
        for each in made:
            assert each.__doc__
            assert [field.name for field in dataclasses.fields(each)] == list(each.__slots__)
