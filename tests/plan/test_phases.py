"""The phases: what they do for the words of a spec, on this and that kernel, for this and that caller."""

from __future__ import annotations

import pytest

from tests.plan.world import DIRECTORY, calls, host, old, value
from toyspec.host.facts import MountFact
from toyspec.kernel.flags import CAPABILITIES
from toyspec.plan.descriptors import ITEM
from toyspec.plan.step import Environment, Expect, Int, Plan, Step

ALL = ["USER", "NS", "PID", "NET", "UTS", "IPC", "CGROUP"]


def unshared(text: str) -> list[str]:
    (step,) = calls(host().plan(text), "unshare")
    names = value(step, "flags")
    assert isinstance(names, tuple)
    return [name.removeprefix("CLONE_NEW") for name in names]


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("", []),
        ("network: host", ["NET"]),
        ("namespaces: {ipc: host, uts: host, cgroup: host}", ["UTS", "IPC", "CGROUP"]),
        ("namespaces: {ipc: new}", []),
    ],
)
def test_namespaces(text: str, without: list[str]) -> None:
    assert unshared(text) == [name for name in ALL if name not in without]


def test_what_needs_a_namespace_is_done_only_there() -> None:
    plan = host().plan("network: host\nnamespaces: {uts: host}")
    assert calls(plan, "sethostname", "socket", "ioctl") == []


@pytest.mark.parametrize(
    ("user", "uid_map", "gid_map"),
    [("caller", "1000 1000 1", "1000 1000 1"), ("root", "0 1000 1", "0 1000 1"),
     ("'5:7'", "5 1000 1", "7 1000 1")],
)  # fmt: skip
def test_maps(user: str, uid_map: str, gid_map: str) -> None:
    plan = host().plan(f"user: {user}")
    steps = [s for s in plan.steps if s.phase == "identity"]
    written = {str(value(s, "fd")): value(s, "buf") for s in steps if s.call == "write"}
    assert written == {"setgroups": "deny", "uid_map": uid_map, "gid_map": gid_map}
    assert list(written) == ["setgroups", "uid_map", "gid_map"]
    assert sum(s.expects == Expect(filesystem="PROC_SUPER_MAGIC") for s in steps) == 3


def test_every_capability_up_to_the_last_is_dropped() -> None:
    for last in (37, 40, 43):
        plan = host(last_capability=last).plan("")
        drops = [s for s in calls(plan, "prctl") if value(s, "option") == ("PR_CAPBSET_DROP",)]
        assert len(drops) == last + 1
        assert [value(s, "arg2") for s in drops[:3]] == [(name,) for name in CAPABILITIES[:3]]


def test_a_recursive_read_only_bind_in_one_call() -> None:
    plan = host({"/a": "dir"}).plan("binds: [/a]")
    (step,) = [s for s in calls(plan, "mount_setattr") if s.phase == "attach"]
    assert value(step, "flags") == ("AT_EMPTY_PATH", "AT_RECURSIVE")
    assert "MOUNT_ATTR_RDONLY" in str(value(step, "attr"))


@pytest.mark.parametrize(
    ("options", "attributes"),
    [
        ("", {"NOSUID", "NODEV", "RDONLY"}),
        (":rw", {"NOSUID", "NODEV"}),
        (":dev", {"NOSUID", "RDONLY"}),
        (":rw,dev", {"NOSUID"}),
    ],
)
def test_attributes(options: str, attributes: set[str]) -> None:
    plan = host({"/a": "dir"}).plan(f"binds: ['/a:/b{options}']")
    (step,) = [s for s in calls(plan, "mount_setattr") if s.phase == "attach"]
    names = str(value(step, "attr"))
    assert {n for n in ("NOSUID", "NODEV", "RDONLY", "NOEXEC") if f"_{n}'" in names} == attributes


def remounts(plan: Plan) -> list[set[str]]:
    """The flags of every remount of an attached tree."""
    flags = [str_set(s) for s in calls(plan, "mount") if s.phase == "attach"]
    return [each - {"MS_REMOUNT", "MS_BIND"} for each in flags if "MS_REMOUNT" in each]


def str_set(step: Step) -> set[str]:
    flags = value(step, "mountflags")
    assert isinstance(flags, tuple)
    return set(flags)


