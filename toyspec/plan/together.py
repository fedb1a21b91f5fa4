"""Binds that are closed together: each is attached, then one call makes all of them read-only.

They come before everything else that is attached, so that the call finds nothing but them and the
root's own mount. No process of the box runs before it, and nothing is written through them.
"""

from __future__ import annotations

from toyspec.plan import calls, mount_calls, sources
from toyspec.plan.attaching import describe, move, tree
from toyspec.plan.box import Box
from toyspec.plan.held import Held
from toyspec.plan.layout import Make, Placed
from toyspec.plan.making import make, make_empty
from toyspec.plan.step import Expect
from toyspec.plan.tree import parent
from toyspec.plan.writer import Writer
from toyspec.spec.model import Bind, Origin

LEAST = 3
"""The call for all of them, and one to open the root again, cost as much as two of their own."""
_CLOSED = ("MOUNT_ATTR_RDONLY", "MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NODEV")
_ORIGIN = Origin("binds", default="binds: read-only, nosuid, nodev")


def together(box: Box) -> list[Placed]:
    """The binds with every default, on the root itself or on each other; empty where the root has
    mounts of its own that stay writable, or the kernel lacks mount_setattr(2).
    """
    if not box.facts.feature("mount_setattr") or not _alone(box):
        return []
    places: dict[str, bool] = {}  # whatever has a place: whether it is one of them
    found = []
    for placed in box.layout.placed:
        agrees = _agrees(placed) and _nearest(places, placed.path)
        places[placed.path] = agrees
        if agrees:
            found.append(placed)
    return found if len(found) >= LEAST else []


def _alone(box: Box) -> bool:
    """Whether the root is one mount, or all of its mounts are as closed as binds are."""
    root = box.spec.root
    if root.kind != "directory" or root.read_only or root.path is None:
        return True
    return len(box.facts.mounts_at(root.path)) == 1


def _agrees(placed: Placed) -> bool:
    bind = placed.entry.thing
    if not isinstance(bind, Bind) or placed.stage != "attach" or placed.source == "/":
        return False
    return bind.executable and not (bind.writable or bind.devices or bind.setuid)


def _nearest(places: dict[str, bool], path: str) -> bool:
    """Whether what `path` lies in is one of them, or the root itself."""
    while path:
        path = path.rpartition("/")[0]
        if path in places:
            return places[path]
    return True


def attach(w: Writer, box: Box, binds: list[Placed]) -> set[str]:
    """Each of them, and the call for all. Returns the mount points that were made on the way."""
    waiting = _makes(box)
    made = set[str]()
    above = Held("from", (parent(placed.source) for placed in binds))
    into = Held("into", (parent(placed.path) for placed in binds if not placed.private))
    for placed in binds:
        bind = placed.entry.thing
        assert isinstance(bind, Bind)
        w.about(describe(placed), placed.entry.origin)
        _clone(w, box, placed, bind, above)
        wanted = [each for each in _way(waiting, placed.path) if each.path not in made]
        made.update(each.path for each in wanted)
        _put(w, placed, bind, wanted, into)
        above.close(w, parent(placed.source))
        into.close(w, parent(placed.path))
    _close(w, box, binds)
    return made


def _makes(box: Box) -> dict[str, Make]:
    """Whatever any entry makes: it may be on the way to one that comes earlier now."""
    return {make.path: make for placed in box.layout.placed for make in placed.makes}


def _way(waiting: dict[str, Make], path: str) -> list[Make]:
    """What has to be made on the way to `path`, and there."""
    found = []
    while path:
        if path in waiting:
            found.append(waiting[path])
        path = parent(path)
    return found[::-1]


def _clone(w: Writer, box: Box, placed: Placed, bind: Bind, above: Held) -> None:
    directory, _, name = placed.source.rpartition("/")
    opened = calls.openat2(
        calls.CWD, directory or "/", "O_PATH", "O_DIRECTORY", resolve=calls.NO_SYMLINKS
    )
    why = "where this source lies, and more: no symbolic link may have come onto the way"
    held = above.slot(w, directory, opened, why)
    if held is None:
        sources.clone(w, placed.source, tree(bind), recursive=bind.recursive)
        return
    cloned = mount_calls.open_tree_in(held, name, recursive=bind.recursive)
    what = "every mount below it" if bind.recursive else "nothing of what is mounted below it"
    w.do(cloned, f"a private clone of it, with {what}; a link is not followed", yields=tree(bind))
    if placed.kind != "directory":  # onto a directory nothing but a directory can be attached
        kind = box.facts.path(bind.source).real_kind
        why = "what was there when the plan was made, and no symbolic link"
        w.do(calls.statx_type(tree(bind)), why, expects=Expect(kind=kind))


def _put(w: Writer, placed: Placed, bind: Bind, wanted: list[Make], into: Held) -> None:
    """Onto its target, by one name in a directory that is open, where more than one lies there."""
    last = wanted[-1] if wanted and wanted[-1].path == placed.path else None
    for each in wanted[:-1] if last else wanted:
        make(w, each, ("root", ""))
    directory, _, name = placed.path.rpartition("/")
    held: str | None = None
    if not placed.private:
        opened = calls.openat2("root", directory or ".", "O_PATH", "O_DIRECTORY")
        why = "where this target lies, and more, found inside the root"
        held = into.slot(w, directory, opened, why)
    if last is not None and held is not None and not last.before:
        make_empty(w, held, name, last.kind)
    elif last is not None:
        make(w, last, ("root", ""))
    if held is None:
        move(w, placed, tree(bind))
        return
    w.do(mount_calls.move_mount(tree(bind), held, name), "onto the target, by its one name there")
    w.do(calls.close(tree(bind)), "attached: the box holds it now")


def _close(w: Writer, box: Box, binds: list[Placed]) -> None:
    root = box.spec.root
    w.about(f"the {len(binds)} binds above, closed at once: read-only, nosuid, nodev", _ORIGIN)
    why = "each of them and every mount below it, before any process of the box is there"
    w.do(mount_calls.mount_setattr("root", *_CLOSED), why)
    if root.kind == "host" or (root.path and "ro" in box.facts.mounts_at(root.path)[0].flags):
        return
    opened = mount_calls.mount_setattr("root", _CLOSED[0], recursive=False, clear=True)
    w.do(opened, "not the root's own mount, which takes more mount points yet")
