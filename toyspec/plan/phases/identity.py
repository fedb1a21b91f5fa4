"""identity: who the box's user is outside. Before anything that creates an inode."""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import helpers, proc_files
from toyspec.plan.box import Box
from toyspec.plan.joining import new
from toyspec.plan.step import Step
from toyspec.plan.writer import Writer
from toyspec.spec.model import Spec


def needs(spec: Spec) -> Needs:
    """The caller's ids are among the facts of every host."""
    return Needs()


def steps(box: Box) -> list[Step]:
    """One uid and one gid setup maps itself, ranges by the helpers.

    setgroups is denied first: gid_map may not be written by an ordinary user before. A joined user
    namespace has its maps already.
    """
    w = Writer("identity", "setup")
    if "user" not in new(box.spec):
        return w.steps
    maps = box.maps
    if maps is not None:
        helpers.map_ids(w, box, maps)
        helpers.make_files_as_user(w, box)
        return w.steps
    uid, gid = box.ids
    outside = f"{box.facts.uid}:{box.facts.gid}"
    w.about(
        f"{uid}:{gid} inside is {outside} outside",
        box.origin("user"),
        purpose="no id of the host's but the caller's own is in reach",
    )
    _write(w, "setgroups", "deny", "groups cannot be dropped to get round a file's mode")
    _write(w, "uid_map", f"{uid} {box.facts.uid} 1", "one uid: the caller's own")
    _write(w, "gid_map", f"{gid} {box.facts.gid} 1", "one gid: the caller's own")
    return w.steps


def _write(w: Writer, name: str, text: str, why: str) -> None:
    proc_files.open_own(w, name, name)
    proc_files.write(w, name, text, why)
