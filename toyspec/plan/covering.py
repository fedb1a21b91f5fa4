"""Where `masked_paths` and `read_only_paths` lead, in the tree as it stands when all is attached."""

from __future__ import annotations

from toyspec.host.facts import FactMissing
from toyspec.plan.entries import Entry
from toyspec.plan.error import PlanProblem
from toyspec.plan.layout import Cover
from toyspec.plan.tree import Tree, TreeError, parent
from toyspec.spec.model import Mount, Origin, Spec

_KERNELS = ("/proc/", "/sys/")
"""Not every kernel has every file there, and not every box a proc: what is missing is only said."""


class Covering:
    """What is covered, what there is nothing of, and what cannot be."""

    def __init__(self, spec: Spec, tree: Tree, places: dict[str, Entry]) -> None:
        self.tree, self.places = tree, places
        self.old_root = (spec.root.old_root or "").strip("/")
        self.covers: list[Cover] = []
        self.lacking: list[tuple[str, str]] = []
        self.problems: list[PlanProblem] = []
        self.questions: list[tuple[str, str]] = []
        for key, paths in (
            ("read_only_paths", spec.read_only_paths),
            ("masked_paths", spec.masked_paths),
        ):
            for i, path in enumerate(paths or ()):
                origin = spec.origin(f"{key}[{i}]")
                try:
                    self._cover(key, path, origin)
                except TreeError as error:
                    self.problems.append(PlanProblem(str(error), origin, error.remedy))
                except FactMissing as missing:
                    self.questions += missing.questions

    def _cover(self, key: str, path: str, origin: Origin) -> None:
        where = self.tree.resolve(path)
        below = self._kernel(where.path)
        if where.kind == "missing" or self._hidden(below):
            if not path.startswith(_KERNELS):
                done = "hide" if key == "masked_paths" else "close"
                raise TreeError(f"no {path} in the box to {done}", "mend the path, or leave it out")
            self.lacking.append((key, path))
            return
        if not where.path:
            raise TreeError(f"{path} is the root of the box itself", "`root` has a `read_only`")
        old = self.old_root
        if old and (where.path + "/").startswith(old + "/"):
            raise TreeError(f"{path} is at or below old_root /{old}, which is filled last")
        masked = key == "masked_paths"
        self.covers.append(Cover(path, where.path, where.kind, masked, origin, below))

    def _kernel(self, path: str) -> str | None:
        """The proc or sysfs that `path` lies in; TreeError for one of them as a whole."""
        at = path
        while at:
            at, layer = self.tree.layer_of(at)
            thing = self.places[at].thing if at in self.places else None
            kernel = isinstance(thing, Mount) and thing.type in ("proc", "sysfs")
            if kernel and at == path:
                remedy = "leave the mount out, or name what lies in it"
                raise TreeError(f"/{path} cannot be covered as a whole", remedy)
            if kernel and layer.kind == "kernel":
                return at
            at = parent(at)
        return None

    def _hidden(self, below: str | None) -> bool:
        """A proc of processes only has none of the names of a whole one."""
        entry = self.places.get(below) if below is not None else None
        return entry is not None and isinstance(entry.thing, Mount) and bool(entry.thing.subset)
