"""Attaching: how one entry comes to its target. Used by the phases attach, mounts and seal.

A source is cloned by path, on the host; a target is opened by descriptor, inside the root; then
the one is moved onto the other. Nothing of the box's is ever named by an absolute path.
"""

from __future__ import annotations

from toyspec.plan import calls, content, mount_calls, sources
from toyspec.plan.attributes import restrict
from toyspec.plan.box import Box
from toyspec.plan.devices import populate
from toyspec.plan.layout import Placed
from toyspec.plan.making import make
from toyspec.plan.step import Expect
from toyspec.plan.writer import Writer
from toyspec.spec.model import Bind, File, Mount


def attach(w: Writer, box: Box, placed: Placed) -> None:
    """All steps of one entry."""
    prepare(w, box, placed)
    put(w, box, placed)


def prepare(w: Writer, box: Box, placed: Placed) -> None:
    """What can only be done while the host's tree is in reach: clone the source.

    The host's own / is cloned in the phase `root`, before anything of the box's lies over it.
    """
    thing = placed.entry.thing
    if isinstance(thing, Bind) and (placed.source == "/") == (w.phase == "root"):
        w.about(describe(placed), placed.entry.origin, w.role)
        _clone(w, box, placed, thing)
    late = placed.stage == "late" and w.phase == "attach"
    if late and isinstance(thing, File) and thing.source is not None and placed.own:
        w.about(describe(placed), placed.entry.origin, w.role)
        content.open_source(w, box, thing, content.source_slot(placed))


def put(w: Writer, box: Box, placed: Placed) -> None:
    """The rest, which needs the box's root only."""
    thing = placed.entry.thing
    w.about(describe(placed), placed.entry.origin, w.role, _purpose(thing))
    for wanted in placed.makes:
        make(w, wanted, base(placed))
    if isinstance(thing, Bind):
        _move(w, placed, _tree(thing))
        if not box.facts.feature("mount_setattr"):
            _restrict(w, box, placed, thing)
    elif isinstance(thing, Mount) and thing.type == "overlay":
        _move(w, placed, f"tree:{thing.target}")
    elif isinstance(thing, Mount):
        _filesystem(w, box, placed, thing)
    elif thing.symlink is not None:
        _symlink(w, placed, thing.symlink)
    elif placed.own:
        root, path = inside(placed)
        if thing.directory:
            content.make_directory(w, placed, root, path)
        else:
            content.write_file(w, box, placed, root, path)
    elif thing.directory:
        _memory(w, placed, thing.mode, None)
    else:
        slot = next(slot for slot, file in content.scratch_files(box) if file is placed)
        _move(w, placed, slot)


def describe(placed: Placed) -> str:
    """The entry in one phrase, as plan shows it."""
    thing, target = placed.entry.thing, placed.entry.target
    if isinstance(thing, Bind):
        mode = "writable" if thing.writable else "read-only"
        devices = " with devices" if thing.devices else ""
        where = "" if placed.source == target else f" at {target}"
        return f"{mode} bind{devices} {placed.source}{where}"
    if isinstance(thing, File):
        return _describe_file(thing)
    return f"{thing.type} at {target}"


def _describe_file(file: File) -> str:
    if file.symlink is not None:
        return f"symlink {file.target} to {file.symlink}"
    if file.source is not None:
        return f"copy of {file.source} at {file.target}"
    return f"empty directory {file.target}" if file.directory else f"file {file.target}"


def base(placed: Placed) -> tuple[str, str]:
    """The descriptor that the entry's path is resolved in, and what it stands for in the box.

    Below a proc or sysfs that is that filesystem's own descriptor, so that nothing else can lie
    on the way; everywhere else it is the root's.
    """
    return ("root", "") if placed.below is None else (f"kernel:{placed.below}", placed.below)


def inside(placed: Placed) -> tuple[str, str]:
    """That descriptor, and the entry's path relative to it."""
    slot, above = base(placed)
    return slot, placed.path[len(above) :].strip("/")


def _tree(bind: Bind) -> str:
    return f"tree:{bind.target}"


def _clone(w: Writer, box: Box, placed: Placed, bind: Bind) -> None:
    slot = _tree(bind)
    sources.clone(w, placed.source, slot)
    device = box.facts.path(bind.source).device
    if device is not None:
        why = "the device that was there when the plan was made, and no other"
        w.do(calls.statx_type(slot), why, expects=Expect(device=device))
    if box.facts.feature("mount_setattr"):
        attributes = ["MOUNT_ATTR_NOSUID"]
        attributes += [] if bind.devices else ["MOUNT_ATTR_NODEV"]
        attributes += [] if bind.writable else ["MOUNT_ATTR_RDONLY"]
        why = "all of it, submounts too, in one call"
        w.do(mount_calls.mount_setattr(slot, *attributes), why)


