"""Overlays: mounted in a private place, cloned, and attached like everything else.

The private place is a tmpfs that the process steps into: so the mount point, and what an overlay
in memory writes to, need no path of the host's, and the place goes again before the root comes.
`userxattr` is what overlayfs needs in a user namespace (Linux 5.11, mount_overlay(8)).
"""

from __future__ import annotations

from toyspec.host.facts import HostFacts, Needs
from toyspec.plan import calls, content, mount_calls
from toyspec.plan.box import Box
from toyspec.plan.error import PlanProblem
from toyspec.plan.writer import Writer
from toyspec.spec.model import Mount, Origin, Spec
from toyspec.values import dataclass

_SINCE = (5, 11)
_KIND_TO_TMPFS = (6, 6)  # user xattrs on tmpfs
_PAGE = 4096  # what mount(2) takes as options, with the NUL


@dataclass(frozen=True, slots=True)
class Overlay:
    """One overlay: the slot of its clone, its directories, and who asked for it."""

    slot: str
    lower: tuple[str, ...]
    upper: str | None
    work: str | None
    origin: Origin
    name: str
    executable: bool = True


def overlays(box: Box) -> list[Overlay]:
    """The box's overlays; the root's own is the slot `root`."""
    root, found = box.spec.root, list[Overlay]()
    if root.kind == "overlay" and not root.lower_host:
        origin = box.origin("root.lower")
        found.append(Overlay("root", root.lower, root.upper, root.work, origin, "the root"))
    for placed in box.layout.placed:
        thing = placed.entry.thing
        if isinstance(thing, Mount) and thing.type == "overlay":
            origin, slot = placed.entry.origin, f"tree:{thing.target}"
            layers = (thing.lower, thing.upper, thing.work)
            found.append(Overlay(slot, *layers, origin, thing.target, thing.executable))
    return found


def kept(box: Box) -> list[str]:
    """Directories on disk that overlays write to, each after what holds it."""
    named = [path for each in overlays(box) for path in (each.upper, each.work) if path]
    tops = [path for path in (box.spec.root.upper, box.spec.root.work) if path]
    return sorted({*named, *(tops if box.spec.root.lower_host else ())})


def write_overlays(w: Writer, box: Box) -> None:
    """Mount each, and keep a clone of it under its slot."""
    found = overlays(box)
    if not found:
        return
    w.about("a private place to mount overlays in", found[0].origin)
    content.tmpfs(w, "stage", "0755")
    w.do(calls.fchdir("stage"), "names from here on are those of the private place")
    for number, overlay in enumerate(found, 1):
        _one(w, overlay, number)
    w.about("the private place goes, its overlays stay", found[0].origin)
    gone = mount_calls.umount2(".", "MNT_DETACH")
    w.do(gone, "nothing may lie over / at the pivot: that, not the host's tree, would be detached")
    w.do(calls.close("stage"), "done with it")


def _one(w: Writer, overlay: Overlay, number: int) -> None:
    where = f"writes to {overlay.upper}" if overlay.upper else "writes to memory"
    w.about(f"overlay for {overlay.name}: {_listed(overlay.lower)}, {where}", overlay.origin)
    upper, work = overlay.upper, overlay.work
    if upper is None or work is None:
        upper, work = f"upper{number}", f"work{number}"
        for name in (upper, work):
            w.do(calls.mkdirat("stage", name, 0o755), "in memory, gone with the box")
        upper_option, work_option = upper, work
    else:
        upper_option, work_option = _escaped(upper), _escaped(work)
    point = f"overlay{number}"
    w.do(calls.mkdirat("stage", point, 0o755), "the mount point")
    data = options(overlay.lower, upper_option, work_option)
    flags = ("MS_NOSUID", "MS_NODEV") + (() if overlay.executable else ("MS_NOEXEC",))
    made = mount_calls.mount("overlay", point, "overlay", flags, data)
    w.do(made, "the directories as one, what is written kept apart")
    clone = mount_calls.open_tree_clone("stage", point, recursive=False)
    w.do(clone, "a mount of it that is attached nowhere yet", yields=overlay.slot)


def options(lower: tuple[str, ...], upper: str, work: str) -> str:
    """The mount options; `upper` and `work` are escaped already, or relative."""
    layers = ":".join(_escaped(path) for path in lower)
    return f"lowerdir={layers},upperdir={upper},workdir={work},userxattr,index=off,metacopy=off"


