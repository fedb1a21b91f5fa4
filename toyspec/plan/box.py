"""Box: a spec, the facts of a host, and the layout that follows from both."""

from __future__ import annotations

from dataclasses import dataclass

from toyspec.host.facts import HostFacts
from toyspec.plan.layout import Layout
from toyspec.spec.model import Origin, Spec


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
        """The caller is uid 0 on the host: sysctls and /proc files would obey the box."""
        return self.facts.uid == 0
