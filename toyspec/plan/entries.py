"""The one list of everything that has a target: the spec's own entries and what `system` adds.

Order: an entry comes after every entry whose target is its ancestor, otherwise as in the file,
after what `system` and `etc` put there. A spec's own entry replaces theirs at its target and
below it.
"""

from __future__ import annotations

from toyspec.host.facts import HostFacts, Needs
from toyspec.plan import copies, etc, system, whole_host
from toyspec.spec.model import Bind, File, Mount, Origin, Spec
from toyspec.values import dataclass


@dataclass(frozen=True, slots=True)
class Guard:
    """A part of what the box may write, bound on itself: read-only, or so that it cannot be renamed."""

    at: str
    target: str
    writable: bool
    executable: bool = True


Thing = Bind | Mount | File | Guard


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing with a target, and the line or default that asked for it."""

    thing: Thing
    origin: Origin

    @property
    def target(self) -> str:
        """Where it goes in the box: an absolute, normal path."""
        return self.thing.target


def needs(spec: Spec) -> Needs:
    """What the entries ask of the host: their sources, and what `system` and `etc` look at."""
    sources = frozenset(bind.source for bind in spec.binds)
    sources |= {file.source for file in spec.files if file.source is not None}
    return (
        Needs(paths=sources, mounts=sources)
        | system.needs(spec)
        | etc.needs(spec)
        | whole_host.needs(spec)
    )


def entries(spec: Spec, facts: HostFacts) -> list[Entry]:
    """Every entry of the box, in the order in which it is attached."""
    things: list[Bind | Mount | File] = [*spec.binds, *spec.mounts, *spec.files]
    own = [Entry(thing, spec.origin(thing.at)) for thing in things]
    own.sort(key=lambda entry: (entry.origin.line, entry.origin.column))
    replaced = {entry.target for entry in own if not left_out(entry.thing, facts)}
    theirs: list[Bind | Mount | File] = [
        *whole_host.things(spec, facts),
        *system.things(spec, facts),
        *etc.things(spec, facts),
    ]
    added = [
        Entry(thing, spec.origin(thing.at))
        for thing in theirs
        if not any(above in replaced for above in _at_or_above(thing.target))
    ]
    return _parents_first(added + own)


def left_out(thing: Thing, facts: HostFacts) -> bool:
    """An optional bind or copy without a source replaces nothing."""
    if isinstance(thing, File):
        return copies.left_out(facts, thing)
    return (
        isinstance(thing, Bind)
        and thing.optional
        and facts.path(thing.source).real_kind in ("missing", "denied")
    )


def in_place(spec: Spec) -> dict[tuple[bool, ...], set[str]]:
    """What binds show at its own path, by the options that they have."""
    found: dict[tuple[bool, ...], set[str]] = {}
    for bind in spec.binds:
        if bind.source == bind.target:
            found.setdefault(options(bind), set()).add(bind.source)
    if spec.system == "host":
        found.setdefault(options(Bind("", "", "")), set()).add("/usr")
    return found


def options(bind: Bind) -> tuple[bool, ...]:
    """What distinguishes one bind of a path from another."""
    return bind.writable, bind.devices, bind.executable, bind.setuid, bind.recursive


def _at_or_above(target: str) -> list[str]:
    parts = target.strip("/").split("/")
    return ["/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _parents_first(wanted: list[Entry]) -> list[Entry]:
    by_target = {entry.target: entry for entry in wanted}
    placed: dict[str, Entry] = {}
    for entry in wanted:
        for above in _at_or_above(entry.target):
            if above in by_target and above not in placed:
                placed[above] = by_target[above]
    return list(placed.values())
