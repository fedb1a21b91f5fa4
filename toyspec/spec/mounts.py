"""`mounts`: the filesystems of a box's own, and which of a mount's keys go with which type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toyspec.spec import paths
from toyspec.spec.context import Context
from toyspec.spec.model import Mount
from toyspec.spec.nodes import Key, Mapping, Node
from toyspec.spec.numbers import mode, size
from toyspec.spec.root import overlay
from toyspec.spec.wrong import Wrong

DEFAULT_TARGETS = {
    "proc": "/proc", "sysfs": "/sys", "dev": "/dev", "devpts": "/dev/pts",
    "mqueue": "/dev/mqueue", "cgroup2": "/sys/fs/cgroup",
}  # fmt: skip
_BELONGS = (
    ("tmpfs", ("size", "mode", "inodes")),
    ("overlay", ("lower", "upper", "work")),
    ("proc", ("hidepid", "subset")),
    ("volume", ("name",)),
)
_CANNOT = {  # values of keys that every type has: what the type makes of them
    ("read_only", False): {"sysfs": "a sysfs is always read-only"},
    ("read_only", True): {
        "devpts": "terminals are written to whatever the mount says",
        "mqueue": "queues are written to whatever the mount says",
    },
    ("exec", True): dict.fromkeys(
        ("proc", "sysfs", "devpts", "mqueue", "cgroup2"), "nothing in it can ever be executed"
    ),
}
_NAMESPACE = {"mqueue": "ipc", "cgroup2": "cgroup"}
Claim = Callable[[Context, Mapping, str, Key], str]


def mount(context: Context, at: str, node: Mapping, data: Any, path: Key, claim: Claim) -> Mount:
    """One mount; `claim` checks a target and keeps others from it. Raises Wrong."""
    kind = data["type"]
    _keys(context, node, data, path)
    _namespace(context, kind)
    if "target" in data:
        target = claim(context, node, data["target"], path)
    elif kind in DEFAULT_TARGETS:
        target = DEFAULT_TARGETS[kind]
        context.default(f"{at}.target", f"mounts: {kind} at {target}")
        context.claim(target, node, path)
    else:
        raise Wrong(f"{_article(kind)} {kind} needs a `target`")
    read_only: bool = data.get("read_only", kind == "cgroup2")
    executable: bool = data.get("exec", True)
    if kind == "overlay":
        if "lower" not in data:
            raise Wrong("an overlay has a `lower`", "the directories under it")
        lower, upper, work = overlay(context, data, path)
        return Mount(
            at, kind, target, lower=lower, upper=upper, work=work, read_only=read_only,
            executable=executable,
        )  # fmt: skip
    name = data.get("name", "")
    if kind == "volume":
        if not name:
            raise Wrong("a volume has a `name`", "toyspec keeps one directory for each name")
        paths.plain(name)
    return Mount(
        at, kind, target, _number(context, node, data, path, "size", size),
        _number(context, node, data, path, "mode", mode), read_only=read_only,
        executable=executable, inodes=data.get("inodes"), hidepid=data.get("hidepid"),
        subset=data.get("subset"), name=name,
    )  # fmt: skip


def _keys(context: Context, node: Mapping, data: Any, path: Key) -> None:
    """Refuse what this type has no use for."""
    kind = data["type"]

    def refuse(key: str, message: str, label: str, at: Node | None) -> None:
        context.refuse(Wrong(message, label), at or node, *path, key)

    for owner, keys in _BELONGS:
        for key in keys:
            if key in data and kind != owner:
                message = f"a mount of type {kind} has no `{key}`"
                refuse(key, message, f"for {_article(owner)} {owner} only", node.key(key))
    for (key, value), kinds in _CANNOT.items():
        if data.get(key) is value and kind in kinds:
            message = f"`{key}: {str(value).lower()}` for {_article(kind)} {kind}"
            refuse(key, message, kinds[kind], node.get(key))


def _namespace(context: Context, kind: str) -> None:
    """What the kernel ties to a namespace that the box must have for itself."""
    if kind == "sysfs" and context.data.get("network") == "host":
        raise Wrong(
            "a sysfs needs the box's own network namespace",
            "the kernel refuses it with `network: host`",
            "leave out `network: host`, or bind the host's /sys",
        )  # fmt: skip
    name = _NAMESPACE.get(kind)
    shared = context.data.get("namespaces")
    if name and isinstance(shared, dict) and shared.get(name) == "host":
        raise Wrong(
            f"{_article(kind)} {kind} needs the box's own {name} namespace",
            f"the kernel refuses it with `{name}: host`",
            f"leave out `{name}: host`, or the mount",
        )


def _number(
    context: Context, node: Mapping, data: Any, path: Key, key: str,
    read: Callable[[Any], int | None],
) -> int | None:  # fmt: skip
    """A size or a mode; what is wrong with it is noted at the value."""
    try:
        return read(data.get(key))
    except Wrong as wrong:
        context.refuse(wrong, node.get(key) or node, *path, key)
        return None


def _article(kind: str) -> str:
    return "an" if kind[0] in "aeiou" or kind == "mqueue" else "a"
