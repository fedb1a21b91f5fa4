"""The box laid out on this host: where every entry goes, what has to be made for it, and when.

Each entry is resolved in the tree as it will stand when its turn comes, so that a plan names the
real place of every target, and so that what cannot work is said before anything runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toyspec.host.facts import FactMissing, HostFacts, Kind, Needs, PathFact
from toyspec.plan import entries as listing
from toyspec.plan.entries import Entry
from toyspec.plan.error import PlanError, PlanProblem
from toyspec.plan.tree import Layer, Node, Resolved, Tree, TreeError, join, parent
from toyspec.spec.model import Bind, File, Mount, Spec

Stage = Literal["attach", "mounts", "late"]
DEVICES = (
    ("null", "1:3"), ("zero", "1:5"), ("full", "1:7"),
    ("random", "1:8"), ("urandom", "1:9"), ("tty", "5:0"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Make:
    """A mount point that has to be made: an empty directory or file at `path` in the box.

    `before`: made before the namespaces, in a directory root that the caller owns. `own`: its
    directory belongs to the plan alone, so that nobody can have put a symlink on the way.
    """

    path: str
    kind: Literal["directory", "file"]
    before: bool
    own: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry, where it goes (`path`, relative to the box's root), and how.

    `kind` is what its target is (a mount's is `directory`). `own`: it is made in place, in a
    filesystem of the box's own. `below` is the kernel filesystem (proc, sysfs) that it lies in.
    """

    entry: Entry
    path: str
    kind: Kind
    makes: tuple[Make, ...]
    stage: Stage
    own: bool = False
    below: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """All of it, in order, and what was left out (optional binds without a source)."""

    placed: tuple[Placed, ...]
    skipped: tuple[Bind, ...]

    def of(self, stage: Stage) -> list[Placed]:
        """What is attached at `stage`."""
        return [placed for placed in self.placed if placed.stage == stage]


def needs(spec: Spec) -> Needs:
    """What the layout asks of the host: sources, and each target inside what is shown there."""
    wanted = listing.needs(spec)
    paths = {f"/dev/{name}" for name, _ in DEVICES}
    things: list[Bind | Mount | File] = [*spec.binds, *spec.mounts, *spec.files]
    targets = [thing.target for thing in things]
    if spec.system == "host":
        targets += ["/etc", "/dev", "/proc", "/tmp"]
    if spec.root.path is not None:
        paths.update(_walk("", [spec.root.path]))
        paths.update(_walk(spec.root.path, targets))
        if spec.root.old_root:
            paths.update(_walk(spec.root.path, [spec.root.old_root]))
    for bind in spec.binds:
        inside = [t[len(bind.target) :] for t in targets if t.startswith(bind.target + "/")]
        paths.update(_walk(bind.source, inside))
    return wanted | Needs(paths=frozenset(paths))


def _walk(base: str, targets: list[str]) -> set[str]:
    found = set[str]()
    for target in targets:
        path = base.rstrip("/")
        for part in target.strip("/").split("/"):
            path = f"{path}/{part}"
            found.add(path)
    return found


def arrange(spec: Spec, facts: HostFacts) -> Layout:
    """Lay the box out; raises PlanError with every problem at once."""
    builder = _Builder(spec, facts)
    for entry in listing.entries(spec, facts):
        try:
            builder.place(entry)
        except TreeError as error:
            builder.problem(str(error), entry)
    if builder.problems:
        raise PlanError(*builder.problems)
    return Layout(tuple(builder.placed), tuple(builder.skipped))


