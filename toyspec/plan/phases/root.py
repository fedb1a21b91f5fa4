"""root: what the box will see as `/`.

It is attached over `/`, where it hides no source: absolute paths go on resolving in the host's
tree, because the process's root directory is the mount below.
"""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import calls, content, mount_calls
from toyspec.plan.attributes import restrict
from toyspec.plan.box import Box
from toyspec.plan.step import Step
from toyspec.plan.writer import Writer
from toyspec.spec.model import Spec


def needs(spec: Spec) -> Needs:
    """The mounts at and below a directory root."""
    return Needs(mounts=frozenset((spec.root.path,))) if spec.root.path else Needs()


def steps(box: Box) -> list[Step]:
    """A tmpfs, or a private clone of the directory's mounts; then the way into it."""
    w = Writer("root", "setup")
    content.write_scratch(w, box)
    root = box.spec.root
    origin = box.origin("root")
    if root.path is None:
        w.about("an empty root in memory", origin)
        content.tmpfs(w, "root", "0755")
    else:
        w.about(f"root directory {root.path}", box.origin("root.path"))
        w.do(
            mount_calls.open_tree_clone(calls.CWD, root.path),
            "the directory as a mount of the box's own, as pivot_root demands",
            yields="root",
        )
        if box.facts.feature("mount_setattr"):
            attributes = ("MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NODEV")
            w.do(mount_calls.mount_setattr("root", *attributes), "no setuid, no devices from there")
        w.do(
            mount_calls.move_mount("root", calls.CWD, "/"),
            "attached over /, where it hides nothing",
        )
    w.do(calls.fchdir("root"), "the box's root is where pivot_root will look for it")
    if root.path is not None and not box.facts.feature("mount_setattr"):
        restrict(w, box, "root", "", root.path, read_only=False, devices=False)
        w.do(calls.fchdir("root"), "back to the box's root")
    return w.steps
