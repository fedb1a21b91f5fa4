"""seal: nothing of the host's tree is left, and the root is read-only if the spec says so."""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import attaching, calls, filesystems, mount_calls
from toyspec.plan.attributes import inherited, remount
from toyspec.plan.box import Box
from toyspec.plan.layout import Placed
from toyspec.plan.phases.pivot import prove_gone
from toyspec.plan.step import Step
from toyspec.plan.writer import Writer
from toyspec.spec.model import Mount, Spec


def needs(spec: Spec) -> Needs:
    """Nothing beyond the layout's."""
    return Needs()


def steps(box: Box) -> list[Step]:
    """The old root goes (where it was kept in sight), what belongs in its place comes."""
    w = Writer("seal", "init")
    root = box.spec.root
    if root.old_root:
        name = root.old_root.strip("/")
        w.about(f"the old root at /{name} goes", box.origin("root.old_root"))
        gone = mount_calls.umount2(name, "MNT_DETACH", "UMOUNT_NOFOLLOW")
        w.do(gone, "the host's tree is gone from the box")
        prove_gone(w, name)
        for placed in box.layout.of("late"):
            attaching.put(w, box, placed)
    for placed in box.layout.placed:
        thing = placed.entry.thing
        if isinstance(thing, Mount) and filesystems.closed_at_the_end(thing):
            w.about(attaching.describe(placed), placed.entry.origin)
            _close(w, box, placed, thing)
    if root.read_only and root.kind != "host":
        w.about("root read-only", box.origin("root.read_only"))
        _read_only(w, box)
    return w.steps


def _close(w: Writer, box: Box, placed: Placed, mount: Mount) -> None:
    """One mount read-only, now that all that lies in it is there."""
    if box.facts.feature("mount_setattr"):
        opened = calls.openat2("root", placed.path, "O_PATH", "O_DIRECTORY", resolve=calls.NO_LINKS)
        w.do(opened, "the mount itself, in the finished box", yields="inside")
        closed = mount_calls.mount_setattr("inside", "MOUNT_ATTR_RDONLY", recursive=False)
        w.do(closed, "what is mounted in it keeps its mode")
        w.do(calls.close("inside"), "done with it")
        return
    flags = ["MS_REMOUNT", "MS_BIND", "MS_RDONLY", "MS_NOSUID"]
    flags += [] if mount.type == "dev" else ["MS_NODEV"]
    flags += [] if mount.executable and mount.type not in ("dev", "proc") else ["MS_NOEXEC"]
    remount(w, "root", placed.path, tuple(flags), directory=True)
    w.do(calls.fchdir("root"), "back to the box's root")


def _read_only(w: Writer, box: Box) -> None:
    if box.facts.feature("mount_setattr"):
        attributes = mount_calls.mount_setattr("root", "MOUNT_ATTR_RDONLY", recursive=False)
        w.do(attributes, "its own mount only: what is mounted below keeps its mode")
        return
    path = box.spec.root.path
    flags = {"MS_NOSUID", "MS_NODEV"}
    if path is not None:
        flags |= inherited(box.facts.mounts_at(path)[0])
    remount(w, "root", "", ("MS_REMOUNT", "MS_BIND", "MS_RDONLY", *sorted(flags)), directory=True)
