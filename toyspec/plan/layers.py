"""Layers of the box's tree as the spec has them: the root, and mounts."""

from __future__ import annotations

from toyspec.host.facts import HostFacts
from toyspec.plan import volumes
from toyspec.plan.layout import DEVICE_LINKS, DEVICES
from toyspec.plan.tree import Layer, Node, Tree, join
from toyspec.spec.model import Mount, Spec


def of_root(spec: Spec) -> Layer:
    """What the box sees as `/`."""
    root = spec.root
    if root.kind == "host":
        return Layer("bind", "/", writable=False)
    if root.kind == "overlay" and not root.lower_host:
        return of_overlay(root.lower, root.upper)
    return Layer("root", root.path) if root.path else Layer("own")


def of_overlay(lower: tuple[str, ...], upper: str | None) -> Layer:
    """`lower`, the first on top, below the `upper` that is written to on disk."""
    shown = lower if upper is None else (upper, *lower)
    return Layer("overlay", shown[0], writable=upper is not None, under=shown[1:])


def of_mount(facts: HostFacts, mount: Mount) -> Layer:
    """What a mount of the box's own shows."""
    if mount.type in ("proc", "sysfs"):
        base = "/proc" if mount.type == "proc" else "/sys"
        return Layer("kernel", None if mount.subset else base, writable=mount.type == "proc")
    if mount.type == "overlay":
        return of_overlay(mount.lower, mount.upper)
    if mount.type == "volume":
        return Layer("volume", volumes.place(facts, mount.name), writable=not mount.read_only)
    if mount.type in ("devpts", "mqueue", "cgroup2"):
        return Layer("kernel", writable=False)
    return Layer("own")


def add_devices(tree: Tree, path: str) -> None:
    """What a `dev` at `path` holds."""
    for name, _ in DEVICES:
        if tree.facts.path(f"/dev/{name}").kind == "character":
            tree.add(join(path, name), Node("character"))
    if tree.facts.terminal and path == "dev":
        tree.add(join(path, "console"), Node("character"))
    for name, text in DEVICE_LINKS:
        tree.add(join(path, name), Node("symlink", link=text))
    tree.add(join(path, "pts"), Node("directory", layer=Layer("kernel", writable=False)))
    tree.add(join(path, "shm"), Node("directory", layer=Layer("own")))
