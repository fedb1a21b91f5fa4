"""Writer: how a phase writes its steps down.

It holds what consecutive steps share (phase, role, item, origin); ids come at the end, when the
planner has every phase's steps in order.
"""

from __future__ import annotations

from toyspec.plan.calls import Call
from toyspec.plan.step import Expect, Phase, Role, Step
from toyspec.spec.model import Origin
from toyspec.values import dataclass, field

EVERY_BOX = Origin("", default="every box")
_RETRIES = {
    "openat2": ("EAGAIN",),  # a rename raced with a walk that has to stay inside
    "read": ("EINTR",),
    "wait4": ("EINTR",),
}


@dataclass(slots=True)
class Writer:
    """Steps of one phase, in order."""

    phase: Phase
    role: Role
    item: str = ""
    origin: Origin = EVERY_BOX
    purpose: str = ""
    steps: list[Step] = field(default_factory=list)

    def about(
        self, item: str, origin: Origin | None = None, role: Role | None = None, purpose: str = ""
    ) -> None:
        """The steps that follow are a part of `item`; its first one says the `purpose` too."""
        self.item = item
        self.purpose = purpose
        self.origin = origin or EVERY_BOX
        self.role = role or self.role

    def do(
        self,
        call: Call,
        why: str,
        *,
        yields: str | None = None,
        tolerates: tuple[str, ...] = (),
        expects: Expect | None = None,
    ) -> None:
        """One step more."""
        name, args = call
        why, self.purpose = f"{self.purpose}: {why}" if self.purpose else why, ""
        self.steps.append(
            Step(
                id=0,
                phase=self.phase,
                role=self.role,
                call=name,
                args=args,
                item=self.item,
                why=why,
                origin=self.origin,
                tolerates=tolerates,
                retries=_RETRIES.get(name, ()),
                expects=expects,
                yields=yields,
            )
        )
