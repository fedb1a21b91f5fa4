"""Laying a box out on this host.

Each entry is resolved in the tree as it will stand when its turn comes, so that a plan names the
real place of every target, and so that what cannot work is said before anything runs.
"""

from __future__ import annotations

from typing import Literal

from toyspec.host.facts import FactMissing, HostFacts, PathFact
from toyspec.plan import copies, layers, volumes
from toyspec.plan import entries as listing
from toyspec.plan.covering import Covering
from toyspec.plan.entries import Entry, Guard
from toyspec.plan.error import PlanError, PlanProblem
from toyspec.plan.layout import Layout, Placed, Stage
from toyspec.plan.mount_points import MountPoints
from toyspec.plan.protection import Held, Protection
from toyspec.plan.root_directory import check_root
from toyspec.plan.tree import Layer, Node, Resolved, Tree, TreeError, parent
from toyspec.spec.model import Bind, File, Mount, Spec
from toyspec.values import replace

_GIVEN = ("system", "etc", "root", "root.lower")  # entries that a spec's own replace
_MOST_MOVES = 64


class _Anew(Exception):
    """The order does not do: lay everything out again in this one."""

    def __init__(self, order: list[Entry]) -> None:
        super().__init__()
        self.order = order


def arrange(spec: Spec, facts: HostFacts) -> Layout:
    """Lay the box out.

    Targets that meet through symlinks only show it here: what would hide an earlier entry goes
    before it, and the laying out begins anew. Raises PlanError with every problem at once,
    FactMissing with every question.
    """
    order = listing.entries(spec, facts)
    moves = len(order) + _MOST_MOVES
    while True:
        try:
            return _Builder(spec, facts, order, moves).layout()
        except _Anew as anew:
            order, moves = anew.order, moves - 1


