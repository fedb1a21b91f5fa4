"""Paths of the box that are hidden or read-only, and the lists that OCI runtimes have by default."""

from __future__ import annotations

from typing import Final, Literal

from toyspec.spec import paths
from toyspec.spec.context import Context
from toyspec.spec.nodes import Sequence
from toyspec.spec.shown import quote
from toyspec.spec.wrong import Wrong

OCI: Final = {
    "masked_paths": (
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
        "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
        "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
    ),
    "read_only_paths": (
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
    ),
}  # fmt: skip
"""What runc and crun are given by docker and podman (moby: oci/defaults.go)."""


def covers(
    context: Context, key: Literal["masked_paths", "read_only_paths"]
) -> tuple[str, ...] | None:
    """The paths; None where the key is not there."""
    node = context.note(key, f"{key}: none, OCI's and more where root runs the box")
    if node is None:
        return None
    if not context.readable(key) or not isinstance(node, Sequence):
        return OCI[key]
    found: dict[str, None] = {}
    for i, (item, text) in enumerate(zip(node.items, context.data[key], strict=True)):
        if not context.usable(key, i):
            continue
        context.origin(f"{key}[{i}]", item)
        try:
            path = paths.entry(text)
            if path in found:
                raise Wrong(f"{quote(path)} is here twice")
            found[path] = None
        except Wrong as wrong:
            context.refuse(wrong.unplaced(), item, key, i)
    return tuple(found)
