"""Bind options and mounts as steps, and what a host or a kernel does not allow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.plan.world import DIRECTORY, World, calls, host, old, value
from toyspec.host.facts import HostFacts, MapperFact, MountFact, Needs
from toyspec.plan.error import PlanError
from toyspec.plan.planner import gather
from toyspec.plan.step import Plan, Struct

ROOT = MountFact("/", "ext4", ("relatime",))
UNIFIED = (ROOT, MountFact("/sys/fs/cgroup", "cgroup2", ("nosuid",)))
HYBRID = (
    ROOT,
    MountFact("/sys/fs/cgroup", "tmpfs", ()),
    MountFact("/sys/fs/cgroup/memory", "cgroup", ()),
    MountFact("/sys/fs/cgroup/unified", "cgroup2", ()),
)
HOME = "/home/me"


def world(*table: MountFact, kernel: str = "6.12.0") -> World:
    made = host({f"{DIRECTORY}/src/deep": "dir", f"{DIRECTORY}/file": "file"}, kernel=kernel)
    made.mine = (HOME,)
    made.table = table or (ROOT,)
    return made


def refused(made: World, text: str) -> tuple[str, str]:
    with pytest.raises(PlanError) as caught:
        made.plan(text)
    (problem,) = caught.value.problems
    return problem.message, problem.remedy or ""


def attributes(plan: Plan) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """What mount_setattr sets, and its flags."""
    found = []
    for step in calls(plan, "mount_setattr"):
        attr, told = value(step, "attr"), value(step, "flags")
        assert isinstance(attr, Struct)
        assert isinstance(told, tuple)
        found.append((attr.fields[0][1].names, told))  # type: ignore[union-attr]  # Flags
    return found


def test_options_become_attributes() -> None:
    plan = world().plan("binds: ['./src:/a:noexec', './src:/b:suid,dev,rw', './src:/c:norec']")
    every, alone = ("AT_EMPTY_PATH", "AT_RECURSIVE"), ("AT_EMPTY_PATH",)
    names = [tuple(f"MOUNT_ATTR_{name}" for name in each) for each in (
        ("NOSUID", "NODEV", "NOEXEC", "RDONLY"), ("NOSUID", "NODEV", "RDONLY"),
    )]  # fmt: skip
    assert attributes(plan) == [(names[0], every), (names[1], alone)]
    clones = [value(step, "flags") for step in calls(plan, "open_tree")]
    assert ["AT_RECURSIVE" in str(each) for each in clones] == [True, True, False]
    assert f"setuid of {DIRECTORY}/src" in plan.exposure.weakened
    assert any("gain nothing: no_new_privileges" in warning for warning in plan.warnings)


def test_options_become_remounts_on_old_kernels() -> None:
    made = old(world(ROOT, MountFact(f"{DIRECTORY}/src/deep", "tmpfs", ("noatime",))))
    plan = made.plan("binds: ['./src:/a:noexec,suid', './file:/f:norec,suid,dev,rw']")
    again = [set(value(step, "mountflags")) for step in calls(plan, "mount")[1:]]  # type: ignore[call-overload]
    closed = {"MS_REMOUNT", "MS_BIND", "MS_RDONLY", "MS_NODEV", "MS_NOEXEC", "MS_RELATIME"}
    assert again[:2] == [closed, closed - {"MS_RELATIME"} | {"MS_NOATIME"}]
    assert again[2] == {"MS_REMOUNT", "MS_BIND", "MS_RELATIME"}


def test_a_bind_without_what_is_mounted_in_it_is_refused_by_name() -> None:
    made = world(ROOT, MountFact(f"{DIRECTORY}/src/deep", "tmpfs", ()))
    message, remedy = refused(made, "binds: ['./src:/a:norec']")
    assert message == (
        f"{DIRECTORY}/src cannot be bound without {DIRECTORY}/src/deep, which is mounted in it"
    )
    assert remedy.startswith("leave out `norec`")
    made.plan("binds: ['./src/deep:/a:norec']")


def test_setuid_of_a_filesystem_that_the_host_has_nosuid() -> None:
    made = world(ROOT, MountFact(DIRECTORY, "ext4", ("nosuid",)))
    message, _ = refused(made, "binds: ['./src:/a:suid']")
    assert message == f"{DIRECTORY}/src lies in {DIRECTORY}, which the host has mounted nosuid"


def test_a_symlink_with_options_is_not_made_a_symlink() -> None:
    """`/bin -> usr/bin` would show what is bound at /usr, with the options of that."""
    plan = world().plan("binds: [/usr, /bin]")
    assert len(calls(plan, "symlinkat")) == 1
    plan = world().plan("binds: [/usr, '/bin:noexec']")
    assert calls(plan, "symlinkat") == []
    assert len(calls(world().plan("binds: ['/usr:noexec', '/bin:noexec']"), "symlinkat")) == 1


def test_cgroup2_where_the_host_has_one() -> None:
    message, remedy = refused(world(), "mounts: [{type: cgroup2}]")
    assert message == "this host has no cgroup2: none is mounted at or below /sys/fs/cgroup"
    assert "unified_cgroup_hierarchy" in remedy
    assert world(*UNIFIED).plan("mounts: [{type: cgroup2}]").warnings == ()
    (warning,) = world(*HYBRID).plan("mounts: [{type: cgroup2}]").warnings
    assert "no memory, cpu or pids" in warning


def test_a_writable_cgroup2_is_counted() -> None:
    plan = world(*UNIFIED).plan("mounts: [{type: cgroup2, read_only: false}]")
    assert plan.exposure.weakened == ("writable cgroup at /sys/fs/cgroup",)
    (made,) = calls(plan, "fsmount")[-1:]
    assert "MOUNT_ATTR_RDONLY" not in str(made.args)


@pytest.mark.parametrize(
    ("told", "key"), [("subset: pid", "subset"), ("hidepid: ptraceable", "hidepid")]
)
def test_a_proc_before_5_8(told: str, key: str) -> None:
    message, remedy = refused(world(kernel="5.7.0"), f"mounts: [{{type: proc, {told}}}]")
    assert message == f"a proc with `{told}` needs Linux 5.8, this is 5.7.0"
    assert remedy == f"leave `{key}` out"


@pytest.mark.parametrize(("kernel", "text"), [("5.7.0", "2"), ("5.8.0", "invisible")])
def test_hidepid_by_number_or_name(kernel: str, text: str) -> None:
    plan = world(kernel=kernel).plan("mounts: [{type: proc, hidepid: invisible}]")
    told = {value(step, "key"): value(step, "value") for step in calls(plan, "fsconfig")}
    assert told["hidepid"] == text


def test_sysctls_need_a_proc_that_has_them() -> None:
    text = "sysctls: {net.core.somaxconn: 5}\nmounts: [{type: proc, subset: pid}]\n"
    for system in ("", "system: host\n"):
        message, _ = refused(world(), system + text)
        assert message.endswith("and it has none but one with processes only")
    world().plan(text.replace("}]", "}, {type: proc, target: /p}]"))


def test_nothing_lies_in_filesystems_whose_names_are_the_kernel_s() -> None:
    for kind in ("mqueue", "devpts", "cgroup2", "proc, subset: pid"):
        text = f"mounts: [{{type: {kind}, target: /k}}, {{type: tmpfs, target: /k/x}}]"
        message, _ = refused(world(*UNIFIED), text)
        assert message == "/k/x is not in /k, whose names are the kernel's"


def test_terminals_get_their_group_where_the_box_has_it() -> None:
    def told(text: str) -> list[object]:
        steps = calls(world().plan(f"{text}\nmounts: [{{type: devpts}}]"), "fsconfig")
        return [value(step, "value") for step in steps if value(step, "key") == "gid"]

    assert told("") == []
    assert told("user: '0:5'") == ["5"]


def with_ranges(uid: int) -> World:
    """A caller with sub-ids that newuidmap and newgidmap map."""
    made = world()
    names = ("newuidmap", "newgidmap")
    spans = ((100000, 65536),)
    made.facts = replace(
        made.facts, uid=uid, gid=uid, primary_gid=uid, subuids=spans, subgids=spans,
        mappers={name: MapperFact(f"/usr/bin/{name}", True, False) for name in names},
    )  # fmt: skip
    return made


def test_terminals_get_their_group_from_ranges() -> None:
    text = "user: {uid: 0, gid: 0, ranges: auto}\nmounts: [{type: devpts}]"
    steps = calls(with_ranges(1000).plan(text), "fsconfig")
    assert [value(step, "value") for step in steps if value(step, "key") == "gid"] == ["5"]


def test_root_s_volume_in_a_box_on_root_s_sub_ids() -> None:
    message, _ = refused(with_ranges(0), "user: root\n" + VOLUME)
    assert message.startswith("a volume is root's own, and this box is run on root's sub-ids")


VOLUME = "mounts: [{type: volume, name: npm, target: /v}]"
DATA = f"{HOME}/.local/share"


def test_a_volume_is_made_once_for_its_owner() -> None:
    twice = VOLUME[:-1] + ", {type: volume, name: npm, target: /w, read_only: true}]"
    plan = world().plan(twice)
    made = [(value(s, "path"), value(s, "mode")) for s in calls(plan, "mkdirat")]
    names = [".local", "share", "toyspec", "volumes", "npm"]
    assert made[:5] == [(name, ("0700",)) for name in names]
    assert [path for path, _ in made[5:]] == ["v", "w"]
    (shown,) = plan.exposure.writable
    assert (shown.source, shown.target) == (f"{DATA}/toyspec/volumes/npm", "/v")


def test_a_volume_that_is_there_is_not_made() -> None:
    made = world()
    made.files[f"{DATA}/toyspec/volumes/npm"] = "dir"
    assert [value(s, "path") for s in calls(made.plan(VOLUME), "mkdirat")] == ["v"]


def test_what_stands_in_a_volume_s_place() -> None:
    made = world()
    made.files[f"{DATA}/toyspec/volumes/npm"] = "file"
    message, _ = refused(made, VOLUME)
    assert message == f"volume npm: {DATA}/toyspec/volumes/npm is a file, not a directory"
    made = world()
    made.files |= {f"{DATA}/toyspec": "-> /elsewhere", "/elsewhere/volumes": "dir"}
    assert "toyspec is a symlink" in refused(made, VOLUME)[0]


def test_a_volume_of_somebody_else_s() -> None:
    made = world()
    made.mine = ()
    message, remedy = refused(made, VOLUME)
    assert message == f"volume npm: {HOME} belongs to uid 0, not to uid 1000"
    assert "XDG_DATA_HOME" in remedy
    made.files[f"{DATA}/toyspec/volumes/npm"] = "dir"
    assert "toyspec belongs to uid 0" in refused(made, VOLUME)[0]


def test_a_volume_where_everybody_writes() -> None:
    made = world()

    def ask(needs: Needs) -> HostFacts:
        facts = made.ask(needs)
        open_home = {HOME: replace(facts.paths[HOME], mode=0o777)} if HOME in facts.paths else {}
        return replace(facts, paths={**facts.paths, **open_home})

    with pytest.raises(PlanError, match=f"{HOME} can be written by everybody"):
        gather(made.spec(VOLUME), ask)


def test_landlock_leaves_what_is_read_only_alone() -> None:
    made = world()
    made.facts = replace(made.facts, landlock=7)
    plan = made.plan(
        "landlock: true\nroot: {read_only: true}\nmounts: [{type: tmpfs, target: /a, "
        "read_only: true}, {type: tmpfs, target: /b}]"
    )
    assert len(calls(plan, "landlock_add_rule")) == 1


def test_the_root_s_size() -> None:
    plan = world().plan("root: {size: 1m}")
    told = {value(step, "key"): value(step, "value") for step in calls(plan, "fsconfig")}
    assert told["size"] == "1048576"
