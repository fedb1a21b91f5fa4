"""`masked_paths` and `read_only_paths`: what is hidden or closed after everything is in its place.

They come last, over whatever the entries put there. Each is found inside the root by descriptor, and
below a proc or sysfs from that filesystem's own. What root's own boxes always have is in `masking`.
"""

from __future__ import annotations

from toyspec.host.facts import HostFacts
from toyspec.plan import calls, mount_calls
from toyspec.plan.attributes import restrict
from toyspec.plan.box import Box
from toyspec.plan.error import PlanProblem
from toyspec.plan.layout import Cover
from toyspec.plan.masking import EMPTY_FLAGS, NULL, clone_null
from toyspec.plan.writer import Writer
from toyspec.spec.model import Bind, Spec


def check(spec: Spec, facts: HostFacts) -> list[PlanProblem]:
    """Linux before 5.12 cannot close a mount of which no flags are known."""
    if not spec.read_only_paths or facts.feature("mount_setattr"):
        return []
    message = f"read_only_paths takes mount_setattr(2), Linux 5.12; this is {facts.kernel}"
    return [PlanProblem(message, spec.origin("read_only_paths"), "leave it out")]


def kernels(box: Box) -> set[str]:
    """The proc and sysfs mounts in which something is covered."""
    return {cover.below for cover in box.layout.covers if cover.below is not None}


def cover_attached(w: Writer, box: Box) -> None:
    """All of them but those below a proc or sysfs, for which only null devices are kept ready."""
    for number, cover in enumerate(box.layout.covers):
        if cover.masked and cover.kind != "directory":
            _about(w, cover)
            clone_null(w, box, _null(number), f"to hide {cover.asked} with")
        if cover.below is None:
            _cover(w, box, number, cover, "root", cover.path)


def cover_kernel(w: Writer, box: Box) -> None:
    """The rest, by the descriptors of these filesystems."""
    for number, cover in enumerate(box.layout.covers):
        if cover.below is not None:
            path = cover.path[len(cover.below) :].strip("/")
            _cover(w, box, number, cover, f"kernel:{cover.below}", path)


def warnings(box: Box) -> list[str]:
    """What is not there, and what a name alone does not hold."""
    found = []
    for key, path in box.layout.uncovered:
        if f"{key}[0]" in box.spec.origins:
            found.append(f"{key}: {path} is not in the box, so nothing is put there")
    writable = {
        placed.path
        for placed in box.layout.placed
        if isinstance(placed.entry.thing, Bind) and placed.entry.thing.writable
    }
    for cover in box.layout.covers:
        if not cover.masked and not writable.isdisjoint(_above(cover.path)):
            found.append(
                f"read_only_paths: {cover.asked} lies in a writable bind: what is there cannot be "
                "written, but a directory above it can be renamed and another put in its place"
            )
    return found


def _above(path: str) -> list[str]:
    """The directories that `path` lies in, but the root."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _null(number: int) -> str:
    return f"null:{number}"


def _about(w: Writer, cover: Cover) -> None:
    w.about(f"{cover.asked} {'hidden' if cover.masked else 'read-only'}", cover.origin)


def _cover(w: Writer, box: Box, number: int, cover: Cover, base: str, path: str) -> None:
    _about(w, cover)
    directory = cover.kind == "directory"
    flags = ("O_PATH", "O_DIRECTORY") if directory else ("O_PATH",)
    opened = calls.openat2(base, path, *flags)
    w.do(opened, "the place, found inside the root whatever symlinks lie there", yields="covered")
    if not cover.masked:
        w.do(mount_calls.open_tree_clone("covered", ""), "it as a mount", yields="part")
        closed = mount_calls.mount_setattr("part", "MOUNT_ATTR_RDONLY")
        w.do(closed, "nothing in it can be written, nor in what is mounted below")
        w.do(mount_calls.move_mount("part", "covered"), "over itself")
        w.do(calls.close("part"), "done with it")
    elif directory:
        w.do(calls.fchdir("covered"), "reached by descriptor, not by name")
        w.do(mount_calls.mount("tmpfs", ".", "tmpfs", EMPTY_FLAGS, "mode=0755"), "nothing is there")
        w.do(calls.fchdir("root"), "back to the box's root")
    else:
        over = mount_calls.move_mount(_null(number), "covered")
        w.do(over, "an empty file that swallows what is written")
        w.do(calls.close(_null(number)), "done with it")
        if not box.facts.feature("mount_setattr"):
            restrict(
                w, box, base, path, NULL,
                read_only=True, devices=True, directory=False, executable=False,
            )  # fmt: skip
            w.do(calls.fchdir("root"), "back to the box's root")
    w.do(calls.close("covered"), "done with it")
