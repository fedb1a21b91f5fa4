"""A second wall around what the box may write: Landlock, on top of read-only mounts (landlock(7)).

Only what changes files is handled; reading and executing stay free. A rule holds for everything
below its directory, so a root that is writable itself would undo all of them.
"""

from __future__ import annotations

from toyspec.host.facts import HostFacts
from toyspec.plan import calls, confine_calls
from toyspec.plan.box import Box
from toyspec.plan.error import PlanProblem
from toyspec.plan.layout import Placed
from toyspec.plan.writer import Writer
from toyspec.spec.model import Bind, File, Mount, Spec

LEAST = 2
"""The first version that can allow moving files between directories; Linux 5.19."""
_TO_FILES = ("WRITE_FILE", "TRUNCATE")
_ALL = (
    "WRITE_FILE", "REMOVE_DIR", "REMOVE_FILE", "MAKE_CHAR", "MAKE_DIR", "MAKE_REG", "MAKE_SOCK",
    "MAKE_FIFO", "MAKE_BLOCK", "MAKE_SYM", "REFER", "TRUNCATE",
)  # fmt: skip


def check(spec: Spec, facts: HostFacts) -> list[PlanProblem]:
    """A kernel without it, and a box in which it would hold nothing."""
    if not spec.landlock:
        return []
    origin = spec.origin("landlock")
    version = facts.recorded("landlock")
    if version < LEAST:
        message = f"this kernel ({facts.kernel}) has no Landlock that could be used"
        if version:
            message = f"this kernel's Landlock ({version}) would forbid every move of a file"
        remedy = "it takes Linux 5.19, with landlock among the active security modules (lsm=)"
        return [PlanProblem(message, origin, remedy)]
    if not spec.root.read_only:
        message = "Landlock in a box whose root is writable: its rules hold for all that is below"
        return [PlanProblem(message, origin, "write `read_only: true` in `root`")]
    return []


def _access(names: tuple[str, ...], version: int) -> tuple[str, ...]:
    known = [name for name in names if name != "TRUNCATE" or version >= 3]
    return tuple(f"LANDLOCK_ACCESS_FS_{name}" for name in known)


def restrict(w: Writer, box: Box) -> None:
    """The ruleset, a rule for each writable place, and then no way back."""
    if not box.spec.landlock:
        return
    version = box.facts.recorded("landlock")
    everything, to_files = _access(_ALL, version), _access(_TO_FILES, version)
    purpose = "a second wall behind the mounts"
    w.about("Landlock: writing takes a rule", box.origin("landlock"), purpose=purpose)
    made = confine_calls.landlock_create_ruleset(*everything)
    w.do(made, "these kinds of access need a rule, whatever the mounts say", yields="ruleset")
    for placed in box.layout.placed:
        if not _writable(placed):
            continue
        thing = placed.entry.thing
        proc = isinstance(thing, Mount) and thing.type == "proc"
        only_files = proc or placed.kind != "directory"
        slot = "writable:file" if only_files else "writable"
        w.about(f"Landlock: writing below /{placed.path}", placed.entry.origin)
        opened = calls.openat2("root", placed.path, "O_PATH", resolve=calls.NO_LINKS)
        w.do(opened, "the place itself, in the finished box", yields=slot)
        access = to_files if only_files else everything
        w.do(confine_calls.landlock_allow("ruleset", slot, *access), "and everything below it")
        w.do(calls.close(slot), "done with it")
    w.about("Landlock holds", box.origin("landlock"))
    why = "from here on, for init and all that it starts; no mount can be changed either"
    w.do(confine_calls.landlock_restrict_self("ruleset"), why)
    w.do(calls.close("ruleset"), "done with it")


def _writable(placed: Placed) -> bool:
    thing = placed.entry.thing
    if isinstance(thing, Mount):
        return thing.type != "sysfs" and not thing.read_only
    if isinstance(thing, File):  # one that is a mount by itself is the box's to write
        return thing.symlink is None and not placed.own
    return isinstance(thing, Bind) and (thing.writable or thing.devices)
