"""What a directory root has to be before anything is laid out in it."""

from __future__ import annotations

from toyspec.host.facts import HostFacts
from toyspec.plan.error import PlanProblem
from toyspec.spec.model import Spec


def check_root(spec: Spec, facts: HostFacts) -> list[PlanProblem]:
    """Problems of the root and of its old_root; none for a tmpfs."""
    base = spec.root.path
    if base is None:
        return []
    fact, origin = facts.path(base), spec.origin("root.path")
    if fact.denied:
        why = f"the directory {fact.denied} may not be searched by uid {facts.uid}"
        return [PlanProblem(f"root {base} cannot be reached: {why}", origin)]
    if fact.real_kind == "missing" and not spec.root.create:
        remedy = "make the directory, or say `create: true` to have it made"
        return [PlanProblem(f"root {base} does not exist", origin, remedy)]
    if fact.real == "/":
        message = f"root {base} leads to the host's own /, whose mounts are locked to it"
        remedy = "`system: host` shows the host's system in a root of the box's own"
        return [PlanProblem(message, origin, remedy)]
    if fact.real_kind not in ("missing", "directory"):
        return [PlanProblem(f"root {base} is a {fact.real_kind}, not a directory", origin)]
    if fact.kind == "symlink" and fact.real_kind == "missing":
        remedy = "remove it, or make the directory that it leads to"
        return [PlanProblem(f"root {base} is a dangling symlink", origin, remedy)]
    return _old_root(spec, facts, base)


def _old_root(spec: Spec, facts: HostFacts, base: str) -> list[PlanProblem]:
    """The seed's own pivot needs a real directory: a symlink there leads into the host."""
    name = (spec.root.old_root or "").strip("/")
    if not name:
        return []
    origin = spec.origin("root.old_root")
    kind = facts.path(f"{base}/{name}").kind
    if kind == "denied":
        message = f"old_root /{name} may not be looked into: {base} lacks x"
        return [PlanProblem(message, origin)]
    if kind == "missing" and facts.path(base).kind != "missing" and not facts.path(base).writable:
        message = f"there is no /{name} for the old root, and {base} cannot be written"
        remedy = "make an empty directory there as its owner"
        return [PlanProblem(f"{message} by uid {facts.uid}", origin, remedy)]
    if kind not in ("directory", "missing"):
        message = f"old_root /{name} is a {kind} in {base}, not a real directory"
        remedy = "move it away: an old root behind a symlink would be the host's"
        return [PlanProblem(message, origin, remedy)]
    return []