def test_without_mount_setattr_inherited_flags_are_repeated_and_submounts_visited() -> None:
    world = old(host({"/a/x": "dir", "/a/y/z": "dir"}))
    world.table = (
        MountFact("/", "ext4", ("relatime",)),
        MountFact("/a", "ext4", ("noexec", "relatime")),
        MountFact("/a/x", "tmpfs", ("nosuid", "nodev", "noatime")),
        MountFact("/a/y/z", "ext4", ("ro",)),
    )
    plan = world.plan("binds: ['/a:/b:rw']")
    assert calls(plan, "mount_setattr", "close_range") == []
    assert remounts(plan) == [
        {"MS_NOSUID", "MS_NODEV", "MS_NOEXEC", "MS_RELATIME"},
        {"MS_NOSUID", "MS_NODEV", "MS_NOATIME"},
        {"MS_NOSUID", "MS_NODEV", "MS_RDONLY"},
    ]
    inside = [value(s, "path") for s in calls(plan, "openat2") if s.yields == "inside"]
    assert inside == ["b", "b/x", "b/y/z"]


def test_without_close_range_what_was_inherited_is_closed_one_by_one() -> None:
    plan = old(host(inherited=(3, 17))).plan("")
    closed = [s for s in calls(plan, "close") if s.item == ITEM]
    assert [value(s, "fd") for s in closed] == [3, 17]
    assert [value(s, "flags") for s in calls(host(inherited=(3, 17)).plan(""), "close_range")] == [
        ()
    ]


def test_what_the_command_needs_until_its_execve_lies_behind_the_streams() -> None:
    """And all else is closed: what is only marked could be gone through by a script's first line."""
    own = [s for s in host().plan("").steps if s.item == ITEM]
    assert [s.call for s in own] == ["fcntl", "fcntl", "dup3", "dup3", "close_range"]
    assert [(s.yields, value(s, "newfd")) for s in own[2:4]] == [("exec.write", 3), ("go.read", 4)]
    assert [value(s, "arg") for s in own[:2]] == [value(own[4], "first")] * 2 == [Int(5)] * 2


def test_the_pivot_is_followed_by_the_detach_at_once() -> None:
    steps = host().plan("").steps
    at = next(i for i, s in enumerate(steps) if s.call == "pivot_root")
    assert steps[at + 1].call == "umount2"
    assert value(steps[at + 1], "flags") == ("MNT_DETACH",)


def test_with_an_old_root_nothing_is_resolved_by_name_until_it_is_gone() -> None:
    files = {f"{DIRECTORY}/root/tmp": "dir", "/a": "dir", "/f": "file"}
    plan = host(files).plan(
        """
        root: {path: ./root, old_root: /tmp}
        binds: ['/a:/tmp/a', /f]
        mounts: [{type: proc}, {type: sysfs}, {type: tmpfs, target: /tmp}]
        """
    )
    steps = list(plan.steps)
    pivot = next(i for i, s in enumerate(steps) if s.call == "pivot_root")
    gone = next(i for i, s in enumerate(steps) if s.call == "umount2")
    between = steps[pivot + 1 : gone]
    named = [(s.call, v) for s in between for v in paths(s) if v]
    assert named == [("chdir", "/")]
    assert value(steps[gone], "flags") == ("MNT_DETACH", "UMOUNT_NOFOLLOW")
    after = [s.item for s in steps[gone + 1 :] if s.phase == "seal"]
    assert after.index("tmpfs at /tmp") < after.index("read-only bind /a at /tmp/a")
    clone = next(i for i, s in enumerate(steps) if s.yields == "tree:/tmp/a")
    assert clone < pivot


def paths(step: Step) -> list[str]:
    """Every path that a step names."""
    from toyspec.plan.step import Path

    return [a.value.value for a in step.args if isinstance(a.value, Path)]


def test_the_root_read_only_comes_last() -> None:
    for world in (host(), old(host())):
        steps = world.plan("root: {type: tmpfs, read_only: true}\nsystem: host").steps
        sealed = [s for s in steps if s.phase == "seal"]
        assert sealed
        assert {s.item for s in sealed} == {"root read-only"}


def test_without_new_privileges_the_filter_goes_last_else_before_the_capabilities() -> None:
    def order(text: str) -> list[str]:
        steps = host(tty=True).plan(text).steps
        named = [s.call if s.call != "prctl" else str(value(s, "option")) for s in steps]
        wanted = ("seccomp", "capset", "('PR_SET_NO_NEW_PRIVS',)")
        return [name for name in named if name in wanted]

    assert order("") == ["capset", "('PR_SET_NO_NEW_PRIVS',)", "seccomp", "seccomp"]
    assert order("no_new_privileges: false") == ["seccomp", "seccomp", "capset"]
    assert order("seccomp: none") == ["capset", "('PR_SET_NO_NEW_PRIVS',)", "seccomp"]


