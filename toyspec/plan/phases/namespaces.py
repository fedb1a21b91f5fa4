"""namespaces: one unshare, for everything that the box does not share with the host."""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import calls
from toyspec.plan.box import Box
from toyspec.plan.step import Step
from toyspec.plan.writer import Writer
from toyspec.spec.model import Namespace, Spec

FLAGS: tuple[tuple[Namespace, str], ...] = (
    ("user", "CLONE_NEWUSER"),
    ("mount", "CLONE_NEWNS"),
    ("pid", "CLONE_NEWPID"),
    ("network", "CLONE_NEWNET"),
    ("uts", "CLONE_NEWUTS"),
    ("ipc", "CLONE_NEWIPC"),
    ("cgroup", "CLONE_NEWCGROUP"),
)


def needs(spec: Spec) -> Needs:
    """Nothing: whether namespaces are allowed is a sysctl, or only told by the attempt."""
    return Needs()


def new(spec: Spec) -> list[Namespace]:
    """The namespaces that the box has for itself."""
    shared = set(spec.host_namespaces) | ({"network"} if spec.network == "host" else set())
    return [name for name, _ in FLAGS if name not in shared]


def steps(box: Box) -> list[Step]:
    """unshare(2), once."""
    w = Writer("namespaces", "setup")
    own = new(box.spec)
    w.about("new " + ", ".join(own), box.origin("namespaces"))
    flags = tuple(flag for name, flag in FLAGS if name in own)
    w.do(
        calls.unshare(*flags),
        "the box gets its own; the pid namespace begins with the next fork",
    )
    return w.steps
