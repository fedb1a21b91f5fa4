"""Filesystems of a box's own: what each is told when it is made, and where it cannot be."""

from __future__ import annotations

from toyspec.host.facts import HostFacts, Needs
from toyspec.plan.box import Box
from toyspec.plan.error import PlanProblem
from toyspec.plan.etc import ids
from toyspec.plan.overlays import release
from toyspec.spec.model import Mount, Spec

CGROUPS = "/sys/fs/cgroup"
_MODERN_PROC = (5, 8)  # subset=, hidepid by name, and both for each proc by itself: proc(5)
_TTY = 5  # the group that terminals belong to, where the box has it
_HIDEPID = {"off": "0", "noaccess": "1", "invisible": "2"}
PURPOSES = {
    "proc": "shows the processes of the box's pid namespace only",
    "sysfs": "shows the box's network namespace, read-only",
    "tmpfs": "in memory, gone with the box",
    "overlay": "made before, and now put in its place",
    "dev": "the harmless devices, ptys and shared memory of its own",
    "devpts": "terminals of its own",
    "mqueue": "message queues of the box's ipc namespace",
    "cgroup2": "the box's part of the cgroup tree",
    "volume": "kept by toyspec, and there again in the next box",
}


def needs(spec: Spec) -> Needs:
    """Where the host has its cgroups."""
    asked = any(mount.type == "cgroup2" for mount in spec.mounts)
    return Needs(mounts=frozenset((CGROUPS,) if asked else ()))


def options(box: Box, mount: Mount) -> list[tuple[str, str]]:
    """What fsconfig(2) says to it, key by key."""
    if mount.type == "devpts":
        return terminals(box)
    found = []
    if mount.hidepid is not None:
        named = release(box.facts.kernel) >= _MODERN_PROC
        found.append(("hidepid", mount.hidepid if named else _HIDEPID[mount.hidepid]))
    if mount.subset is not None:
        found.append(("subset", mount.subset))
    return found


def terminals(box: Box) -> list[tuple[str, str]]:
    """A devpts's: its group can only be told where the box has it."""
    has = ids(box.spec, box.facts)[1] == _TTY
    if box.maps is not None:
        has = any(each.inside <= _TTY < each.inside + each.count for each in box.maps.gids)
    return [("ptmxmode", "0666"), ("mode", "0620"), *([("gid", str(_TTY))] if has else [])]


def attributes(mount: Mount) -> list[str]:
    """Its mount attributes from the first."""
    found = ["MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NOEXEC"]
    found += [] if mount.type == "devpts" else ["MOUNT_ATTR_NODEV"]
    read_only = mount.type == "sysfs" or (mount.type == "cgroup2" and mount.read_only)
    return found + (["MOUNT_ATTR_RDONLY"] if read_only else [])


def tmpfs_options(mount: Mount) -> str:
    """The data of mount(2)."""
    found = [f"mode={0o1777 if mount.mode is None else mount.mode:04o}"]
    found += [] if mount.size is None else [f"size={mount.size}"]
    found += [] if mount.inodes is None else [f"nr_inodes={mount.inodes}"]
    return ",".join(found)


def closed_at_the_end(mount: Mount) -> bool:
    """Whether it becomes read-only once everything that lies in it is there."""
    return mount.read_only and mount.type in ("tmpfs", "overlay", "dev", "proc")


def check(spec: Spec, facts: HostFacts) -> list[PlanProblem]:
    """What this kernel, or this host, does not have."""
    found = []
    for mount in spec.mounts:
        old = release(facts.kernel) < _MODERN_PROC
        if old and (mount.subset is not None or mount.hidepid == "ptraceable"):
            key = "subset" if mount.subset is not None else "hidepid"
            value = mount.subset or mount.hidepid
            message = f"a proc with `{key}: {value}` needs Linux 5.8, this is {facts.kernel}"
            found.append(
                PlanProblem(message, spec.origin(f"{mount.at}.{key}"), f"leave `{key}` out")
            )
        if mount.type == "cgroup2" and not _has_cgroup2(facts):
            message = f"this host has no cgroup2: none is mounted at or below {CGROUPS}"
            remedy = "boot it with systemd.unified_cgroup_hierarchy=1, or leave the mount out"
            found.append(PlanProblem(message, spec.origin(mount.at), remedy))
    return found


def _has_cgroup2(facts: HostFacts) -> bool:
    return any(mount.type == "cgroup2" for mount in facts.mounts_at(CGROUPS))


def warnings(spec: Spec, facts: HostFacts) -> list[str]:
    """A cgroup2 that shows less than people expect."""
    asked = any(mount.type == "cgroup2" for mount in spec.mounts)
    if not asked or not any(mount.type == "cgroup" for mount in facts.mounts_at(CGROUPS)):
        return []
    return [
        "this host keeps its controllers in cgroups of the old kind: the box's cgroup2 shows its "
        "processes, but no memory, cpu or pids"
    ]
