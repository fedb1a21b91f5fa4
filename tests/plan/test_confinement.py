"""Capabilities, limits and sysctls as steps, and what a host does not allow."""

from __future__ import annotations

import pytest

from tests.plan.world import DIRECTORY, World, calls, host, value
from toyspec.host.facts import FactMissing
from toyspec.kernel.flags import CAPABILITIES, RLIMITS
from toyspec.plan.descriptors import ITEM
from toyspec.plan.error import PlanError
from toyspec.plan.step import Flags, Int, Plan, Struct


def caller() -> World:
    """A host whose caller's limits are known."""
    limits = {name.lower(): (1024, 4096) for name in RLIMITS}
    limits["core"] = (0, -1)
    return host(rlimits=limits, cpus=(0, 1, 2, 3, 8), nice=2, oom_score_adj=100)


def named(plan: Plan, option: str) -> list[object]:
    """The second arguments of prctl's `option`, or third where the second says which."""
    found = [s for s in calls(plan, "prctl") if value(s, "option") == (option,)]
    at = "arg3" if option == "PR_CAP_AMBIENT" else "arg2"
    return [value(step, at) for step in found]


def sets(plan: Plan) -> dict[str, tuple[str, ...]]:
    (step,) = calls(plan, "capset")
    data = value(step, "datap")
    assert isinstance(data, Struct)
    return {name: each.names for name, each in data.fields if isinstance(each, Flags)}


def test_kept_capabilities_are_in_all_five_sets() -> None:
    plan = host().plan("capabilities: [NET_RAW, CHOWN]")
    kept = ("CAP_CHOWN", "CAP_NET_RAW")
    assert named(plan, "PR_CAPBSET_DROP") == [(n,) for n in CAPABILITIES if n not in kept]
    assert sets(plan) == dict.fromkeys(("effective", "permitted", "inheritable"), kept)
    assert named(plan, "PR_CAP_AMBIENT") == [(name,) for name in kept]
    order = [s.call for s in plan.steps if s.call == "capset" or "AMBIENT" in str(s.args)]
    assert order == ["capset", "prctl", "prctl"]
    assert plan.exposure.weakened == ("capabilities CHOWN, NET_RAW",)


def test_without_any_nothing_is_held_and_nothing_counted() -> None:
    plan = host().plan("")
    assert sets(plan) == {}
    assert named(plan, "PR_CAP_AMBIENT") == []
    assert plan.exposure.weakened == ()


def test_sys_admin_is_warned_of() -> None:
    (warning,) = host().plan("capabilities: [SYS_ADMIN]").warnings
    assert "bound read-only" in warning


def test_with_landlock_it_can_change_no_mount() -> None:
    plan = host(landlock=7).plan(
        "capabilities: [SYS_ADMIN]\nlandlock: true\nroot: {read_only: true}"
    )
    assert plan.warnings == ()


WALL = """
root: {read_only: true}
mounts: [{type: tmpfs, target: /t}, {type: proc}]
binds: ["/a:/a:rw", /b, "/f:/f:rw"]
landlock: true
"""


def test_landlock_allows_what_the_mounts_allow() -> None:
    world = host({"/a": "dir", "/b": "dir", "/f": "file"}, landlock=7)
    plan = world.plan(WALL)
    opened = [s for s in plan.steps if s.phase == "confine" and s.call == "openat2"]
    rules = calls(plan, "landlock_add_rule")
    assert [value(s, "path") for s in opened] == ["t", "proc", "a", "f"]
    slots = [s.yields for s in opened]
    assert slots == ["writable", "writable:file", "writable", "writable:file"]
    assert "MAKE_REG" in str(rules[0].args)
    assert "MAKE_REG" not in str(rules[3].args)
    last = [s.call for s in plan.steps if s.phase == "confine" and s.item != ITEM][-3:]
    assert last == ["landlock_restrict_self", "close", "seccomp"]


