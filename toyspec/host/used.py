"""Facts that note which of them are read: a plan is a function of those alone."""

from __future__ import annotations

from toyspec.host.facts import HostFacts

_FACTS = frozenset(HostFacts.__slots__)


class Used(HostFacts):
    """The same facts; `used` takes the name of each that anybody reads."""

    __slots__ = ("used",)
    used: set[str]

    def __getattribute__(self, name: str) -> object:
        if name in _FACTS:
            object.__getattribute__(self, "used").add(name)
        return object.__getattribute__(self, name)


def noting(facts: HostFacts, used: set[str]) -> HostFacts:
    """`facts`, which add to `used` from now on."""
    found = object.__new__(Used)
    object.__setattr__(found, "used", used)
    for name in HostFacts.__slots__:
        object.__setattr__(found, name, getattr(facts, name))
    return found
