"""What a box can touch: the plan's last line, and what a reader should know besides."""

from __future__ import annotations

from toyspec.host.facts import HostFacts
from toyspec.plan import (
    capabilities,
    etc,
    filesystems,
    filters,
    joining,
    masks,
    overlays,
)
from toyspec.plan.box import Box
from toyspec.plan.entries import Guard
from toyspec.plan.protection import spec_files
from toyspec.plan.sources import real_path
from toyspec.plan.step import Exposed, Exposure
from toyspec.spec.model import Bind, Mount, Profile
from toyspec.spec.protected import DEFAULT


def exposure(box: Box) -> Exposure:
    """Writable host paths, network, environment, terminal, and weakened defaults."""
    spec = box.spec
    writable = []
    if spec.root.path is not None and not spec.root.read_only:
        writable.append(Exposed(_shown(box, real_path(box.facts, spec.root.path)), "/"))
    if spec.root.upper is not None:
        writable.append(Exposed(_shown(box, spec.root.upper), "/"))
    mount = joining.joins(spec, "mount")
    if mount is not None:
        writable.append(Exposed(mount.path, "/"))
    for placed in box.layout.placed:
        thing = placed.entry.thing
        if isinstance(thing, Mount) and thing.upper is not None and thing.at != "root.lower":
            writable.append(Exposed(_shown(box, thing.upper), thing.target))
        kept = isinstance(thing, Mount) and thing.type == "volume" and not thing.read_only
        if kept or (isinstance(thing, Bind) and thing.writable):
            writable.append(Exposed(_shown(box, placed.source), thing.target))
    return Exposure(
        writable=tuple(writable),
        network="joined" if joining.joins(spec, "network") else spec.network,
        environment=tuple(env.name for env in spec.environment),
        terminal=box.facts.terminal,
        real_root=box.real_root,
        weakened=_weakened(box),
    )


def _shown(box: Box, path: str) -> str:
    """A path below the spec's directory is shown relative to it."""
    directory = box.spec.directory
    if path == directory:
        return "."
    return path[len(directory) + 1 :] if path.startswith(directory + "/") else path


def _weakened(box: Box) -> tuple[str, ...]:
    spec = box.spec
    found = [f"{path} of the host uncovered" for path in spec.root.uncovered]
    if spec.network == "host":
        found.append("network host")
    found += [
        f"{name} namespace of the host" for name in sorted(spec.host_namespaces - {"network"})
    ]
    found += joining.exposed(box)
    if not spec.no_new_privileges:
        found.append("new privileges allowed")
    if spec.seccomp == "none":
        found.append("no seccomp filter")
    elif isinstance(spec.seccomp, Profile):
        found.append(f"system calls as {spec.seccomp.path} says")
    if box.maps is not None:
        count = sum(span.count for span in box.maps.uids if span.outside != box.facts.uid)
        found.append(f"{count} sub-ids")
        if _extra_groups(box) and not box.drops_groups:
            found.append("supplementary groups kept")
    if spec.capabilities:
        found.append(f"capabilities {capabilities.short(spec.capabilities)}")
    if spec.git == "writable":
        found.append("git writable")
    if DEFAULT not in spec.protect:
        found.append(f"protected: {', '.join(spec.protect) or 'nothing'}")
    if any(
        isinstance(p.entry.thing, Bind) and p.entry.thing.writable and p.source == box.facts.path(file).real
        for p in box.layout.placed
        for file in spec_files(spec)
    ):  # fmt: skip
        found.append("the spec itself")
    left_out = box.layout.skipped
    found += [f"devices of {b.source}" for b in spec.binds if b.devices and b not in left_out]
    found += [f"setuid of {b.source}" for b in spec.binds if b.setuid and b not in left_out]
    cgroups = [mount for mount in spec.mounts if mount.type == "cgroup2" and not mount.read_only]
    found += [f"writable cgroup at {mount.target}" for mount in cgroups]
    return tuple(found)


def unresolved(facts: HostFacts) -> tuple[str, ...]:
    """What only an attempt can tell."""
    restricted = facts.sysctls.get("kernel.apparmor_restrict_unprivileged_userns")
    if restricted not in (None, "0") and facts.uid != 0:
        return ("whether AppArmor allows this program user namespaces is only told by `up`",)
    return ()


def warnings(box: Box) -> tuple[str, ...]:
    """What the box does otherwise than a reader may expect."""
    found = []
    for each in box.layout.skipped:
        what = "bind" if isinstance(each, Bind) else "copy of"
        found.append(f"{what} {each.source} left out: it is optional and its source is not there")
    found += overlays.warnings(box.spec, box.facts)
    found += filters.warnings(box.spec)
    found += etc.warnings(box.spec, box.facts)
    found += masks.warnings(box)
    found += filesystems.warnings(box.spec, box.facts)
    found += joining.warnings(box.spec)
    if "CAP_SYS_ADMIN" in box.spec.capabilities and not box.spec.landlock:
        found.append(
            "with SYS_ADMIN the box can unmount what covers something, and write to what is "
            "bound read-only; `landlock: true` forbids both"
        )
    elif _held(box) and filters.may_unmount(box):
        found.append(
            "what is protected in a writable bind is held by mounts, and in a user namespace of its "
            "own the box can do without them and rename it: `disable_user_namespaces: true` or "
            "`landlock: true` forbids that"
        )
    found += box.layout.remarks
    for placed in box.layout.placed:
        if isinstance(placed.entry.thing, Bind):
            found += _bind_warnings(placed.entry.thing, placed.source, box.spec.no_new_privileges)
    extra = _extra_groups(box)
    if extra and not box.drops_groups:
        listed = " ".join(map(str, extra))
        why = "" if box.maps else "without ranges of ids a box cannot drop them; "
        found.append(f"supplementary groups stay: {listed} ({why}they read as nogroup inside)")
    if box.real_root:
        found.append(
            "root runs this box: uid 0 inside is the host's own root, without capabilities"
        )
    return tuple(found)


def _held(box: Box) -> bool:
    """Whether anything is protected at all."""
    return any(isinstance(placed.entry.thing, Guard) for placed in box.layout.placed)


def _extra_groups(box: Box) -> list[int]:
    return [group for group in box.facts.groups if group != box.facts.gid]


def _bind_warnings(bind: Bind, real: str, no_new_privileges: bool) -> list[str]:
    found = []
    if bind.source != real and bind.at not in ("system", "etc"):
        found.append(f"{bind.source} leads to {real} through a symbolic link")
    if bind.setuid and no_new_privileges:
        found.append(f"setuid programs of {bind.source} gain nothing: no_new_privileges is true")
    return found
