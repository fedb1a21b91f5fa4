"""attach: everything that has a target, save what needs the box's own processes."""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import (
    attaching,
    filesystems,
    layout,
    masking,
    masks,
    protection,
    together,
    volumes,
)
from toyspec.plan.box import Box
from toyspec.plan.making import make
from toyspec.plan.step import Step
from toyspec.plan.writer import Writer
from toyspec.spec.model import Mount, Spec


def needs(spec: Spec) -> Needs:
    """Sources, targets and devices."""
    wanted = layout.needs(spec) | filesystems.needs(spec) | volumes.needs(spec)
    wanted |= protection.needs(spec)
    devices = frozenset(f"/dev/{name}" for name, _ in layout.DEVICES)
    dev = any(mount.type == "dev" for mount in spec.mounts) or spec.system == "host"
    return wanted | Needs(mounts=devices if dev else frozenset())


def steps(box: Box) -> list[Step]:
    """Binds that are closed together, then the rest in the layout's order; what comes later still
    has its source cloned now.

    With an old_root, the targets of proc and sysfs are opened here too: once the old root hangs
    inside the new one, no name may be resolved until it is gone.
    """
    w = Writer("attach", "setup")
    alike = together.together(box)
    made = together.attach(w, box, alike) if alike else set[str]()
    done = {placed.path for placed in alike}
    for placed in box.layout.placed:
        if placed.path in done:
            continue
        if placed.stage == "attach":
            attaching.attach(w, box, placed, made)
            continue
        attaching.prepare(w, box, placed)
        thing = placed.entry.thing
        if box.real_root and isinstance(thing, Mount) and thing.type == "proc" and not thing.subset:
            masking.clone_nulls(w, box, placed.path)
        if placed.stage == "mounts" and placed.below is None:
            w.about(attaching.describe(placed), placed.entry.origin)
            for wanted in placed.makes:
                if wanted.path not in made:
                    make(w, wanted, ("root", ""))
            if box.spec.root.old_root and isinstance(thing, Mount):
                attaching.open_kernel_target(w, placed)
    masks.cover_attached(w, box)
    return w.steps