def test_the_older_landlock_knows_no_truncate() -> None:
    for version, known in ((2, False), (3, True)):
        plan = host({"/a": "dir", "/b": "dir", "/f": "file"}, landlock=version).plan(WALL)
        assert ("TRUNCATE" in str(calls(plan, "landlock_create_ruleset"))) is known


def test_with_new_privileges_landlock_comes_before_the_capabilities_go() -> None:
    text = "landlock: true\nroot: {read_only: true}\nno_new_privileges: false"
    steps = [s.call for s in host(landlock=7).plan(text).steps]
    assert steps.index("landlock_restrict_self") < steps.index("capset")


def test_limits_are_set_after_everything_that_makes_the_box() -> None:
    text = "ulimits: {nofile: 100, core: unlimited, nproc: {soft: 5, hard: 6}}"
    for more in ("", "\nno_new_privileges: false"):
        plan = caller().plan(text + more)
        steps = calls(plan, "prlimit64")
        limits = [value(step, "new_limit") for step in steps]
        assert [value(s, "resource") for s in steps] == [
            ("RLIMIT_NOFILE",), ("RLIMIT_CORE",), ("RLIMIT_NPROC",),
        ]  # fmt: skip
        assert limits[1:] == [
            Struct("rlimit64", (("rlim_cur", Flags(("RLIM64_INFINITY",))),
                                ("rlim_max", Flags(("RLIM64_INFINITY",))))),
            Struct("rlimit64", (("rlim_cur", Int(5)), ("rlim_max", Int(6)))),
        ]  # fmt: skip
        confine = [s for s in plan.steps if s.phase == "confine" and s.call != "seccomp"]
        assert confine[-3:] == steps


def test_scheduling() -> None:
    plan = caller().plan(
        "cpus: '0-1,8'\nnice: 7\nioprio: {class: best-effort, level: 6}\numask: '0027'"
    )
    (affinity,) = calls(plan, "sched_setaffinity")
    assert value(affinity, "mask") == Struct("cpu_set_t", (("__bits[0]", Int(0x103)),))
    assert [value(s, "prio") for s in calls(plan, "setpriority")] == [Int(7)]
    assert [value(s, "ioprio") for s in calls(plan, "ioprio_set")] == [Int(2 << 13 | 6)]
    assert [value(s, "mask") for s in calls(plan, "umask")] == [("0022",), ("0027",)]


def test_cpus_above_64_are_in_later_words() -> None:
    world = host(cpus=tuple(range(200)))
    (step,) = calls(world.plan("cpus: [64, 199]"), "sched_setaffinity")
    mask = (("__bits[1]", Int(1)), ("__bits[3]", Int(1 << 7)))
    assert value(step, "mask") == Struct("cpu_set_t", mask)


def test_sysctls_are_written_before_proc_is_covered() -> None:
    text = "mounts: [{type: proc}, {type: proc, target: /p}]\nsysctls: {net.core.somaxconn: 7}"
    files = {"/proc/sys": "dir"}
    world = host(files, uid=0, gid=0, groups=(0,), home="/root")
    steps = [s for s in world.plan(text).steps if s.phase == "mounts"]
    opened = [s for s in steps if s.call == "openat2" and s.yields == "sysctl"]
    assert [(value(s, "dirfd"), value(s, "path")) for s in opened] == [
        ("kernel:proc", "sys/net/core/somaxconn")
    ]
    covered = next(s for s in steps if "read-only" in s.item)
    assert steps.index(opened[0]) < steps.index(covered)


def test_the_domain_name_needs_no_proc() -> None:
    plan = host().plan("sysctls: {kernel.domainname: example.org}")
    assert [value(s, "name") for s in calls(plan, "setdomainname")] == ["example.org"]


def test_user_namespaces_are_turned_off_in_the_box_s_own() -> None:
    plan = host().plan("mounts: [{type: proc}]\ndisable_user_namespaces: true")
    (step,) = [s for s in plan.steps if s.yields == "sysctl"]
    assert value(step, "path") == "sys/user/max_user_namespaces"
    written = plan.steps[plan.steps.index(step) + 1]
    assert value(written, "buf") == "0"


