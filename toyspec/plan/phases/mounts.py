"""mounts: proc and sysfs, made by PID 1 while the old root and its proc are still in sight."""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import attaching, calls, masking, masks, sysctls
from toyspec.plan.box import Box
from toyspec.plan.step import Step
from toyspec.plan.writer import Writer
from toyspec.spec.model import Mount, Spec


def needs(spec: Spec) -> Needs:
    """Which of proc's files this kernel has, in case root runs the box."""
    return masking.needs(spec)


def steps(box: Box) -> list[Step]:
    """Each by descriptor; what lies below one is resolved from that filesystem's own."""
    w = Writer("mounts", "init")
    sysctls.require_proc(box)
    waiting = box.layout.of("mounts")
    kept = list[str]()
    for placed in waiting:
        thing = placed.entry.thing
        if not isinstance(thing, Mount) or thing.type not in ("proc", "sysfs"):
            attaching.put(w, box, placed)
            continue
        guarded = box.real_root and not thing.subset
        written = sysctls.is_written_here(box, placed.path)
        keep = guarded or written or placed.path in masks.kernels(box)
        keep = keep or any(other.below == placed.path for other in waiting)
        if placed.below is not None or not box.spec.root.old_root:
            attaching.open_kernel_target(w, placed)
        attaching.mount_kernel(w, box, placed, keep=keep)
        if written:
            sysctls.write(w, box, placed.path)
        if guarded:
            guard = masking.guard if thing.type == "proc" else masking.guard_sys
            guard(w, box, placed.path)
        kept += [placed.path] if keep else []
    masks.cover_kernel(w, box)
    for path in kept:
        w.about(f"done below /{path}")
        w.do(calls.close(f"kernel:{path}"), "done with it")
    return w.steps
