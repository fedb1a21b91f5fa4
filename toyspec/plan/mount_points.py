"""Mount points that are not there yet: which have to be made, by whom, and whether they can be."""

from __future__ import annotations

from typing import Literal

from toyspec.host.facts import HostFacts, PathFact
from toyspec.plan.layout import Make
from toyspec.plan.tree import Layer, Node, Resolved, Tree, TreeError, inside, parent
from toyspec.spec.model import Spec
from toyspec.values import dataclass, field

Ending = Literal["directory", "file"]


@dataclass(slots=True)
class MountPoints:
    """What has been planned so far: what lies below a directory of ours can be made in it."""

    spec: Spec
    facts: HostFacts
    tree: Tree
    made: dict[str, Make] = field(default_factory=dict)

    def make(self, target: str, where: Resolved, ending: Ending | None) -> tuple[Make, ...]:
        """What has to be made on the way to `where`, and there: its `ending` (None: nothing).

        Raises TreeError, with a remedy, where that is impossible.
        """
        if where.layer.kind == "kernel" and where.missing:
            raise TreeError(f"{target} is not in /{where.layer_at}, whose names are the kernel's")
        missing = where.missing if ending is not None else where.missing[:-1]
        if not missing:
            return ()
        above = parent(missing[0])
        before = False
        if where.layer.kind != "own":
            ours = self.made.get(above) if above != where.layer_at else None
            before = ours.before if ours else self._before(target, missing[0], above, where.layer)
        own = self.tree.private(above)
        makes = []
        for path in missing:
            last = path == missing[-1] and ending is not None
            made = Make(path, ending if last and ending else "directory", before, own)
            makes.append(made)
            self.made[path] = made
            self.tree.add(path, Node(made.kind))
        return tuple(makes)

    def _before(self, target: str, path: str, above: str, layer: Layer) -> bool:
        """Whether to make it before the namespaces: by the owner of the directory, in a root."""
        if layer.kind == "overlay":
            self._copies_up(target, path, above, layer)
            return False  # it goes to the overlay's upper directory, once that is mounted
        existing = self.tree.host_path(above) or "/"
        fact = self.facts.path(existing)
        name = path.rpartition("/")[2]
        no_place = f"there is no /{path} to mount {target} on, and {existing}"
        if not layer.writable:
            remedy = f"make the empty mount point {existing.rstrip('/')}/{name} on the host"
            remedy += self._overlay(above, layer, fact)
            raise TreeError(f"{no_place} is bound read-only", remedy)
        creating = fact.kind == "missing" and (
            layer.kind == "volume" or (layer.kind == "root" and self.spec.root.create)
        )
        if not (fact.writable or creating):
            remedy = "make the mount point there as its owner"
            remedy += self._overlay(above, layer, fact)
            raise TreeError(f"{no_place} cannot be written by uid {self.facts.uid}", remedy)
        return layer.kind == "root" and (fact.uid == self.facts.uid or creating)

    def _overlay(self, above: str, layer: Layer, fact: PathFact) -> str:
        """The remedy that leaves the host's directory alone, where an overlay could take it.

        A directory further down is copied up with its owner, whom the box has to have.
        """
        at, _ = self.tree.layer_of(above)
        if above != at and fact.uid != self.facts.uid:
            return f", or put a tmpfs over /{above} and into that what is needed"
        if not at and layer.base == "/":
            return ", or take `root: {lower: host}`, an overlay that keeps it in memory"
        if not at:
            return f", or take `root: {{lower: {layer.base}}}`, an overlay that keeps it in memory"
        mount = f"{{type: overlay, target: /{at}, lower: {layer.base}}}"
        return f", or mount an overlay in the bind's place: {mount}"

    def _copies_up(self, target: str, path: str, above: str, layer: Layer) -> None:
        """An overlay copies a directory before it changes it, and cannot give it a foreign owner."""
        at, _ = self.tree.layer_of(above)
        if above == at or above in self.made:
            return
        shown = [inside(base, above[len(at) :]) for base in (layer.base or "/", *layer.under)]
        facts = [fact for fact in map(self.facts.path, shown) if fact.kind != "missing"]
        owner = facts[0].uid if facts else self.facts.uid
        ours = owner == self.facts.uid
        ours = ours or any(first <= owner < first + count for first, count in self.facts.subuids)
        if not ours:
            message = (
                f"there is no /{path} to mount {target} on, and /{above} belongs to uid {owner}"
            )
            remedy = f"put a tmpfs over /{above}, or make the mount point there as its owner"
            raise TreeError(f"{message}, which an overlay cannot copy for this box", remedy)
