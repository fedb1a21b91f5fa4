"""`dataclass`, `field` and `replace` as the standard library has them, at a tenth of the price.

A start of toyspec makes a hundred small classes. The library compiles source text for each method of
each and imports inspect: 35 ms. Here one `__init__` is compiled for each number of fields and gets
their names from then on; the other methods are written once. To mypy these are the library's own,
and so they are to `dataclasses.fields`, `asdict` and `replace` when they are asked (by tests, for
one). What toyspec has no use for is not here: only slotted classes, without bases of their kind.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    from _operator import attrgetter

    class _Field:
        """A field with a default that is made anew each time, or that is not shown."""

        __slots__ = ("factory", "repr")

        def __init__(self, factory, repr):
            self.factory = factory
            self.repr = repr

    def field(*, default_factory, repr=True):
        """A field whose default is what `default_factory()` returns."""
        return _Field(default_factory, repr)

    def dataclass(*, frozen=False, slots):
        """The class, slotted, with `__init__`, `__repr__`, `__eq__` and, where frozen, `__hash__`."""
        if not slots:
            raise TypeError("only slotted classes are made here")
        return _frozen if frozen else _open

    def replace(value, /, **changes):
        """A copy with other values in some of its fields."""
        cls = type(value)
        for name in cls.__match_args__:
            if name not in changes:
                changes[name] = getattr(value, name)
        return cls(**changes)

    def _frozen(cls):
        return _made(cls, frozen=True)

    def _open(cls):
        return _made(cls, frozen=False)

    def _made(cls, *, frozen):
        """The class anew, as slots can only be said when a class is made."""
        space = dict(cls.__dict__)
        space.pop("__dict__", None)
        space.pop("__weakref__", None)
        names = tuple(cls.__annotations__)
        given = {name: space.pop(name) for name in names if name in space}
        if tuple(given) != names[len(names) - len(given) :]:
            raise TypeError(f"{cls.__name__}: a field without a default follows one with a default")
        space["__slots__"] = space["__match_args__"] = names
        space["__dataclass_fields__"] = _Fields(given)
        if frozen:
            space["__setattr__"] = _no_setattr
            space["__delattr__"] = _no_delattr
            space["__getstate__"] = _get_state
            space["__setstate__"] = _set_state
        hidden = {name for name, each in given.items() if type(each) is _Field and not each.repr}
        shown = tuple(name for name in names if name not in hidden)
        _compare(space, names, shown, frozen)
        made = type(cls)(cls.__name__, cls.__bases__, space)
        made.__init__ = _initialiser(made, names, given)
        return made

    def _compare(space, names, shown, frozen):
        """`__eq__`, `__hash__` and `__repr__`, where the class does not write its own."""
        if len(names) > 1:
            get = attrgetter(*names)
        else:

            def get(self, name=names[0] if names else ""):
                return (getattr(self, name),) if name else ()

        def __eq__(self, other):
            if other.__class__ is not self.__class__:
                return NotImplemented
            return get(self) == get(other)

        def __hash__(self):
            return hash(get(self))

        def __repr__(self):
            pairs = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
            return f"{type(self).__qualname__}({pairs})"

        space.setdefault("__eq__", __eq__)
        if frozen:
            space.setdefault("__hash__", __hash__)
        elif "__hash__" not in space:
            space["__hash__"] = None
        space.setdefault("__repr__", __repr__)

    def _initialiser(cls, names, given):
        """`__init__`: a template's code under these names, storing through the class's own slots."""
        factories = tuple(at for at, name in enumerate(names) if type(given.get(name)) is _Field)
        code = _template(len(names), factories, hasattr(cls, "__post_init__"))
        space = {f"set{at}": cls.__dict__[name].__set__ for at, name in enumerate(names)}
        space |= {f"make{at}": given[names[at]].factory for at in factories}
        space["missing"] = _MISSING
        function = type(_template)(code.replace(co_varnames=("self", *names)), space, "__init__")
        function.__defaults__ = tuple(
            _MISSING if type(each) is _Field else each for each in given.values()
        )
        function.__qualname__ = f"{cls.__qualname__}.__init__"
        return function

    _MISSING = object()
    _templates = {}

    def _template(count, factories, post):
        """The code of an `__init__` of so many fields."""
        known = _templates.get((count, factories, post))
        if known is not None:
            return known
        rows = [
            f" set{at}(self, make{at}() if a{at} is missing else a{at})"
            if at in factories
            else f" set{at}(self, a{at})"
            for at in range(count)
        ]
        rows += [" self.__post_init__()"] if post else []
        words = ", ".join(("self", *(f"a{at}" for at in range(count))))
        source = f"def __init__({words}):\n" + "\n".join(rows or [" pass"])
        space = {}
        exec(compile(source, "<toyspec.values>", "exec"), space)  # noqa: S102  # nothing but numbers
        _templates[count, factories, post] = space["__init__"].__code__
        return space["__init__"].__code__

    def _no_setattr(_self, name, _value):
        raise AttributeError(f"cannot assign to field {name!r}")

    def _no_delattr(_self, name):
        raise AttributeError(f"cannot delete field {name!r}")

    def _get_state(self):
        return [getattr(self, name) for name in self.__slots__]

    def _set_state(self, state):
        for name, value in zip(self.__slots__, state):
            object.__setattr__(self, name, value)

    class _Fields:
        """`__dataclass_fields__`, made by the library when somebody asks for it."""

        def __init__(self, given):
            self.given = given
            self.known = None

        def __get__(self, _value, cls):
            if self.known is None:
                import dataclasses

                rows = []
                for name, hint in cls.__annotations__.items():
                    each = self.given.get(name, dataclasses.MISSING)
                    if type(each) is _Field:
                        made = dataclasses.field(default_factory=each.factory, repr=each.repr)
                    else:
                        made = dataclasses.field(default=each)
                    rows.append((name, hint, made))
                twin = dataclasses.make_dataclass(cls.__name__, rows)
                self.known = twin.__dataclass_fields__
            return self.known


__all__ = ["dataclass", "field", "replace"]
