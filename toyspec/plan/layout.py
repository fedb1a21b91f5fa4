"""The box laid out on this host, as values: where every entry goes, what is made for it, and when.

`arrange` fills them in.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Literal

from toyspec.host.facts import Kind, Needs
from toyspec.plan import entries as listing
from toyspec.plan.entries import Entry
from toyspec.plan.step import Watched
from toyspec.spec.model import Bind, File, Mount, Origin, Spec
from toyspec.values import dataclass

Stage = Literal["attach", "mounts", "late"]
DEVICES = (
    ("null", "1:3"), ("zero", "1:5"), ("full", "1:7"),
    ("random", "1:8"), ("urandom", "1:9"), ("tty", "5:0"),
)  # fmt: skip
DEVICE_LINKS = (
    ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Make:
    """A mount point that has to be made: an empty directory or file at `path` in the box.

    `before`: made before the namespaces, in a directory root that the caller owns. `own`: the way
    there belongs to the plan alone, so that nobody can put a symlink on it, not even in a race.
    """

    path: str
    kind: Literal["directory", "file"]
    before: bool
    own: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry, where it goes (`path`, relative to the box's root), and how.

    `kind` is what its target is (a mount's is `directory`). `own`: it is made in place, a file in
    a filesystem of the box's own, a symlink where the whole way there is the plan's alone.
    `below` is the kernel filesystem (proc, sysfs) that it lies in. `source` is a bind's real path
    on the host, without symbolic links. `private`: the directory that `path` lies in is in
    filesystems that only the plan writes to.
    """

    entry: Entry
    path: str
    kind: Kind
    makes: tuple[Make, ...]
    stage: Stage
    own: bool = False
    below: str | None = None
    source: str = ""
    private: bool = False


@dataclass(frozen=True, slots=True)
class Cover:
    """A path of the box that is hidden (`masked`) or read-only: as asked, and where it leads.

    `below` is the kernel filesystem (proc, sysfs) that it lies in.
    """

    asked: str
    path: str
    kind: Kind
    masked: bool
    origin: Origin
    below: str | None


@dataclass(frozen=True, slots=True)
class Layout:
    """All of it, in order, and what was left out (optional binds and copies without a source).

    `made` are directories of toyspec's own, missing on the host, that have to be there to be
    protected; `watched` is what cannot be, `remarks` says why.
    `covers` are put over it at the end; `uncovered` are paths, each with its key, of which the box
    has none.
    """

    placed: tuple[Placed, ...]
    skipped: tuple[Bind | File, ...]
    made: tuple[str, ...] = ()
    watched: tuple[Watched, ...] = ()
    remarks: tuple[str, ...] = ()
    covers: tuple[Cover, ...] = ()
    uncovered: tuple[tuple[str, str], ...] = ()

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
    targets.sort()
    for bind in spec.binds:
        above = bind.target + "/"
        first = bisect_left(targets, above)
        inside = targets[first : bisect_left(targets, bind.target + "0", first)]  # after `/` is `0`
        paths.update(_walk(bind.source, [target[len(above) :] for target in inside]))
    return wanted | Needs(paths=frozenset(paths))


def _walk(base: str, targets: list[str]) -> set[str]:
    found = set[str]()
    for target in targets:
        path = base.rstrip("/")
        for part in target.strip("/").split("/"):
            path = f"{path}/{part}"
            found.add(path)
    return found
