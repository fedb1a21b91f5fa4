"""Box: a spec, the facts of a host, and the layout that follows from both."""

from __future__ import annotations

from toyspec.host.facts import HostFacts
from toyspec.plan import ranges
from toyspec.plan.etc import ids
from toyspec.plan.layout import Layout
from toyspec.spec.model import Origin, Spec
from toyspec.values import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """What every phase plans from."""

    spec: Spec
    facts: HostFacts
    layout: Layout

    def origin(self, path: str) -> Origin:
        """Where the spec's value at `path` came from."""
        return self.spec.origin(path)

    @property
    def real_root(self) -> bool:
        """The box is uid 0 on the host: sysctls and /proc files would obey it."""
        return ranges.real_root(self.spec, self.facts)

    @property
    def ids(self) -> tuple[int, int]:
        """The uid and gid that init has inside."""
        return ids(self.spec, self.facts)

    @property
    def maps(self) -> ranges.Maps | None:
        """The ranges of ids that the box has; None where it has one uid and one gid."""
        return ranges.maps(self.spec, self.facts)

    @property
    def drops_groups(self) -> bool:
        """Whether init gives up the caller's supplementary groups."""
        return ranges.drops_groups(self.spec, self.facts)
