"""namespaces: those that the box joins, then one unshare for everything else that it does not share."""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import calls, clocks, joining
from toyspec.plan.box import Box
from toyspec.plan.joining import FLAGS, new
from toyspec.plan.step import Step
from toyspec.plan.writer import Writer
from toyspec.spec.model import Spec


def needs(spec: Spec) -> Needs:
    """The namespaces to join: whether new ones are allowed is a sysctl, or told by the attempt."""
    return joining.needs(spec)


def steps(box: Box) -> list[Step]:
    """What needs the caller's rights is opened first; then setns(2), then unshare(2), once."""
    w = Writer("namespaces", "setup")
    clocks.open_offsets(w, box)
    joining.open_all(w, box)
    joining.join_all(w, box)
    own = new(box.spec)
    w.about("new " + ", ".join(own), box.origin("namespaces"))
    flags = tuple(flag for name, flag in FLAGS if name in own)
    begins = " and ".join(name for name in ("pid", "time") if name in own)
    w.do(
        calls.unshare(*flags),
        "the box gets its own"
        + (f"; the {begins} namespace begins with the next fork" * bool(begins)),
    )
    clocks.write_offsets(w, box)
    return w.steps
