"""What a spec takes away from its box, and the little that it gives: capabilities, limits, sysctls."""

from __future__ import annotations

from typing import Any

from toyspec.spec import words
from toyspec.spec.context import Context
from toyspec.spec.model import IoPriority, Sysctl, Ulimit
from toyspec.spec.nodes import Mapping, Node, Sequence
from toyspec.spec.shown import quote
from toyspec.spec.sysctls import SysctlNamespace, namespace_of
from toyspec.spec.wrong import Wrong
from toyspec.values import dataclass

CAPABILITIES = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
    "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
    "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
    "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
    "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
    "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
)  # fmt: skip
"""capabilities(7), in the order of their numbers, without the `CAP_` that the kernel writes."""
MOST_CPUS = 1024
"""CPUs of a `cpu_set_t` (CPU_SET(3))."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """These keys of a spec; None: nothing is changed."""

    capabilities: tuple[str, ...]
    ulimits: tuple[Ulimit, ...]
    umask: int
    oom_score_adj: int | None
    nice: int | None
    cpus: tuple[int, ...]
    ioprio: IoPriority | None
    sysctls: tuple[Sysctl, ...]
    disable_user_namespaces: bool
    landlock: bool


def confinement(context: Context) -> Confinement:
    """Each key, with its origin; what is wrong goes into the report."""
    for key, rule in (
        ("capabilities", "[]"), ("ulimits", "{}, the caller's"), ("umask", "0022"),
        ("oom_score_adj", "the caller's"), ("nice", "the caller's"), ("cpus", "the caller's"),
        ("ioprio", "the caller's"), ("sysctls", "{}"), ("disable_user_namespaces", "false"),
        ("landlock", "false"),
    ):  # fmt: skip
        context.note(key, f"{key}: {rule}")
    found = Confinement(
        capabilities=_capabilities(context),
        ulimits=_ulimits(context),
        umask=int(_whole(context, "umask") or "022", 8),
        oom_score_adj=_whole(context, "oom_score_adj"),
        nice=_whole(context, "nice"),
        cpus=_cpus(context),
        ioprio=_ioprio(context),
        sysctls=_sysctls(context),
        disable_user_namespaces=_whole(context, "disable_user_namespaces") is True,
        landlock=_whole(context, "landlock") is True,
    )
    _agree(context, found)
    return found


def _whole(context: Context, key: str) -> Any:
    """A key's value if it is there and nothing in it is wrong."""
    return context.data.get(key) if context.usable(key) else None


def _capabilities(context: Context) -> tuple[str, ...]:
    """The capabilities by the kernel's names, in the order of their numbers."""
    node = context.top.get("capabilities")
    if not context.readable("capabilities") or not isinstance(node, Sequence):
        return ()
    found: dict[str, int] = {}
    for i, (item, text) in enumerate(zip(node.items, context.data["capabilities"], strict=True)):
        if not context.usable("capabilities", i):
            continue
        try:
            name = _capability(text)
        except Wrong as wrong:
            context.refuse(wrong, item, "capabilities", i)
            continue
        context.origin(f"capabilities[{i}]", item)
        if name in found:
            line, _ = context.report.source.place(node.items[found[name]].start)
            twice = Wrong(f"the capability {quote(name)} is here twice", f"first on line {line}")
            context.refuse(twice, item, "capabilities", i)
        found.setdefault(name, i)
    return tuple(f"CAP_{name}" for name in CAPABILITIES if name in found)


def _capability(text: str) -> str:
    plain = text.removeprefix("CAP_")
    if plain in CAPABILITIES:
        return plain
    if text.upper() in ("ALL", "CAP_ALL"):
        raise Wrong(f"{quote(text)} is no capability", "name each one that the box needs")
    guess = plain.upper().removeprefix("CAP_")
    if guess not in CAPABILITIES:
        near = words.nearest(guess, [name.lower() for name in CAPABILITIES])
        guess = near.upper() if near else ""
    label = f"did you mean `{guess}`?" if guess else "see capabilities(7)"
    raise Wrong(f"{quote(text)} is no capability", label)