class _Builder:
    def __init__(self, spec: Spec, facts: HostFacts) -> None:
        self.spec, self.facts = spec, facts
        self.problems: list[PlanProblem] = []
        self.placed: list[Placed] = []
        self.skipped: list[Bind] = []
        base = spec.root.path
        self.tree = Tree(facts, Layer("root", base) if base else Layer("own"))
        self.old_root = (spec.root.old_root or "").strip("/")
        if base:
            self._check_root(base)
        if self.old_root:
            self._old_root(base or "")

    def problem(self, message: str, entry: Entry, remedy: str | None = None) -> None:
        self.problems.append(PlanProblem(message, entry.origin, remedy))

    def _check_root(self, base: str) -> None:
        fact, origin = self.facts.path(base), self.spec.origin("root.path")
        if fact.denied:
            why = f"the directory {fact.denied} may not be searched by uid {self.facts.uid}"
            self.problems.append(PlanProblem(f"root {base} cannot be reached: {why}", origin))
        elif fact.real_kind == "missing" and not self.spec.root.create:
            remedy = "make the directory, or say `create: true` to have it made"
            self.problems.append(PlanProblem(f"root {base} does not exist", origin, remedy))
        elif fact.real_kind not in ("missing", "directory"):
            message = f"root {base} is a {fact.real_kind}, not a directory"
            self.problems.append(PlanProblem(message, origin))

    def _old_root(self, base: str) -> None:
        """The seed's own pivot needs a real directory: a symlink there leads into the host."""
        origin = self.spec.origin("root.old_root")
        if "/" in self.old_root:
            message = f"old_root /{self.old_root} is not directly below the root"
            self.problems.append(PlanProblem(message, origin, "name one directory, like /tmp"))
            return
        kind = self.facts.path(f"{base}/{self.old_root}").kind
        if kind not in ("directory", "missing"):
            message = f"old_root /{self.old_root} is a {kind} in {base}, not a real directory"
            remedy = "move it away: an old root behind a symlink would be the host's"
            self.problems.append(PlanProblem(message, origin, remedy))

    def place(self, entry: Entry) -> None:
        thing = entry.thing
        if isinstance(thing, Bind):
            self._bind(entry, thing)
        elif isinstance(thing, Mount):
            self._mount(entry, thing)
        elif thing.symlink is not None:
            self._symlink(entry, thing)
        else:
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
        if self._same_link(bind, fact):
            link = File(bind.at, bind.target, symlink=fact.link)
            self._symlink(Entry(link, entry.origin), link)
            return
        kind: Kind = "directory" if fact.real_kind == "directory" else "file"
        layer = Layer("bind", fact.real or bind.source, bind.writable)
        self._attach(entry, kind, Node(kind, layer=layer))

    def _same_link(self, bind: Bind, fact: PathFact) -> bool:
        """/bin -> usr/bin on the host: the same symlink, where the box shows what it leads to."""
        if bind.source != bind.target or fact.kind != "symlink" or fact.real_kind != "directory":
            return False
        if self.tree.resolve(bind.target, follow_last=False).kind != "missing":
            return False
        own = [b for b in self.spec.binds if b.source == b.target and b != bind]
        shown = {b.source for b in own} | ({"/usr"} if self.spec.system == "host" else set())
        real = fact.real or ""
        return any(real == path or real.startswith(path + "/") for path in shown)

    def _no_source(self, entry: Entry, bind: Bind, fact: PathFact) -> None:
        if fact.denied:
            message = f"bind source {bind.source} cannot be reached: {fact.denied} may not be "
            self.problem(message + f"searched by uid {self.facts.uid} (no x)", entry)
            return
        what = "is a dangling symlink" if fact.kind == "symlink" else "does not exist"
        remedy = "make it, correct the path, or add `optional` to leave the bind out"
        self.problem(f"bind source {bind.source} {what}", entry, remedy)

    def _mount(self, entry: Entry, mount: Mount) -> None:
        if mount.type in ("proc", "sysfs"):
            base = "/proc" if mount.type == "proc" else "/sys"
            layer = Layer("kernel", base, writable=mount.type == "proc")
        else:
            layer = Layer("own")
        self._attach(entry, "directory", Node("directory", layer=layer))
        if mount.type == "dev" and self.placed and self.placed[-1].entry is entry:
            self._devices(self.placed[-1].path)

    def _devices(self, path: str) -> None:
        add = self.tree.add
        for name, _ in DEVICES:
            if self.facts.path(f"/dev/{name}").kind == "character":
                add(join(path, name), Node("character"))
        for name, text in DEVICE_LINKS:
            add(join(path, name), Node("symlink", link=text))
        for name in ("pts", "shm"):
            add(join(path, name), Node("directory", layer=Layer("own")))

    def _file(self, entry: Entry, file: File) -> None:
        where = self.tree.resolve(file.target)
        if where.layer.kind == "own" and where.kind == "missing":
            self._own(entry, where, Node("file"))
            return
        self._attach(entry, "file", Node("file", layer=Layer("own")))

    def _symlink(self, entry: Entry, file: File) -> None:
        where = self.tree.resolve(file.target, follow_last=False)
        if where.kind == "symlink" and self.tree.look(where.path).link == file.symlink:
            return
        if where.kind != "missing":
            message = f"{file.target} is already a {where.kind}; a symlink cannot replace it"
            self.problem(message, entry, "remove it there, or leave the entry out")
            return
        if where.layer.kind not in ("own", "root"):
            what = "a bind" if where.layer.kind == "bind" else f"/{where.layer_at}"
            message = f"no symlink can be made at {file.target}: it would be written into {what}"
            self.problem(message, entry, "make it on the host, or choose another target")
            return
        self._own(entry, where, Node("symlink", link=file.symlink))

    def _own(self, entry: Entry, where: Resolved, node: Node) -> None:
        makes = self._makes(entry, where, "directory", last=False)
        if makes is None:
            return
        self.tree.add(where.path, node)
        stage: Stage = "late" if self._is_late(where.path) else "attach"
        self.placed.append(
            Placed(entry, where.path, node.kind, makes, stage, own=where.layer.kind == "own")
        )

    def _attach(self, entry: Entry, kind: Kind, node: Node) -> None:
        target = entry.target
        where = self.tree.resolve(target)
        if not where.path:
            self.problem(f"{target} leads to the root of the box itself", entry)
            return
        kernel = entry.thing.type if isinstance(entry.thing, Mount) else ""
        if kernel in ("proc", "sysfs") and where.links:
            message = f"{target} goes through the symlink /{where.links[0]}"
            self.problem(message, entry, "proc and sysfs are mounted on real directories only")
            return
        is_directory = where.kind == "directory"
        if where.kind != "missing" and is_directory != (kind == "directory"):
            message = f"{target} is a {where.kind} in the box, the source is a {kind}"
            self.problem(
                message, entry, "a file is bound onto a file, a directory onto a directory"
            )
            return
        makes = self._makes(entry, where, "directory" if kind == "directory" else "file", last=True)
        if makes is None:
            return
        below = self._below(where.path)
        stage = self._stage(entry, where.path, kernel, below)
        if stage is None:
            return
        self.tree.add(where.path, node)
        self.placed.append(Placed(entry, where.path, kind, makes, stage, below=below))

    def _below(self, path: str) -> str | None:
        at, layer = self.tree.layer_of(parent(path))
        while at and layer.kind != "kernel":
            at, layer = self.tree.layer_of(parent(at))
        return at if layer.kind == "kernel" else None

    def _is_late(self, path: str) -> bool:
        old = self.old_root
        return bool(old) and (path == old or path.startswith(old + "/"))

    def _stage(self, entry: Entry, path: str, kernel: str, below: str | None) -> Stage | None:
        if self._is_late(path):
            if kernel in ("proc", "sysfs", "dev"):
                message = f"{kernel} cannot be at or below old_root /{self.old_root}"
                self.problem(message, entry, "choose another target, or another old_root")
                return None
            return "late"
        return "mounts" if kernel in ("proc", "sysfs") or below is not None else "attach"

    def _makes(
        self, entry: Entry, where: Resolved, final: Literal["directory", "file"], *, last: bool
    ) -> tuple[Make, ...] | None:
        """What has to be made on the way to `where`; None where it cannot, which is said."""
        missing = where.missing if last else where.missing[:-1]
        made = where.layer
        if made.kind == "kernel" and where.missing:
            self.problem(
                f"{entry.target} is not in /{where.layer_at}, whose names are the kernel's", entry
            )
            return None
        before = False
        if missing and made.kind in ("bind", "root"):
            existing = self.tree.host_path(parent(missing[0])) or ""
            fact = self.facts.path(existing)
            creating = made.kind == "root" and self.spec.root.create and fact.kind == "missing"
            before = made.kind == "root" and (fact.uid == self.facts.uid or creating)
            if not made.writable or not (fact.writable or creating):
                self._cannot_make(entry, missing[0], existing, made)
                return None
        makes = []
        for path in missing:
            ending: Literal["directory", "file"] = "directory" if path != missing[-1] else final
            ending = ending if last else "directory"
            makes.append(Make(path, ending, before, made.kind == "own"))
            self.tree.add(path, Node(ending))
        return tuple(makes)

    def _cannot_make(self, entry: Entry, path: str, existing: str, layer: Layer) -> None:
        if layer.kind == "bind" and not layer.writable:
            why = f"{existing} is bound read-only"
            remedy = f"make the empty mount point {existing}/{path.rpartition('/')[2]} on the host"
        else:
            why = f"{existing} cannot be written by uid {self.facts.uid}"
            remedy = "make the mount point there as its owner, or choose another target"
        self.problem(f"there is no /{path} to mount {entry.target} on, and {why}", entry, remedy)


DEVICE_LINKS = (
    ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
)  # fmt: skip

__all__ = ["DEVICES", "DEVICE_LINKS", "FactMissing", "Layout", "Make", "Placed", "arrange", "needs"]
