"""Mount points: empty directories and files, made by descriptor inside the root."""

from __future__ import annotations

from typing import Literal

from toyspec.plan import calls
from toyspec.plan.layout import Make
from toyspec.plan.writer import Writer


def make_own(w: Writer, root: str, path: str, kind: Literal["directory", "file"]) -> None:
    """In a filesystem that only this plan writes: no symlink can be on the way."""
    if kind == "directory":
        w.do(calls.mkdirat(root, path, 0o755), "the mount point")
    else:
        w.do(calls.mknodat_file(root, path), "the mount point")


def make_in_root(w: Writer, root: str, path: str, kind: Literal["directory", "file"]) -> None:
    """In a directory that others can write: its parent is opened inside the root first."""
    above, _, name = path.rpartition("/")
    slot = "parent" if above else root
    if above:
        w.do(
            calls.openat2(root, above, "O_PATH", "O_DIRECTORY"),
            "the directory that gets the mount point, found inside the root",
            yields=slot,
        )
    make_empty(w, slot, name, kind)
    if above:
        w.do(calls.close(slot), "done with it")


def make_empty(w: Writer, slot: str, name: str, kind: Literal["directory", "file"]) -> None:
    """In a directory of the root's that is open: nothing but its own name is looked up."""
    if kind == "directory":
        made = calls.mkdirat(slot, name, 0o755)
        w.do(made, "an empty directory to mount on", tolerates=("EEXIST",))
    else:
        w.do(calls.mknodat_file(slot, name), "an empty file to mount on")


def make(w: Writer, wanted: Make, base: tuple[str, str]) -> None:
    """Whichever of the two it takes; what `prepare` made already is not made again.

    `base`: the descriptor that paths are resolved in, and the box's path that it stands for.
    """
    if wanted.before:
        return
    root, above = base
    path = wanted.path[len(above) :].strip("/")
    make_it = make_own if wanted.own else make_in_root
    make_it(w, root, path, wanted.kind)
