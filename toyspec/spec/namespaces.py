"""The namespaces that a box shares: with the host, or by joining one; and its clocks."""

from __future__ import annotations

from typing import Any

from toyspec.spec import paths
from toyspec.spec.context import Context
from toyspec.spec.model import Clock, Join, Namespace
from toyspec.spec.nodes import Mapping, Scalar
from toyspec.spec.wrong import Wrong
from toyspec.values import dataclass

ORDER: tuple[Namespace, ...] = ("user", "network", "uts", "ipc", "cgroup", "time", "pid", "mount")
"""Joined in this order: the user namespace first, since the right to the others comes with it; the
mount namespace last, since every path means something else from there on."""
_FILES = (
    "root", "system", "binds", "mounts", "files", "etc", "masked_paths", "read_only_paths",
    "protect", "git", "sysctls", "landlock",
)  # fmt: skip
"""What says what a box sees of files: a joined mount namespace has its own answer."""
_CLOCKS: tuple[Clock, ...] = ("monotonic", "boottime")
_BILLION = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Shared:
    """The model's fields of these names."""

    host: frozenset[Namespace]
    joined: tuple[Join, ...]
    time_offsets: tuple[tuple[Clock, int], ...] | None


def namespaces(context: Context, network: str) -> Shared:
    """The exceptions; what does not go together is noted."""
    node = context.note("namespaces", "namespaces: all new but time")
    host: set[Namespace] = {"network"} if network == "host" else set()
    joined: list[Join] = []
    offsets: tuple[tuple[Clock, int], ...] | None = None
    data = context.data.get("namespaces")
    if isinstance(data, dict) and isinstance(node, Mapping):
        for name in ORDER:
            value = node.get(name)
            if value is None or not context.usable("namespaces", name):
                continue
            context.origin(f"namespaces.{name}", value)
            given = data[name]
            if name == "time" and (given == "new" or isinstance(given, dict)):
                offsets = _offsets(context, given)
            elif given == "host":
                host.update(() if name == "time" else (name,))
            elif given != "new" and isinstance(value, Scalar):
                joined += _joined(context, name, given, value)
    found = Shared(frozenset(host), tuple(joined), offsets)
    _agree(context, found)
    return found


def _joined(context: Context, name: Namespace, text: str, node: Scalar) -> list[Join]:
    around = context.surroundings
    try:
        path = paths.namespace(text, around.directory, around.home)
    except Wrong as wrong:
        context.refuse(wrong.unplaced(), node, "namespaces", name)
        return []
    return [Join(f"namespaces.{name}", name, path)]


def _offsets(context: Context, data: Any) -> tuple[tuple[Clock, int], ...]:
    """Nanoseconds; a clock without an offset is left out."""
    if not isinstance(data, dict):
        return ()
    found: list[tuple[Clock, int]] = []
    for clock in _CLOCKS:
        given = data.get(clock, 0)
        if not abs(given) < float("inf"):  # .nan, which no schema catches
            node = context.node("namespaces", "time", clock)
            context.refuse(Wrong(f"{clock} is no number"), node, "namespaces", "time", clock)
            continue
        if given:
            from decimal import Decimal

            found.append((clock, int(Decimal(str(given)) * _BILLION)))
    return tuple(found)


def _agree(context: Context, found: Shared) -> None:
    """What other keys cannot mean beside these."""
    by_name = {join.namespace: join for join in found.joined}
    top = context.top
    if "uts" in found.host or "uts" in by_name:
        node = top.get("hostname")
        whose = "the host's uts namespace" if "uts" in found.host else "a joined uts namespace"
        if node is not None:
            wrong = Wrong(
                f"a hostname with {whose}",
                "it would rename the host" if "uts" in found.host else "it has a name already",
                f"leave out `hostname`, or `uts: {'host' if 'uts' in found.host else '…'}`",
            )
            context.refuse(wrong, node, "hostname")
    if "network" in by_name and "network" in found.host:
        wrong = Wrong(
            "`network: host` with a network namespace to join", "it is one or the other",
            "leave out one of the two",
        )  # fmt: skip
        context.refuse(wrong, context.node("network"), "network")
    user = top.get("user")
    if "mount" in by_name:
        _files_of_others(context, by_name)
    if "user" in by_name and user is not None:
        wrong = Wrong(
            "`user` with a user namespace to join", "the map of the joined one says who init is",
            "leave out `user`",
        )  # fmt: skip
        context.refuse(wrong, user, "user")


def _files_of_others(context: Context, by_name: dict[Namespace, Join]) -> None:
    """A joined mount namespace is used as it is: nothing is mounted where others would see it."""
    for key in _FILES:
        node = context.top.get(key)
        if node is not None and context.data.get(key) not in ([], {}, False, "none"):
            wrong = Wrong(
                f"`{key}` with a mount namespace to join", "its files are what they are there",
                f"leave out `{key}`, or `mount` under `namespaces`",
            )  # fmt: skip
            context.refuse(wrong, node, key)
    if "user" not in by_name:
        wrong = Wrong(
            "a mount namespace to join without a user namespace", "the right to it comes with that",
            "join the `user` namespace that owns it, too",
        )  # fmt: skip
        context.refuse(wrong, context.node("namespaces", "mount"), "namespaces", "mount")
