"""Other names of a place: a filesystem may be mounted more than once, and a part of it elsewhere.

A place is a device and a path within what it holds, as /proc/PID/mountinfo has them
(proc_pid_mountinfo(5)). Through an overlay nobody tells which files it shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toyspec.plan.tree import inside

if TYPE_CHECKING:
    from toyspec.host.facts import HostFacts, MountFact


def are_known(facts: HostFacts) -> bool:
    """Whether these facts tell where mounts come from: those of an older toyspec do not."""
    asked = [mount for mounts in facts.mounts.values() for mount in mounts]
    return not asked or any(mount.device is not None for mount in asked)


def other_names(facts: HostFacts, base: str, path: str, above: str) -> list[str]:
    """How `path`, which lies in `above`, is reached through what is mounted at `base` and below it,
    other than by its own name; and mount points that show nothing but a part of it.

    All are real paths. Raises FactMissing where the mounts at `base` or `above` were not asked for.
    """
    holder = _holder(facts.mounts_at(above), path)
    if holder.root is None:
        return []
    place = inside(holder.root, _rest(path, holder.point))
    table = facts.mounts_at(base)
    found = []
    for mount in table:
        if mount.root is None or mount.device != holder.device:
            continue
        if _holds(mount.root, place):
            name = inside(mount.point, _rest(place, mount.root))
        elif _holds(place, mount.root):
            name = mount.point
        else:
            continue
        if name != path and not _holds(path, name) and _holder(table, name) == mount:
            found.append(name)
    return found


def _holder(mounts: tuple[MountFact, ...], path: str) -> MountFact:
    """The first of `mounts` holds all; of the others the deepest counts."""
    over = [each for each in mounts[1:] if _holds(each.point, path)]
    return max(over, key=lambda each: len(each.point), default=mounts[0])


def _holds(directory: str, path: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _rest(path: str, directory: str) -> str:
    return path[len(directory.rstrip("/")) :].lstrip("/")
