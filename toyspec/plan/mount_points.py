"""Mount points that are not there yet: which have to be made, by whom, and whether they can be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from toyspec.host.facts import HostFacts
from toyspec.plan.layout import Make
from toyspec.plan.tree import Layer, Node, Resolved, Tree, TreeError, parent
from toyspec.spec.model import Spec

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
            return False  # it goes to the overlay's upper directory, once that is mounted
        existing = self.tree.host_path(above) or "/"
        fact = self.facts.path(existing)
        name = path.rpartition("/")[2]
        no_place = f"there is no /{path} to mount {target} on, and {existing}"
        if not layer.writable:
            remedy = f"make the empty mount point {existing}/{name} on the host"
            raise TreeError(f"{no_place} is bound read-only", remedy)
        creating = fact.kind == "missing" and (
            layer.kind == "volume" or (layer.kind == "root" and self.spec.root.create)
        )
        if not (fact.writable or creating):
            remedy = "make the mount point there as its owner, or choose another target"
            raise TreeError(f"{no_place} cannot be written by uid {self.facts.uid}", remedy)
        return layer.kind == "root" and (fact.uid == self.facts.uid or creating)
