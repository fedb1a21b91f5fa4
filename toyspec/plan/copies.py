"""Copies of host files: what can be copied, and what a plan knows of it, which is its size.

The bytes themselves go from descriptor to descriptor, and never into a plan.
"""

from __future__ import annotations

from toyspec.host.facts import FactMissing, HostFacts, PathFact
from toyspec.spec.model import File

LARGEST = 16 << 20
"""Bytes of a copy: it is memory that the box keeps, where a bind costs nothing."""
_KERNELS = frozenset(
    ("proc", "sysfs", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "configfs")
)


def problem(facts: HostFacts, file: File) -> tuple[str, str | None] | None:
    """Why a source cannot be copied, and what to do; None where it can."""
    source = file.source
    assert source is not None
    fact = facts.path(source)
    if fact.denied:
        who = f"{fact.denied} may not be searched by uid {facts.uid} (no x)"
        return f"source {source} cannot be reached: {who}", None
    if fact.real_kind == "missing":
        what = "is a dangling symlink" if fact.kind == "symlink" else "does not exist"
        remedy = "make it, correct the path, or add `optional: true` to leave the copy out"
        return f"source {source} {what}", remedy
    if fact.real_kind != "file":
        remedy = "bind it instead: only a regular file has bytes to copy"
        return f"source {source} is a {fact.real_kind}", remedy
    if of_a_process(fact.real or ""):
        return f"source {source} leads to {fact.real}, which belongs to one process", None
    if fact.unreadable:
        return f"source {source} may not be read by uid {facts.uid}", "see its owner and mode"
    if facts.mounts_at(source)[0].type in _KERNELS:
        message = f"source {source} is the kernel's: its content is made when it is read"
        return message, "bind it instead"
    if size(fact, source) > LARGEST:
        message = f"source {source} has {size(fact, source)} bytes, a copy at most {LARGEST}"
        return message, "bind it instead: the box keeps a copy in memory"
    return None


def left_out(facts: HostFacts, file: File) -> bool:
    """An optional copy without a source."""
    if not file.optional or file.source is None:
        return False
    return facts.path(file.source).real_kind in ("missing", "denied")


def size(fact: PathFact, path: str) -> int:
    """The bytes of a regular file; FactMissing where older facts lack them."""
    if fact.size is None:
        raise FactMissing(("size", path))
    return fact.size


def of_a_process(path: str) -> bool:
    """Below /proc/PID: whoever looked, and not who builds the box."""
    top, _, rest = path.lstrip("/").partition("/")
    return top == "proc" and rest.partition("/")[0].isdigit()
