"""The calls that confine a process, as plan values: limits, scheduling, capabilities, Landlock."""

from __future__ import annotations

from toyspec.plan.calls import Call, Slot, call
from toyspec.plan.step import Data, Fd, Flags, Int, Null, Struct

SIZEOF_CPU_SET = 128
SIZEOF_RULESET = 8


def setdomainname(name: str) -> Call:
    """setdomainname(2)"""
    return call("setdomainname", ("name", Data((name,))), ("len", Int(len(name.encode()))))


def prlimit(resource: str, soft: int | None, hard: int | None) -> Call:
    """prlimit(2) of this process; `resource` in lower case, None is unlimited."""
    limits = Struct("rlimit64", (("rlim_cur", _limit(soft)), ("rlim_max", _limit(hard))))
    return call(
        "prlimit64",
        ("pid", Int(0)),
        ("resource", Flags((f"RLIMIT_{resource.upper()}",))),
        ("new_limit", limits),
        ("old_limit", Null()),
    )


def _limit(value: int | None) -> Int | Flags:
    return Flags(("RLIM64_INFINITY",)) if value is None else Int(value)


def setpriority(nice: int) -> Call:
    """setpriority(2) of this process"""
    return call(
        "setpriority", ("which", Flags(("PRIO_PROCESS",))), ("who", Int(0)), ("prio", Int(nice))
    )


def ioprio_set(priority: int) -> Call:
    """ioprio_set(2) of this process: the class, shifted, and the level."""
    which = Flags(("IOPRIO_WHO_PROCESS",))
    return call("ioprio_set", ("which", which), ("who", Int(0)), ("ioprio", Int(priority)))


def sched_setaffinity(cpus: tuple[int, ...]) -> Call:
    """sched_setaffinity(2) of this process"""
    words: dict[int, int] = {}
    for cpu in cpus:
        words[cpu // 64] = words.get(cpu // 64, 0) | 1 << cpu % 64
    mask = tuple((f"__bits[{word}]", Int(words[word])) for word in sorted(words))
    return call(
        "sched_setaffinity",
        ("pid", Int(0)),
        ("cpusetsize", Int(SIZEOF_CPU_SET)),
        ("mask", Struct("cpu_set_t", mask)),
    )


def capset(*names: str) -> Call:
    """capset(2): the effective, permitted and inheritable sets hold `names` and nothing else."""
    sets = ("effective", "permitted", "inheritable") if names else ()
    header = (("version", Flags(("_LINUX_CAPABILITY_VERSION_3",))), ("pid", Int(0)))
    return call(
        "capset",
        ("hdrp", Struct("__user_cap_header_struct", header)),
        ("datap", Struct("__user_cap_data_struct", tuple((each, Flags(names)) for each in sets))),
    )


def landlock_create_ruleset(*access: str) -> Call:
    """landlock_create_ruleset(2): the kinds of access that need a rule from then on."""
    handled = Struct("landlock_ruleset_attr", (("handled_access_fs", Flags(access)),))
    return call(
        "landlock_create_ruleset",
        ("attr", handled),
        ("size", Int(SIZEOF_RULESET)),
        ("flags", Int(0)),
    )


def landlock_allow(ruleset: Slot, below: Slot, *access: str) -> Call:
    """landlock_add_rule(2): `access` to the file `below`, or to everything below that directory."""
    fields = (("allowed_access", Flags(access)), ("parent_fd", Fd(below)))
    return call(
        "landlock_add_rule",
        ("ruleset_fd", Fd(ruleset)),
        ("rule_type", Flags(("LANDLOCK_RULE_PATH_BENEATH",))),
        ("rule_attr", Struct("landlock_path_beneath_attr", fields)),
        ("flags", Int(0)),
    )


def landlock_restrict_self(ruleset: Slot) -> Call:
    """landlock_restrict_self(2)"""
    return call("landlock_restrict_self", ("ruleset_fd", Fd(ruleset)), ("flags", Int(0)))
