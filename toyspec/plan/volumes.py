"""Volumes: directories of the caller's that toyspec keeps, by name, for boxes to write to.

They lie below the caller's data directory, each made on first use. Nobody else may own one, or
what holds it, and no symbolic link may stand for one: a box writes there, and finds it again.
"""

from __future__ import annotations

from toyspec.host.facts import FactMissing, HostFacts, Needs
from toyspec.plan import calls, ranges
from toyspec.plan.box import Box
from toyspec.plan.error import PlanProblem
from toyspec.plan.sources import real_path
from toyspec.plan.tree import inside
from toyspec.plan.writer import Writer
from toyspec.spec.model import Bind, Mount, Spec
from toyspec.start import places


def wanted(spec: Spec) -> list[Mount]:
    """The spec's volumes, each name once."""
    found = {mount.name: mount for mount in reversed(spec.mounts) if mount.type == "volume"}
    return list(reversed(found.values()))


def needs(spec: Spec) -> Needs:
    """Where they lie; what is there is asked once that is known."""
    return Needs(variables=frozenset(("XDG_DATA_HOME",) if wanted(spec) else ()))


def place(facts: HostFacts, name: str) -> str:
    """The real path of a volume, made already or not."""
    given = places.volume(facts.variable, facts.home, name)
    base = given.removesuffix(f"/toyspec/volumes/{name}")
    _ask(facts, base)
    found = inside(real_path(facts, base or "/"), f"toyspec/volumes/{name}")
    _ask(facts, found)
    return found


def _ask(facts: HostFacts, path: str) -> None:
    unknown = [("path", each) for each in _way(path) if each not in facts.paths]
    if unknown:
        raise FactMissing(*unknown)


def _way(path: str) -> list[str]:
    """`path` and every directory above it, outermost first."""
    parts = [part for part in path.split("/") if part]
    return ["/", *("/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1))]


def missing(facts: HostFacts, name: str) -> list[str]:
    """The directories on the way to a volume, and its own, that have to be made."""
    return [path for path in _way(place(facts, name)) if facts.path(path).kind == "missing"]


def instead_of(spec: Spec, bind: Bind) -> str:
    """The end of a remedy, where Compose would have a named volume: `cache:/var/cache`."""
    directory, _, name = bind.source.rpartition("/")
    if directory != spec.directory or not name.replace("-", "a").replace("_", "a").isalnum():
        return ""
    if not name.isascii() or name != name.lower() or name[0] in "-_":
        return ""
    mount = f"{{type: volume, name: {name}, target: {bind.target}}}"
    return f"; a volume that toyspec keeps goes under `mounts`: {mount}"


def check(spec: Spec, facts: HostFacts) -> list[PlanProblem]:
    """Directories of somebody else's, and what is no directory at all."""
    if not wanted(spec):
        return []
    if facts.uid == 0 and not ranges.real_root(spec, facts):
        message = (
            "a volume is root's own, and this box is run on root's sub-ids: it could not write"
        )
        origin = spec.origin(f"{wanted(spec)[0].at}.name")
        return [PlanProblem(message, origin, "bind a directory that belongs to one of them")]
    found, questions = [], list[tuple[str, str]]()
    for mount in wanted(spec):
        try:
            problem = _wrong(facts, mount.name)
        except FactMissing as missing:
            questions += missing.questions
            continue
        if problem is not None:
            origin = spec.origin(f"{mount.at}.name")
            found.append(PlanProblem(f"volume {mount.name}: {problem[0]}", origin, problem[1]))
    if questions:
        raise FactMissing(*dict.fromkeys(questions))
    return found


def _wrong(facts: HostFacts, name: str) -> tuple[str, str | None] | None:
    way = _way(place(facts, name))
    there = [path for path in way if facts.path(path).kind != "missing"]
    for path in there:
        fact = facts.path(path)
        if fact.kind == "denied":
            return f"{fact.denied} may not be searched by uid {facts.uid} (no x)", None
        if fact.kind != "directory":
            return f"{path} is a {fact.kind}, not a directory", "move it out of the way"
    for path in way[-3:]:
        fact = facts.path(path)
        if fact.kind != "missing" and fact.uid != facts.uid:
            return _not_yours(facts, path)
    if len(there) == len(way):
        return None
    holder = facts.path(there[-1])
    if holder.uid != facts.uid:
        return _not_yours(facts, there[-1])
    if not holder.writable or holder.mode & 0o002:
        what = "can be written by everybody" if holder.writable else "cannot be written"
        return f"it cannot be made: {there[-1]} {what}", "mend the directory's mode"
    return None


def _not_yours(facts: HostFacts, path: str) -> tuple[str, str]:
    message = f"{path} belongs to uid {facts.path(path).uid}, not to uid {facts.uid}"
    return message, "let XDG_DATA_HOME name a directory of your own"


def make(w: Writer, box: Box) -> None:
    """Those that are not there yet: for their owner only, by descriptor, through no symlink."""
    made = set[str]()
    for mount in wanted(box.spec):
        todo = [path for path in missing(box.facts, mount.name) if path not in made]
        if todo:
            where = place(box.facts, mount.name)
            w.about(f"volume {mount.name} is made: {where}", box.origin(f"{mount.at}.name"))
        for path in todo:
            above, _, name = path.rpartition("/")
            flags = ("O_PATH", "O_DIRECTORY")
            opened = calls.openat2(calls.CWD, above or "/", *flags, resolve=calls.NO_SYMLINKS)
            w.do(opened, "the very directory that holds it", yields="holder")
            kept = calls.mkdirat("holder", name, 0o700)
            w.do(kept, "the caller's alone; it outlives the box", tolerates=("EEXIST",))
            w.do(calls.close("holder"), "done with it")
        made.update(todo)
