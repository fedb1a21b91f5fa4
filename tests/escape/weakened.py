"""A plan's JSON with a protection taken out: what `tests/kernel_side/replay.py` then runs.

Each edit raises where there is nothing to take out, so that none of them rots in silence.
`python -m tests.escape.weakened EDIT` weakens the plan on stdin.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Edit = Callable[[list[Json]], list[Json]]


def weaken(plan: Json, *edits: Edit) -> Json:
    """The plan with all edits made, its steps counted anew."""
    steps: list[Json] = plan["steps"]
    for edit in edits:
        steps = edit(steps)
    return {**plan, "steps": [{**step, "id": n} for n, step in enumerate(steps, 1)]}


def without(what: Callable[[Json], bool]) -> Edit:
    """Every step of which `what` holds is left out."""

    def edit(steps: list[Json]) -> list[Json]:
        kept = [step for step in steps if not what(step)]
        assert len(kept) < len(steps), "no such step: nothing was switched off"
        return kept

    return edit


def flagless(flag: str, *calls: str) -> Edit:
    """`flag` is asked for by none of `calls` any more."""

    def edit(steps: list[Json]) -> list[Json]:
        changed = [_strip(step, flag) if step["call"] in calls else step for step in steps]
        assert changed != steps, f"no step has {flag}: nothing was switched off"
        return changed

    return edit


def _strip(node: Any, flag: str) -> Any:
    """A value of JSON with a flag taken out of every list of flags."""
    if isinstance(node, dict):
        return {key: _strip(value, flag) for key, value in node.items()}
    return [_strip(each, flag) for each in node if each != flag] if isinstance(node, list) else node


def is_call(*names: str) -> Callable[[Json], bool]:
    return lambda step: step["call"] in names


def has_flag(call: str, flag: str) -> Callable[[Json], bool]:
    return lambda step: (
        step["call"] == call and any(flag in a.get("flags", ()) for a in step["args"])
    )


def has_slot(call: str, slot: str) -> Callable[[Json], bool]:
    return lambda step: step["call"] == call and step["yields"] == slot


def uses(step: Json, slot: str) -> bool:
    return step["yields"] == slot or any(arg.get("fd") == slot for arg in step["args"])


def has_path(step: Json, path: str) -> bool:
    return any(arg.get("path") == path for arg in step["args"])


def is_item(*begins: str) -> Callable[[Json], bool]:
    return lambda step: step["item"].startswith(begins)


def in_phase(*names: str) -> Callable[[Json], bool]:
    return lambda step: step["phase"] in names


def _replaced(what: Callable[[Json], bool], call: str, args: list[Json]) -> Edit:
    """Another call in the place of the one step of which `what` holds, with its role and slot."""

    def edit(steps: list[Json]) -> list[Json]:
        (place,) = (n for n, step in enumerate(steps) if what(step))
        changed = {**steps[place], "call": call, "args": args, "expects": None}
        return [*steps[:place], changed, *steps[place + 1 :]]

    return edit


writable_binds: Edit = flagless("MOUNT_ATTR_RDONLY", "mount_setattr")
device_binds: Edit = flagless("MOUNT_ATTR_NODEV", "mount_setattr")
device_mounts: Edit = flagless("MS_NODEV", "mount")
setuid_binds: Edit = flagless("MOUNT_ATTR_NOSUID", "mount_setattr")
new_privileges: Edit = without(has_flag("prctl", "PR_SET_NO_NEW_PRIVS"))
bounding_set: Edit = without(has_flag("prctl", "PR_CAPBSET_DROP"))
held_capabilities: Edit = without(is_call("capset"))
descriptors: Edit = without(is_call("close_range"))
session: Edit = without(is_call("setsid"))
terminal: Edit = without(is_item("a session of its own, on its own terminal"))
keyring: Edit = without(is_call("keyctl"))
filters: Edit = without(is_call("seccomp"))
place: Edit = without(is_call("getcwd"))
own_directories: Edit = without(
    lambda step: step["phase"] == "attach" and step["default"] == "toyspec's own"
)
covers: Edit = without(is_item("protected ", "held in place "))
in_root: Edit = flagless("RESOLVE_IN_ROOT", "openat2")


def user_namespace(steps: list[Json]) -> list[Json]:
    """No new one, and no maps: only root can do without."""
    steps = flagless("CLONE_NEWUSER", "unshare")(steps)
    return without(in_phase("identity"))(steps)


def pid_namespace(steps: list[Json]) -> list[Json]:
    """The host's processes stay in reach; a proc cannot be mounted then."""
    steps = flagless("CLONE_NEWPID", "unshare")(steps)
    return without(in_phase("mounts"))(steps)


def own_proc(steps: list[Json]) -> list[Json]:
    """The host's proc in the place of the box's own, with nothing over it."""
    steps = flagless("CLONE_NEWPID", "unshare")(masks(steps))
    args: list[Json] = [
        {"name": "dirfd", "fd": "AT_FDCWD"},
        {"name": "path", "path": "/proc"},
        {"name": "flags", "flags": ["OPEN_TREE_CLONE", "AT_RECURSIVE"]},
    ]
    steps = _replaced(has_slot("fsmount", "kernel:proc"), "open_tree", args)(steps)
    return without(lambda step: step["phase"] == "mounts" and uses(step, "fs"))(steps)


def masks(steps: list[Json]) -> list[Json]:
    """proc as it is: nothing in it read-only or hidden."""
    ends = [
        n for n, step in enumerate(steps)
        if step["phase"] == "mounts" and step["call"] == "move_mount"
        and step["args"][0].get("fd") == "kernel:proc"
    ]  # fmt: skip
    assert ends, "no proc is mounted"
    gone = [step for step in steps[ends[-1] + 1 :] if step["phase"] == "mounts"]
    assert len(gone) > 2, "nothing is mounted over proc: nothing was switched off"
    return [step for step in steps if step not in gone]


def old_root(steps: list[Json]) -> list[Json]:
    """The old root stays mounted over the new one."""
    places = [n for n, step in enumerate(steps) if step["call"] == "pivot_root"]
    assert len(places) == 1
    after = places[0] + 1
    end = next(n for n in range(after, len(steps)) if steps[n]["phase"] not in ("pivot", "seal"))
    return steps[:after] + steps[end:]


def chroot_for_pivot(steps: list[Json]) -> list[Json]:
    """A chroot in the place of pivot_root, and the root on a directory of the host's, not over `/`.

    Attached over `/`, it would hide the host's tree even then: `..` ends at the topmost mount.
    """
    steps = old_root(steps)
    steps = _replaced(is_call("pivot_root"), "chroot", [{"name": "path", "path": "."}])(steps)
    places = [n for n, step in enumerate(steps) if step["phase"] == "root" and has_path(step, "/")]
    assert len(places) == 1, "the root is not attached over /"
    step = steps[places[0]]
    args = [{**arg, "path": "/mnt"} if arg.get("path") == "/" else arg for arg in step["args"]]
    return [*steps[: places[0]], {**step, "args": args}, *steps[places[0] + 1 :]]


if __name__ == "__main__":
    json.dump(weaken(json.load(sys.stdin), *(globals()[name] for name in sys.argv[1:])), sys.stdout)