def _escaped(path: str) -> str:
    r"""overlayfs takes `:` and `,` for separators, and `\\` for the escape."""
    for mark in ("\\", ":", ","):
        path = path.replace(mark, "\\" + mark)
    return path


def _listed(lower: tuple[str, ...]) -> str:
    return " over ".join(lower)


def _wanted(spec: Spec) -> list[tuple[str, tuple[str, ...], str | None, str | None]]:
    found = [(m.at, m.lower, m.upper, m.work) for m in spec.mounts if m.type == "overlay"]
    if spec.root.kind == "overlay":
        found.append(("root", spec.root.lower, spec.root.upper, spec.root.work))
    return found


def needs(spec: Spec) -> Needs:
    """The layers, and what holds the directories that are written to."""
    paths = {"/"}
    for _, lower, upper, work in _wanted(spec):
        for path in (*lower, *(each for each in (upper, work) if each)):
            parts = path.split("/")
            paths.update("/".join(parts[:count]) for count in range(2, len(parts) + 1))
    return Needs(paths=frozenset(paths))


def check(spec: Spec, facts: HostFacts) -> list[PlanProblem]:
    """What the host, or the directories, do not allow."""
    found: list[PlanProblem] = []
    wanted = _wanted(spec)
    if wanted and release(facts.kernel) < _SINCE:
        message = f"overlays in a user namespace need Linux 5.11, this is {facts.kernel}"
        remedy = "use a directory root or a tmpfs"
        return [PlanProblem(message, spec.origin(wanted[0][0]), remedy)]
    for at, lower, upper, work in wanted:
        origin = spec.origin(f"{at}.lower")
        for path in lower:
            kind = facts.path(path).real_kind
            if kind != "directory":
                what = "does not exist" if kind == "missing" else f"is a {kind}, not a directory"
                found.append(
                    PlanProblem(f"overlay layer {path} {what}", origin, "correct the path")
                )
        if upper is None or work is None:
            continue
        for path in (upper, work):
            if path == f"{upper}.work" and any(_inside(upper, each) for each in lower):
                continue  # the default beside an `upper` that is told already
            for other in (*lower, *({upper, work} - {path})):
                if _inside(path, other):
                    message = f"{path} lies in {other}: an overlay cannot write into its own layers"
                    found.append(
                        PlanProblem(message, spec.origin(f"{at}.upper"), "keep them apart")
                    )
        found += _unwritable(spec, facts, at, (upper, work))
        if len(options(lower, _escaped(upper), _escaped(work)).encode()) >= _PAGE:
            message = "the overlay's paths are longer than a mount's options can be (4095 bytes)"
            found.append(PlanProblem(message, origin, "use shorter paths, or fewer layers"))
    return found


def _inside(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory + "/")


def _unwritable(spec: Spec, facts: HostFacts, at: str, paths: tuple[str, str]) -> list[PlanProblem]:
    for path in paths:
        fact = facts.path(path)
        above = facts.path(path.rpartition("/")[0] or "/")
        holder = fact if fact.kind != "missing" else above
        if holder.kind == "missing":
            continue
        if not holder.writable:
            message = f"overlay directory {path} cannot be written by uid {facts.uid}"
            remedy = "choose a directory of your own, or leave `upper` out"
            return [PlanProblem(message, spec.origin(f"{at}.upper"), remedy)]
    return []


def warnings(spec: Spec, facts: HostFacts) -> tuple[str, ...]:
    """What an overlay in memory cannot do on older kernels."""
    memory = [each for each in spec.mounts if each.lower and each.upper is None]
    if (memory or (spec.root.kind == "overlay" and spec.root.upper is None)) and release(
        facts.kernel
    ) < _KIND_TO_TMPFS:
        return (
            "an overlay in memory on a kernel before 6.6 cannot remove a lower directory and make "
            "it anew (EIO): give it an `upper` on disk",
        )
    return ()


def release(text: str) -> tuple[int, int]:
    """A kernel's release as far as it is compared: `6.12.0-1-amd64` is (6, 12)."""
    parts = text.split("-", 1)[0].split(".")
    numbers = [int(part) if part.isdigit() else 0 for part in parts[:2]]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)
