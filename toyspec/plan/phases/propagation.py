"""propagation: mounts of the box stay in the box."""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import mount_calls
from toyspec.plan.box import Box
from toyspec.plan.step import Step
from toyspec.plan.writer import Writer
from toyspec.spec.model import Spec


def needs(spec: Spec) -> Needs:
    """Nothing."""
    return Needs()


def steps(box: Box) -> list[Step]:
    """`/` recursively private: neither side sees what the other mounts from now on."""
    w = Writer("propagation", "setup")
    w.about("mounts private")
    private = mount_calls.mount(None, "/", None, ("MS_REC", "MS_PRIVATE"), None)
    w.do(private, "what the box mounts stays inside, what the host mounts later stays outside")
    return w.steps
