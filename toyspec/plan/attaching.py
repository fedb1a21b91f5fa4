"""Attaching: how one entry comes to its target. Used by the phases attach, mounts and seal.

A source is cloned by path, on the host; a target is opened by descriptor, inside the root; then
the one is moved onto the other. Nothing of the box's is ever named by an absolute path.
"""

from __future__ import annotations

from collections.abc import Collection

from toyspec.plan import calls, content, filesystems, mount_calls, sources
from toyspec.plan.attributes import restrict
from toyspec.plan.box import Box
from toyspec.plan.devices import populate
from toyspec.plan.entries import Guard, Thing
from toyspec.plan.layout import Placed
from toyspec.plan.making import make
from toyspec.plan.step import Expect
from toyspec.plan.writer import Writer
from toyspec.spec.model import Bind, File, Mount


def attach(w: Writer, box: Box, placed: Placed, made: Collection[str] = ()) -> None:
    """All steps of one entry; `made` are mount points that are there already."""
    prepare(w, box, placed)
    put(w, box, placed, made)


def prepare(w: Writer, box: Box, placed: Placed) -> None:
    """What can only be done while the host's tree is in reach: clone the source.

    The host's own / is cloned in the phase `root`, before anything of the box's lies over it.
    """
    bind = _shown(placed)
    if bind is not None and (placed.source == "/") == (w.phase == "root"):
        w.about(describe(placed), placed.entry.origin, w.role)
        _clone(w, box, placed, bind)
    thing = placed.entry.thing
    late = placed.stage == "late" and w.phase == "attach"
    if late and isinstance(thing, File) and thing.source is not None and placed.own:
        w.about(describe(placed), placed.entry.origin, w.role)
        content.open_source(w, box, thing, content.source_slot(placed))


def put(w: Writer, box: Box, placed: Placed, made: Collection[str] = ()) -> None:
    """The rest, which needs the box's root only."""
    thing = placed.entry.thing
    w.about(describe(placed), placed.entry.origin, w.role, _purpose(thing))
    for wanted in placed.makes:
        if wanted.path not in made:
            make(w, wanted, base(placed))
    bind = _shown(placed)
    if bind is not None:
        move(w, placed, tree(bind))
        if not box.facts.feature("mount_setattr"):
            _restrict(w, box, placed, bind)
    elif isinstance(thing, Mount) and thing.type == "overlay":
        move(w, placed, f"tree:{thing.target}")
    elif isinstance(thing, Mount):
        _filesystem(w, box, placed, thing)
    elif isinstance(thing, Guard):
        _guard(w, box, placed, thing)
    elif isinstance(thing, File):
        _file(w, box, placed, thing)


def _file(w: Writer, box: Box, placed: Placed, file: File) -> None:
    if file.symlink is not None:
        _symlink(w, placed, file.symlink)
    elif placed.own:
        root, path = inside(placed)
        if file.directory:
            content.make_directory(w, placed, root, path)
        else:
            content.write_file(w, box, placed, root, path)
    elif file.directory:
        _memory(w, placed, Mount(file.at, "tmpfs", file.target, mode=file.mode))
    else:
        move(w, placed, content.scratch_slot(placed))


def describe(placed: Placed) -> str:
    """The entry in one phrase, as plan shows it."""
    thing, target = placed.entry.thing, placed.entry.target
    if isinstance(thing, Bind):
        mode = "writable" if thing.writable else "read-only"
        told = " with devices" if thing.devices else ""
        told += " with setuid programs" if thing.setuid else ""
        told += "" if thing.executable else " noexec"
        told += "" if thing.recursive else " without submounts"
        where = "" if placed.source == target else f" at {target}"
        return f"{mode} bind{told} {placed.source}{where}"
    if isinstance(thing, Guard):
        return f"{'held in place' if thing.writable else 'protected'} {target}"
    if isinstance(thing, File):
        return _describe_file(thing)
    named = f"volume {thing.name}" if thing.type == "volume" else thing.type
    return f"{'read-only ' if thing.read_only else ''}{named} at {target}"


def _shown(placed: Placed) -> Bind | None:
    """What shows a directory or a file of the host's: a bind, or a volume as one."""
    thing = placed.entry.thing
    if isinstance(thing, Mount) and thing.type == "volume":
        writable = not thing.read_only
        return Bind(
            thing.at, placed.source, thing.target, writable, executable=thing.executable
        )  # fmt: skip
    return thing if isinstance(thing, Bind) else None


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


def tree(bind: Bind) -> str:
    """The slot of its clone."""
    return f"tree:{bind.target}"


def _clone(w: Writer, box: Box, placed: Placed, bind: Bind) -> None:
    slot = tree(bind)
    sources.clone(w, placed.source, slot, recursive=bind.recursive)
    device = box.facts.path(bind.source).device
    if device is not None:
        why = "the device that was there when the plan was made, and no other"
        w.do(calls.statx_type(slot), why, expects=Expect(device=device))
    if box.facts.feature("mount_setattr"):
        attributes = [] if bind.setuid else ["MOUNT_ATTR_NOSUID"]
        attributes += [] if bind.devices else ["MOUNT_ATTR_NODEV"]
        attributes += [] if bind.executable else ["MOUNT_ATTR_NOEXEC"]
        attributes += [] if bind.writable else ["MOUNT_ATTR_RDONLY"]
        why = "all of it, submounts too, in one call" if bind.recursive else "its one mount"
        if attributes:
            closed = mount_calls.mount_setattr(slot, *attributes, recursive=bind.recursive)
            w.do(closed, why)


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