def _target(w: Writer, placed: Placed, *, links: bool = True) -> str:
    slot = f"at:{placed.entry.target}"
    flags = ("O_PATH", "O_DIRECTORY") if placed.kind == "directory" else ("O_PATH",)
    resolve = calls.IN_ROOT if links else calls.NO_LINKS
    root, path = inside(placed)
    w.do(
        calls.openat2(root, path, *flags, resolve=resolve),
        "the target, found inside the root whatever symlinks lie there",
        yields=slot,
    )
    return slot


def _move(w: Writer, placed: Placed, slot: str) -> None:
    at = _target(w, placed)
    w.do(mount_calls.move_mount(slot, at), "onto the target, descriptor to descriptor")
    w.do(calls.close(at), "done with it")
    w.do(calls.close(slot), "attached: the box holds it now")


def _restrict(w: Writer, box: Box, placed: Placed, bind: Bind) -> None:
    root, path = inside(placed)
    restrict(
        w, box, root, path, placed.source,
        read_only=not bind.writable, devices=bind.devices, directory=placed.kind == "directory",
    )  # fmt: skip
    w.do(calls.fchdir("root"), "back to the box's root")


def _filesystem(w: Writer, box: Box, placed: Placed, mount: Mount) -> None:
    if mount.type == "dev":
        _dev(w, box, placed)
        return
    _memory(w, placed, mount.mode, mount.size)


def _memory(w: Writer, placed: Placed, mode: int | None, size: int | None) -> None:
    """An empty tmpfs."""
    at = _target(w, placed)
    w.do(calls.fchdir(at), "reached by descriptor, not by name")
    options = [f"mode={0o1777 if mode is None else mode:04o}"]
    options += [] if size is None else [f"size={size}"]
    flags = ("MS_NOSUID", "MS_NODEV")
    made = mount_calls.mount("tmpfs", ".", "tmpfs", flags, ",".join(options))
    w.do(made, "in memory, gone with the box")
    w.do(calls.close(at), "done with it")
    w.do(calls.fchdir("root"), "back to the box's root")


def _dev(w: Writer, box: Box, placed: Placed) -> None:
    """By its own descriptor from the first: what goes into it cannot end up beside it."""
    content.make_tmpfs(w, "dev", "0755", "MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NOEXEC")
    at = _target(w, placed)
    w.do(mount_calls.move_mount("dev", at), "onto the target, descriptor to descriptor")
    w.do(calls.close(at), "done with it")
    populate(w, box)
    w.do(calls.fchdir("root"), "back to the box's root")


def open_kernel_target(w: Writer, placed: Placed) -> None:
    """The directory that proc or sysfs goes onto: a real one, no symlink anywhere on the way."""
    w.about(describe(placed), placed.entry.origin, purpose=_purpose(placed.entry.thing))
    _target(w, placed, links=False)


def mount_kernel(w: Writer, placed: Placed, *, keep: bool) -> None:
    """proc or sysfs, attached to the target that `open_kernel_target` opened.

    `keep`: its own descriptor stays, for what is attached or guarded below it.
    """
    mount = placed.entry.thing
    assert isinstance(mount, Mount)
    slot = f"kernel:{placed.path}"
    attributes = ["MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NODEV", "MOUNT_ATTR_NOEXEC"]
    attributes += ["MOUNT_ATTR_RDONLY"] if mount.type == "sysfs" else []
    w.about(describe(placed), placed.entry.origin)
    why = "made while an older one is in sight, as Linux asks"
    w.do(mount_calls.fsopen(mount.type), why, yields="fs")
    w.do(mount_calls.fsconfig_create("fs"), "made, in the namespaces of this process")
    w.do(mount_calls.fsmount("fs", *attributes), "as a mount", yields=slot)
    w.do(calls.close("fs"), "done with it")
    w.do(
        mount_calls.move_mount(slot, f"at:{mount.target}"),
        "onto the target, descriptor to descriptor",
    )
    w.do(calls.close(f"at:{mount.target}"), "done with it")
    if not keep:
        w.do(calls.close(slot), "done with it")


_PURPOSES = {
    "proc": "shows the box's own processes only",
    "sysfs": "shows the box's own network namespace, read-only",
    "tmpfs": "in memory, gone with the box",
    "overlay": "made before, and now put in its place",
    "dev": "the harmless devices, ptys and shared memory of its own",
}


def _purpose(thing: Bind | Mount | File) -> str:
    if isinstance(thing, Mount):
        return _PURPOSES[thing.type]
    return "made for this box" if isinstance(thing, File) and thing.symlink is None else ""


def _symlink(w: Writer, placed: Placed, text: str) -> None:
    root, path = inside(placed)
    above, _, name = path.rpartition("/")
    if placed.own or not above:
        w.do(calls.symlinkat(text, root, path), "the symlink")
        return
    opened = calls.openat2(root, above, "O_PATH", "O_DIRECTORY")
    w.do(opened, "the directory that gets the symlink, found inside the root", yields="parent")
    w.do(calls.symlinkat(text, "parent", name), "the symlink, which was missing")
    w.do(calls.close("parent"), "done with it")