def test_with_a_terminal_and_without_one_there_is_a_session() -> None:
    for plan, terminal in ((host(terminal=True).plan(""), True), (host().plan(""), False)):
        assert len(calls(plan, "setsid")) == 1
        assert len(calls(plan, "seccomp")) == 1
        assert plan.exposure.terminal is terminal
    assert calls(host().plan("seccomp: none"), "seccomp") == []


def test_root_s_boxes_guard_proc() -> None:
    files = {f"/proc/{name}": "dir" for name in ("sys", "irq", "bus", "fs", "acpi", "scsi")}
    files |= {"/proc/sysrq-trigger": "file", "/proc/kcore": "file", "/proc/keys": "file"}
    plan = host(files, uid=0, gid=0, groups=(0,), home="/root").plan("mounts: [{type: proc}]")
    guarded = [s.item for s in plan.steps if s.phase == "mounts" and "root runs" in s.item]
    assert list(dict.fromkeys(guarded)) == [
        *(f"/proc/{n} read-only: root runs this box" for n in ("sys", "sysrq-trigger", "irq", "bus", "fs")),
        *(f"/proc/{n} hidden: root runs this box" for n in ("acpi", "scsi", "kcore", "keys")),
    ]  # fmt: skip
    assert plan.exposure.real_root
    assert any("host's own root" in warning for warning in plan.warnings)
    assert not host(files).plan("mounts: [{type: proc}]").exposure.real_root


def test_a_name_without_a_slash_is_tried_along_the_box_s_path() -> None:
    plan = host().plan("init: [prog, x]\nenvironment: ['PATH=/a:relative::/b/']")
    tried = calls(plan, "execve")
    assert [(value(s, "path"), s.tolerates) for s in tried] == [
        ("/a/prog", ("ENOENT", "ENOTDIR", "EACCES")), ("/b/prog", ()),
    ]  # fmt: skip
    assert [value(s, "path") for s in calls(host().plan("init: [./prog]"), "execve")] == ["./prog"]


def test_variables_stay_names() -> None:
    plan = host(terminal=True).plan("environment: ['FROM=${TERM}', PLAIN=$$5]")
    environment = value(calls(plan, "execve")[0], "envp")
    assert isinstance(environment, Environment)
    shown = {name: [getattr(p, "name", p) for p in text] for name, text in environment.entries}
    assert shown["FROM"] == ["TERM"]
    assert shown["PLAIN"] == ["$5"]


def test_exposure() -> None:
    plan = host({"/a": "dir", "/dev/x": "char 9:9"}, groups=(1000, 27)).plan(
        """
        binds: [".:/code:rw", "/a", "/dev/x:/dev/x:dev"]
        network: host
        namespaces: {ipc: host}
        no_new_privileges: false
        environment: [A=1]
        """
    )
    shown = plan.exposure
    assert [(e.source, e.target) for e in shown.writable] == [(".", "/code")]
    assert shown.network == "host"
    assert shown.environment == ("PATH", "HOME", "A")
    assert shown.weakened == (
        "network host", "ipc namespace of the host", "new privileges allowed", "devices of /dev/x",
    )  # fmt: skip
    assert any(each.startswith("supplementary groups stay: 27 ") for each in plan.warnings)


def test_apparmor_s_word_is_only_told_by_up() -> None:
    name = "kernel.apparmor_restrict_unprivileged_userns"
    assert host(sysctls={name: "1"}).plan("").unresolved
    assert not host(sysctls={name: "0"}).plan("").unresolved
    assert not host(sysctls={name: None}).plan("").unresolved


def test_a_quota_of_keys_is_no_hindrance_where_the_filter_lets_nobody_ask_for_one() -> None:
    """The session keyring would stay the caller's: without a filter of ours that is a failure."""
    for text, tolerated in (("", ("ENOSYS", "EDQUOT")), ("seccomp: none", ("ENOSYS",))):
        (step,) = calls(host().plan(text), "keyctl")
        assert step.tolerates == tolerated
        assert ("the filter alone keeps it from use" in step.why) == (not text)