def move(w: Writer, placed: Placed, slot: str) -> None:
    """Attach what `slot` holds."""
    if placed.private:
        why = "onto the target: the whole way there is this plan's own, with no symlink on it"
        w.do(mount_calls.move_mount(slot, "root", placed.path), why)
        w.do(calls.close(slot), "attached: the box holds it now")
        return
    at = _target(w, placed)
    w.do(mount_calls.move_mount(slot, at), "onto the target, descriptor to descriptor")
    w.do(calls.close(at), "done with it")
    w.do(calls.close(slot), "attached: the box holds it now")


def _guard(w: Writer, box: Box, placed: Placed, guard: Guard) -> None:
    """A part of what is there already, onto itself: the very thing that is found there."""
    slot, at = f"tree:{guard.target}", f"at:{guard.target}"
    root, path = inside(placed)
    flags = ("O_PATH", "O_DIRECTORY") if placed.kind == "directory" else ("O_PATH",)
    why = "found inside the root, with no symbolic link anywhere on the way"
    w.do(calls.openat2(root, path, *flags, resolve=calls.NO_LINKS), why, yields=at)
    w.do(mount_calls.open_tree_clone(at, ""), "as a mount of its own", yields=slot)
    if not guard.writable and box.facts.feature("mount_setattr"):
        closed = mount_calls.mount_setattr(slot, "MOUNT_ATTR_RDONLY")
        w.do(closed, "read-only, with all that is mounted below it")
    w.do(mount_calls.move_mount(slot, at), "onto itself: a mount point cannot be renamed")
    w.do(calls.close(at), "done with it")
    w.do(calls.close(slot), "attached: the box holds it now")
    if not guard.writable and not box.facts.feature("mount_setattr"):
        restrict(
            w, box, root, path, placed.source,
            read_only=True, devices=False, directory=placed.kind == "directory",
            executable=guard.executable,
        )  # fmt: skip
        w.do(calls.fchdir("root"), "back to the box's root")


def _restrict(w: Writer, box: Box, placed: Placed, bind: Bind) -> None:
    root, path = inside(placed)
    restrict(
        w, box, root, path, placed.source,
        read_only=not bind.writable, devices=bind.devices, directory=placed.kind == "directory",
        executable=bind.executable, setuid=bind.setuid,
    )  # fmt: skip
    w.do(calls.fchdir("root"), "back to the box's root")


def _filesystem(w: Writer, box: Box, placed: Placed, mount: Mount) -> None:
    if mount.type == "dev":
        _dev(w, box, placed, mount)
        return
    if mount.type != "tmpfs":
        slot = f"tree:{mount.target}"
        make_mount(w, box, mount, slot, "of the box's own")
        move(w, placed, slot)
        return
    _memory(w, placed, mount)


def _memory(w: Writer, placed: Placed, mount: Mount) -> None:
    """An empty tmpfs."""
    at = _target(w, placed)
    w.do(calls.fchdir(at), "reached by descriptor, not by name")
    flags = ("MS_NOSUID", "MS_NODEV") + (() if mount.executable else ("MS_NOEXEC",))
    made = mount_calls.mount("tmpfs", ".", "tmpfs", flags, filesystems.tmpfs_options(mount))
    w.do(made, "in memory, gone with the box")
    w.do(calls.close(at), "done with it")
    w.do(calls.fchdir("root"), "back to the box's root")


def make_mount(w: Writer, box: Box, mount: Mount, slot: str, why: str) -> None:
    """A filesystem of the box's own, attached nowhere yet, under `slot`."""
    w.do(mount_calls.fsopen(mount.type), why, yields="fs")
    for key, text in filesystems.options(box, mount):
        w.do(mount_calls.fsconfig_string("fs", key, text), f"{key} is {text}")
    w.do(mount_calls.fsconfig_create("fs"), "made, in the namespaces of this process")
    w.do(mount_calls.fsmount("fs", *filesystems.attributes(mount)), "as a mount", yields=slot)
    w.do(calls.close("fs"), "done with it")


def _dev(w: Writer, box: Box, placed: Placed, mount: Mount) -> None:
    """By its own descriptor from the first: what goes into it cannot end up beside it."""
    content.make_tmpfs(w, "dev", "0755", "MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NOEXEC")
    at = _target(w, placed)
    w.do(mount_calls.move_mount("dev", at), "onto the target, descriptor to descriptor")
    w.do(calls.close(at), "done with it")
    console = placed.path == "dev" and box.facts.terminal
    populate(w, box, executable=mount.executable, console=console)
    w.do(calls.fchdir("root"), "back to the box's root")


def open_kernel_target(w: Writer, placed: Placed) -> None:
    """The directory that proc or sysfs goes onto: a real one, no symlink anywhere on the way."""
    w.about(describe(placed), placed.entry.origin, purpose=_purpose(placed.entry.thing))
    _target(w, placed, links=False)


def mount_kernel(w: Writer, box: Box, placed: Placed, *, keep: bool) -> None:
    """proc or sysfs, attached to the target that `open_kernel_target` opened.

    `keep`: its own descriptor stays, for what is attached or guarded below it.
    """
    mount = placed.entry.thing
    assert isinstance(mount, Mount)
    slot = f"kernel:{placed.path}"
    w.about(describe(placed), placed.entry.origin)
    make_mount(w, box, mount, slot, "made while an older one is in sight, as Linux asks")
    w.do(
        mount_calls.move_mount(slot, f"at:{mount.target}"),
        "onto the target, descriptor to descriptor",
    )
    w.do(calls.close(f"at:{mount.target}"), "done with it")
    if not keep:
        w.do(calls.close(slot), "done with it")


def _purpose(thing: Thing) -> str:
    if isinstance(thing, Mount):
        return filesystems.PURPOSES[thing.type]
    if isinstance(thing, Guard):
        return "" if thing.writable else "what lies there runs on the host, or decides what does"
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