def _ulimits(context: Context) -> tuple[Ulimit, ...]:
    found = []
    for name, at, data in _pairs(context, "ulimits"):
        pair = (data["soft"], data["hard"]) if isinstance(data, dict) else (data, data)
        soft, hard = (None if each == "unlimited" else int(each) for each in pair)
        found.append(Ulimit(at, name, soft, hard))
        if hard is not None and (soft is None or soft > hard):
            wrong = Wrong("the soft limit is above the hard one", "soft: at most hard")
            context.refuse(wrong, context.node("ulimits", name), "ulimits", name)
    return tuple(found)


def _pairs(context: Context, key: str) -> list[tuple[str, str, Any]]:
    """A mapping's entries in which nothing is wrong so far: name, key path, data."""
    node = context.top.get(key)
    if not context.readable(key) or not isinstance(node, Mapping):
        return []
    found = []
    for name, value in node.pairs:
        if name.text.startswith("x-") or not context.usable(key, name.text):
            continue
        at = f"{key}.{name.text}"
        context.origin(at, value)
        found.append((name.text, at, context.data[key][name.text]))
    return found


def _cpus(context: Context) -> tuple[int, ...]:
    data = _whole(context, "cpus")
    if data is None:
        return ()
    found: set[int] = set()
    for part in data.split(",") if isinstance(data, str) else map(str, data):
        first, _, last = part.strip().partition("-")
        low, high = int(first), int(last or first)
        if high >= MOST_CPUS:
            wrong = Wrong(f"the CPU {high} is more than {MOST_CPUS - 1}", "CPUs count from 0")
            context.refuse(wrong, context.node("cpus"), "cpus")
            return ()
        if high < low:
            wrong = Wrong(f"{quote(part)} runs backwards", "the lower number comes first")
            context.refuse(wrong, context.node("cpus"), "cpus")
            return ()
        found.update(range(low, high + 1))
    return tuple(sorted(found))


def _ioprio(context: Context) -> IoPriority | None:
    data = _whole(context, "ioprio")
    if data is None:
        return None
    if data["class"] == "idle" and data.get("level", 0) != 0:
        wrong = Wrong("the class idle has no `level`", "leave it out")
        context.refuse(wrong, context.node("ioprio", "level"), "ioprio", "level")
    level: int = data.get("level", 0 if data["class"] == "idle" else 4)
    return IoPriority(data["class"], int(level))


def _sysctls(context: Context) -> tuple[Sysctl, ...]:
    found = []
    for name, at, data in _pairs(context, "sysctls"):
        value = str(data)
        try:
            owner: SysctlNamespace = namespace_of(name)
        except Wrong as wrong:
            context.refuse(wrong, _key(context, "sysctls", name), "sysctls", name)
            continue
        if not value.replace("\t", " ").isprintable() or not value.strip():
            bad = Wrong(f"{quote(name)} cannot be {quote(value)}", "one line of text")
            context.refuse(bad, context.node("sysctls", name), "sysctls", name)
        found.append(Sysctl(at, name, owner, value))
    return tuple(found)


def _key(context: Context, above: str, name: str) -> Node:
    """The key itself, where it is the name that is wrong."""
    node = context.node(above)
    return (node.key(name) if isinstance(node, Mapping) else None) or node


def _agree(context: Context, found: Confinement) -> None:
    """What two keys together cannot mean."""
    if not found.disable_user_namespaces:
        return
    node = context.node("disable_user_namespaces")
    if "CAP_SYS_RESOURCE" in found.capabilities:
        wrong = Wrong(
            "`disable_user_namespaces` with the capability SYS_RESOURCE", "it could undo it",
            "leave out one of the two",
        )  # fmt: skip
        context.refuse(wrong, node, "disable_user_namespaces")
    if any(each.name == "user.max_user_namespaces" for each in found.sysctls):
        wrong = Wrong("`disable_user_namespaces` sets user.max_user_namespaces", "it is set twice")
        context.refuse(wrong, node, "disable_user_namespaces")
