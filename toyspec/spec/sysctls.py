"""Which namespace a sysctl belongs to: only those that a box can own may be in a spec."""

from __future__ import annotations

import typing

from toyspec.spec.shown import quote
from toyspec.spec.wrong import Wrong

SysctlNamespace = typing.Literal["network", "ipc", "uts", "user"]

_IPC = ("kernel.msg", "kernel.shm", "fs.mqueue.")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def namespace_of(name: str) -> SysctlNamespace:
    """The namespace that holds the sysctl `name` (namespaces(7), proc_sys(5)).

    Raises Wrong where it is the whole machine's, or no name of a sysctl.
    """
    if "/" in name:
        raise Wrong(f"{quote(name)} is a path", f"write {quote(name.strip('/').replace('/', '.'))}")
    parts = name.split(".")
    if len(parts) < 2 or not all(part and _LETTERS.issuperset(part) for part in parts):
        raise Wrong(f"{quote(name)} is no sysctl", "names with dots, like net.ipv4.ip_forward")
    if parts[0] == "net":
        return "network"
    if name == "kernel.hostname":
        raise Wrong("kernel.hostname has a key of its own", "`hostname`")
    if name == "kernel.domainname":
        return "uts"
    if name.startswith(_IPC) or name in ("kernel.sem", "kernel.sem_next_id"):
        return "ipc"
    if parts[0] == "user":
        return "user"
    raise Wrong(
        f"{quote(name)} is the whole machine's", "no namespace holds it",
        "a box sets net.*, kernel.domainname, kernel.msg*, kernel.sem, kernel.shm*, fs.mqueue.* "
        "and user.*",
    )  # fmt: skip