ROOT = host(uid=0, gid=0, groups=(0,), home="/root")
PROC = "mounts: [{type: proc}]\n"


@pytest.mark.parametrize(
    ("world", "text", "said"),
    [
        (host(landlock=0), "landlock: true\nroot: {read_only: true}",
         "this kernel (6.12.0) has no Landlock that could be used"),
        (host(landlock=1), "landlock: true\nroot: {read_only: true}",
         "this kernel's Landlock (1) would forbid every move of a file"),
        (host(landlock=7), "landlock: true",
         "Landlock in a box whose root is writable: its rules hold for all that is below"),
        (host(last_capability=37), "capabilities: [BPF]", "this kernel (6.12.0) has no CAP_BPF"),
        (ROOT, "capabilities: [SYS_ADMIN]",
         "the capability SYS_ADMIN in a box that root runs: it could unmount what covers "
         "/proc/sys, and the host's sysctls obey uid 0"),
        (caller(), "ulimits: {nofile: 4097}", "nofile: 4097 is above your hard limit, 4096"),
        (caller(), "ulimits: {as: {soft: 1, hard: unlimited}}",
         "as: unlimited is above your hard limit, 4096"),
        (caller(), "nice: 1", "nice 1 is below your own, 2"),
        (caller(), "oom_score_adj: 99", "oom_score_adj 99 is below your own, 100"),
        (caller(), "cpus: 3-5", "you may not run on CPU 4, 5: yours are 0-3, 8"),
        (host(), PROC + "network: host\nsysctls: {net.x: 1}",
         "net.x: the network namespace is not the box's own"),
        (host(), PROC + "namespaces: {ipc: host}\nsysctls: {kernel.shmmax: 1}",
         "kernel.shmmax: the ipc namespace is not the box's own"),
        (host(), PROC + "namespaces: {uts: host}\nsysctls: {kernel.domainname: x}",
         "kernel.domainname: the uts namespace is not the box's own"),
        (host(), PROC + "sysctls: {kernel.shmmax: 1}",
         "kernel.shmmax can be written by uid 0 of the box only"),
        (host(), "sysctls: {net.x: 1}",
         "net.x is written through the box's own proc, and it has none"),
        (host(), "disable_user_namespaces: true",
         "user.max_user_namespaces is written through the box's own proc, and it has none"),
    ],
)  # fmt: skip
def test_what_this_host_or_box_cannot(world: World, text: str, said: str) -> None:
    with pytest.raises(PlanError) as error:
        world.plan(text)
    assert [problem.message for problem in error.value.problems] == [said]
    assert error.value.problems[0].origin.line > 0


@pytest.mark.parametrize("text", ["ulimits: {core: 0}", "nice: 3", "oom_score_adj: 3", "cpus: [0]",
                                  "landlock: true"])  # fmt: skip
def test_facts_that_were_not_recorded_are_asked_for(text: str) -> None:
    with pytest.raises(FactMissing):
        host().plan(text)


@pytest.mark.parametrize("work", ["", ", work: ./lower/deep/w"])
def test_an_upper_in_its_lower_is_told_once_and_a_work_that_is_written_too(work: str) -> None:
    text = f"mounts: [{{type: overlay, target: /x, lower: ./lower, upper: ./lower/up{work}}}]"
    made = host({f"{DIRECTORY}/lower/up": "dir", f"{DIRECTORY}/lower/deep": "dir"})
    made.mine = (DIRECTORY,)
    with pytest.raises(PlanError) as caught:
        made.plan(text)
    told = [problem.message.partition(" lies in ")[0] for problem in caught.value.problems]
    assert told == [f"{DIRECTORY}/lower/{each}" for each in ("up", "deep/w")[: 1 + bool(work)]]
