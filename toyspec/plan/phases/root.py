"""root: what the box will see as `/`.

It is attached over `/`, where it hides no source: absolute paths go on resolving in the host's
tree, because the process's root directory is the mount below.
"""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import attaching, calls, content, mount_calls, overlays
from toyspec.plan.attributes import restrict
from toyspec.plan.box import Box
from toyspec.plan.overlays import write_overlays
from toyspec.plan.sources import clone, real_path
from toyspec.plan.step import Step
from toyspec.plan.writer import Writer
from toyspec.spec.model import Spec


def needs(spec: Spec) -> Needs:
    """The mounts at and below a directory root, or below `/`."""
    if spec.root.kind == "host":
        return Needs(mounts=frozenset(("/",)))
    if spec.root.kind == "overlay" or any(mount.type == "overlay" for mount in spec.mounts):
        return overlays.needs(spec)
    return Needs(mounts=frozenset((spec.root.path,))) if spec.root.path else Needs()


def steps(box: Box) -> list[Step]:
    """A tmpfs, or a private clone of the directory's mounts; then the way into it."""
    w = Writer("root", "setup")
    for placed in box.layout.placed:
        attaching.prepare(w, box, placed)
    content.write_scratch(w, box)
    write_overlays(w, box)
    root = box.spec.root
    origin = box.origin("root")
    if root.kind == "overlay" and not root.lower_host:
        w.about("the overlay is the box's root", origin)
        over = mount_calls.move_mount("root", calls.CWD, "/")
        w.do(over, "attached over /, where it hides nothing")
    elif root.kind == "host":
        _host(w, box)
    elif root.path is None:
        w.about("an empty root in memory", origin)
        content.tmpfs(w, "root", "0755", root.size)
    else:
        real = real_path(box.facts, root.path)
        purpose = "a mount of the box's own, as pivot_root demands"
        w.about(f"root directory {real}", box.origin("root.path"), purpose=purpose)
        clone(w, real, "root")
        if box.facts.feature("mount_setattr"):
            _attributes(w, box, real)
        w.do(
            mount_calls.move_mount("root", calls.CWD, "/"),
            "attached over /, where it hides nothing",
        )
    w.do(calls.fchdir("root"), "the box's root is where pivot_root will look for it")
    if root.path is not None and not box.facts.feature("mount_setattr"):
        real = real_path(box.facts, root.path)
        restrict(w, box, "root", "", real, read_only=root.read_only, devices=False, top=False)
        w.do(calls.fchdir("root"), "back to the box's root")
    return w.steps


def _host(w: Writer, box: Box) -> None:
    """Everything of the host's, read-only: what must not show is covered by what is attached."""
    w.about("the host's own tree, read-only", box.origin("root.type"))
    clone = mount_calls.open_tree_clone(calls.CWD, "/")
    w.do(clone, "a private clone of / and of every mount below it", yields="root")
    modern = box.facts.feature("mount_setattr")
    if modern:
        attributes = ("MOUNT_ATTR_RDONLY", "MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NODEV")
        w.do(mount_calls.mount_setattr("root", *attributes), "all of it, in one call")
    over = mount_calls.move_mount("root", calls.CWD, "/")
    w.do(over, "attached over /, where it hides nothing")
    if not modern:
        w.do(calls.fchdir("root"), "the root, to step on from")
        restrict(w, box, "root", "", "/", read_only=True, devices=False)


def _attributes(w: Writer, box: Box, real: str) -> None:
    """No setuid, no devices; with `read_only` the mounts below, too.

    Its own mount is closed last, once mount points have been made in it.
    """
    attributes = ["MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NODEV"]
    attributes += ["MOUNT_ATTR_RDONLY"] if box.spec.root.read_only else []
    why = "no setuid, no devices from there" + (", nothing written" * box.spec.root.read_only)
    w.do(mount_calls.mount_setattr("root", *attributes), why)
    if box.spec.root.read_only and "ro" not in box.facts.mounts_at(real)[0].flags:
        opened = mount_calls.mount_setattr("root", "MOUNT_ATTR_RDONLY", recursive=False, clear=True)
        w.do(opened, "its own mount may take mount points yet; it is closed at the end")