class _Builder:
    def __init__(self, spec: Spec, facts: HostFacts, order: list[Entry], moves: int) -> None:
        self.spec, self.facts, self.order, self.moves = spec, facts, order, moves
        self.problems = check_root(spec, facts)
        self.rootless = bool(self.problems)
        self.placed: list[Placed] = []
        self.places: dict[str, Entry] = {}
        self.skipped: list[Bind | File] = []
        self.tree = Tree(facts, layers.of_root(spec))
        self.points = MountPoints(spec, facts, self.tree)
        self.old_root = (spec.root.old_root or "").strip("/")
        self.alike = listing.in_place(spec)
        targets = {e.target.strip("/") for e in order if not listing.left_out(e.thing, facts)}
        self.protection = Protection(spec, facts, self.tree, frozenset(targets))

    def layout(self) -> Layout:
        """Place every entry in turn."""
        questions = list[tuple[str, str]]()
        try:
            self._protect_root()
        except FactMissing as missing:
            questions += missing.questions
        for entry in self.order:
            try:
                self.place(entry)
            except TreeError as error:
                if not self.rootless:  # no mount point is anywhere then
                    self.problem(str(error), entry, error.remedy)
            except FactMissing as missing:
                questions += missing.questions
        covering = Covering(self.spec, self.tree, self.places)
        self.problems += covering.problems
        questions += covering.questions
        if questions:
            raise FactMissing(*questions)
        if self.problems:
            raise PlanError(*self.problems)
        kept = self.protection
        watched = tuple(sorted(kept.watched.values(), key=lambda each: each.path))
        return Layout(
            tuple(self.placed), tuple(self.skipped), tuple(kept.made), watched, tuple(kept.warnings),
            tuple(covering.covers), tuple(covering.lacking),
        )  # fmt: skip

    def _protect_root(self) -> None:
        """A writable root is made for the box, but the spec and toyspec itself may lie in it."""
        layer = self.tree.root
        if layer.base is None or not layer.writable or self.spec.root.read_only:
            return
        try:
            for held in self.protection.of("", layer, project=False):
                self._guard(held, "late" if self._is_late(held.path) else "attach", None)
        except TreeError as error:
            origin = self.spec.origin("root")
            self.problems.append(PlanProblem(str(error), origin, error.remedy))

    def _guard(
        self, held: Held, stage: Stage, below: str | None, *, executable: bool = True
    ) -> None:
        guard = Guard("", "/" + held.path, held.writable, executable)
        place = Placed(Entry(guard, held.origin), held.path, held.kind, (), stage)
        self.placed.append(replace(place, below=below, source=held.source))

    def problem(self, message: str, entry: Entry, remedy: str | None = None) -> None:
        self.problems.append(PlanProblem(message, entry.origin, remedy))

    def place(self, entry: Entry) -> None:
        thing = entry.thing
        if isinstance(thing, Bind):
            self._bind(entry, thing)
        elif isinstance(thing, Mount):
            self._mount(entry, thing)
        elif isinstance(thing, File) and thing.symlink is not None:
            self._symlink(entry, thing)
        elif isinstance(thing, File) and (thing.source is None or self._can_copy(entry, thing)):
            self._file(entry, thing)

    def _bind(self, entry: Entry, bind: Bind) -> None:
        fact = self.facts.path(bind.source)
        if fact.real_kind in ("missing", "denied"):
            if bind.optional:
                self.skipped.append(bind)
            else:
                self._no_source(entry, bind, fact)
            return
        if fact.real_kind in ("character", "block") and not bind.devices:
            message = f"{bind.source} is a device, which a bind without `dev` cannot open"
            self.problem(message, entry, f"write {bind.source}:{bind.target}:dev")
            return
        if bind.writable and self.facts.uid == 0 and self._kernels(fact.real or bind.source):
            message = f"root must not bind {bind.source} writable: it shows the kernel's own files"
            self.problem(
                message, entry, "leave out `rw`: sysctls obey uid 0, whatever it may not do"
            )
            return
        if copies.of_a_process(fact.real or ""):
            message = f"{bind.source} leads to {fact.real}, which belongs to one process"
            self.problem(message, entry, "another process would be there when the box is made")
            return
        if self._same_link(bind, fact):
            link = File(bind.at, bind.target, symlink=fact.link)
            self._symlink(Entry(link, entry.origin), link)
            return
        if self._cannot_be(entry, bind):
            return
        kind: Literal["directory", "file"] = (
            "directory" if fact.real_kind == "directory" else "file"
        )
        layer = Layer("bind", fact.real or bind.source, bind.writable)
        self._attach(entry, kind, Node(kind, layer=layer))

    def _same_link(self, bind: Bind, fact: PathFact) -> bool:
        """/bin -> usr/bin on the host: the same symlink, where the box shows what it leads to."""
        if bind.source != bind.target or fact.kind != "symlink" or fact.real_kind != "directory":
            return False
        where = self.tree.resolve(bind.target, follow_last=False)
        same = where.kind == "symlink" and self.tree.look(where.path).link == fact.link
        if where.kind != "missing" and not same:
            return False
        shown = self.alike.get(listing.options(bind)) or set[str]()
        at = fact.real or ""
        while at:
            if at in shown and at != bind.source:
                return True
            at = parent(at)
        return False

    def _cannot_be(self, entry: Entry, bind: Bind) -> bool:
        """Options that this source does not let the kernel keep."""
        holder, *below = self.facts.mounts_at(bind.source)
        if not bind.recursive and below:
            point = below[0].point
            message = f"{bind.source} cannot be bound without {point}, which is mounted in it"
            remedy = "leave out `norec`: Linux lets no user namespace see what a mount hides"
            self.problem(message, entry, remedy)
            return True
        if bind.setuid and "nosuid" in holder.flags:
            message = f"{bind.source} lies in {holder.point}, which the host has mounted nosuid"
            self.problem(message, entry, "leave out `suid`: a box cannot take that away")
            return True
        return False

    def _kernels(self, real: str) -> bool:
        """Whether proc or sysfs shows at or below `real`."""
        return any(mount.type in ("proc", "sysfs") for mount in self.facts.mounts_at(real))

    def _no_source(self, entry: Entry, bind: Bind, fact: PathFact) -> None:
        if fact.denied:
            message = f"bind source {bind.source} cannot be reached: {fact.denied} may not be "
            self.problem(message + f"searched by uid {self.facts.uid} (no x)", entry)
            return
        what = "is a dangling symlink" if fact.kind == "symlink" else "does not exist"
        remedy = "make it, correct the path, or add `optional` to leave the bind out"
        remedy += volumes.instead_of(self.spec, bind)
        self.problem(f"bind source {bind.source} {what}", entry, remedy)

    def _mount(self, entry: Entry, mount: Mount) -> None:
        layer = layers.of_mount(self.facts, mount)
        self._attach(entry, "directory", Node("directory", layer=layer))
        if mount.type == "dev" and self.placed and self.placed[-1].entry is entry:
            layers.add_devices(self.tree, self.placed[-1].path)

    def _can_copy(self, entry: Entry, file: File) -> bool:
        if copies.left_out(self.facts, file):
            self.skipped.append(file)
            return False
        found = copies.problem(self.facts, file)
        if found is not None:
            self.problem(found[0], entry, found[1])
        return found is None

    def _file(self, entry: Entry, file: File) -> None:
        where = self.tree.resolve(file.target)
        kind: Literal["directory", "file"] = "directory" if file.directory else "file"
        if where.layer.kind == "own" and where.kind == "missing":
            self._own(entry, where, Node(kind), own=True)
            return
        self._attach(entry, kind, Node(kind, layer=Layer("own")))

    def _symlink(self, entry: Entry, file: File) -> None:
        where = self.tree.resolve(file.target, follow_last=False)
        if where.kind == "symlink" and self.tree.look(where.path).link == file.symlink:
            return
        if where.kind != "missing":
            message = f"{file.target} is already a {where.kind}; a symlink cannot replace it"
            self.problem(message, entry, "remove it there, or leave the entry out")
            return
        if where.layer.kind not in ("own", "root", "overlay"):
            what = "a bind" if where.layer.kind == "bind" else f"/{where.layer_at}"
            message = f"no symlink can be made at {file.target}: it would be written into {what}"
            self.problem(message, entry, "make it on the host, or choose another target")
            return
        own = self.tree.private(parent(where.path))
        self._own(entry, where, Node("symlink", link=file.symlink), own=own)

    def _own(self, entry: Entry, where: Resolved, node: Node, *, own: bool) -> None:
        makes = self.points.make(entry.target, where, None)
        self.tree.add(where.path, node)
        stage: Stage = "late" if self._is_late(where.path) else "attach"
        self._place(Placed(entry, where.path, node.kind, makes, stage, own=own))

    def _attach(self, entry: Entry, kind: Literal["directory", "file"], node: Node) -> None:
        target = entry.target
        where = self.tree.resolve(target)
        if not where.path:
            raise TreeError(f"{target} leads to the root of the box itself")
        kernel = entry.thing.type if isinstance(entry.thing, Mount) else ""
        if kernel in ("proc", "sysfs") and where.links:
            message = f"{target} goes through the symlink /{where.links[0]}"
            raise TreeError(message, "proc and sysfs are mounted on real directories only")
        if where.kind != "missing" and (where.kind == "directory") != (kind == "directory"):
            source = "the source" if isinstance(entry.thing, Bind) else "this entry"
            message = f"{target} is a {where.kind} in the box, {source} is a {kind}"
            raise TreeError(message, "a file goes onto a file, a directory onto a directory")
        if self._taken(entry, where.path):
            return
        makes = self.points.make(target, where, kind)
        below = self._below(where.path)
        stage = self._stage(where.path, kernel, below)
        self._hides_nothing(entry, where.path)
        self.tree.add(where.path, node)
        shows = isinstance(entry.thing, Bind) or kernel == "volume"
        source = node.layer.base or "" if node.layer and shows else ""
        private = self.tree.private(parent(where.path))
        placed = Placed(entry, where.path, kind, makes, stage, False, below, source, private)
        self._place(placed)
        layer = node.layer
        if (
            layer is not None
            and layer.writable
            and layer.kind in ("bind", "overlay", "volume")
            and layer.base
        ):
            project = layer.kind == "bind" and kind == "directory"
            whole = not isinstance(entry.thing, Bind) or entry.thing.executable
            for held in self.protection.of(where.path, layer, project=project):
                self._guard(held, stage, below, executable=whole)

    def _place(self, placed: Placed) -> None:
        self.placed.append(placed)
        self.places[placed.path] = placed.entry

    def _taken(self, entry: Entry, path: str) -> bool:
        """The same place twice, by different names: the spec's own entry is the one that counts."""
        other = self.places.get(path)
        if other is None:
            return False
        if entry.thing.at in _GIVEN:
            return True
        if other.thing.at in _GIVEN:
            self._again([each for each in self.order if each is not other], entry, other)
        message = f"{entry.target} leads to /{path}, where {_named(other)} is already"
        raise TreeError(message, "give the place once, by one name")

    def _hides_nothing(self, entry: Entry, path: str) -> None:
        """What came before and lies below comes after instead."""
        hidden = {id(self.places[each]) for each in self.tree.below(path) if each in self.places}
        if not hidden:
            return
        first = next(number for number, each in enumerate(self.order) if id(each) in hidden)
        order = [each for each in self.order if each is not entry]
        self._again([*order[:first], entry, *order[first:]], entry, self.order[first])

    def _again(self, order: list[Entry], entry: Entry, other: Entry) -> None:
        if self.moves > 0:
            raise _Anew(order)
        message = f"{entry.target} would hide {_named(other)}, whichever comes first"
        raise TreeError(message, "choose targets that do not lead through each other")

    def _below(self, path: str) -> str | None:
        at, layer = self.tree.layer_of(parent(path))
        while at and layer.kind != "kernel":
            at, layer = self.tree.layer_of(parent(at))
        return at if layer.kind == "kernel" else None

    def _is_late(self, path: str) -> bool:
        old = self.old_root
        return bool(old) and (path == old or path.startswith(old + "/"))

    def _stage(self, path: str, kernel: str, below: str | None) -> Stage:
        if self._is_late(path):
            if kernel in ("proc", "sysfs", "dev"):
                message = f"{kernel} cannot be at or below old_root /{self.old_root}"
                raise TreeError(message, "choose another target, or another old_root")
            return "late"
        if kernel == "dev" and below is not None and self.old_root:
            message = f"dev cannot be below /{below} where the root has an old_root"
            raise TreeError(message, "leave out old_root: the host's devices are gone by then")
        return "mounts" if kernel in ("proc", "sysfs") or below is not None else "attach"


def _named(entry: Entry) -> str:
    """An entry as messages name it."""
    origin = entry.origin
    return entry.target + (f" (line {origin.line})" if origin.line else "")
