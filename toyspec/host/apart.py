"""Facts for a box that gets no terminal of its own, though its caller has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toyspec.values import replace

if TYPE_CHECKING:
    from toyspec.host.facts import HostFacts


def apart(facts: HostFacts) -> HostFacts:
    """As if there were none that it could have. That one of its streams is one stays true."""
    return replace(facts, terminal=False, tty=facts.tty or facts.terminal)
