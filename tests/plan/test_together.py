"""Binds that are closed together: which, by what calls, and what a reader of the plan sees of it."""

from __future__ import annotations

import pytest

from tests.plan.world import DIRECTORY, World, calls, host, old, value
from toyspec.host.facts import MountFact
from toyspec.plan.step import Expect, Flags, Plan, Step, Struct

CLOSED = ("MOUNT_ATTR_RDONLY", "MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NODEV")
SOURCES = {f"/src/{name}": "dir" for name in "abcd"} | {"/src/f": "file", "/other/x": "dir"}
FOUR = "binds: ['/src/a:/t/a', '/src/b:/t/b', '/src/f:/t/f', '/src/c:/t/c']"


def world(**changes: object) -> World:
    return host(SOURCES, **changes)


def setting(plan: Plan) -> list[tuple[object, str, tuple[str, ...], bool]]:
    """Every mount_setattr before init: on what, set or cleared, what, and whether recursively."""
    found = []
    for step in calls(plan, "mount_setattr"):
        attr = value(step, "attr")
        assert isinstance(attr, Struct)
        ((field, flags),) = attr.fields
        assert isinstance(flags, Flags)
        recursive = "AT_RECURSIVE" in repr(value(step, "flags"))
        found.append((value(step, "dirfd"), field, flags.names, recursive))
    return found


def item(plan: Plan, begin: str) -> list[Step]:
    return [step for step in plan.steps if step.item.startswith(begin)]


def test_one_call_closes_all_and_opens_the_root_again() -> None:
    plan = world().plan(FOUR)
    assert setting(plan) == [
        ("root", "attr_set", CLOSED, True),
        ("root", "attr_clr", ("MOUNT_ATTR_RDONLY",), False),
    ]
    shared = item(plan, "the 4 binds above, closed at once: read-only, nosuid, nodev")
    assert [step.call for step in shared] == ["mount_setattr", "mount_setattr"]
    assert shared[0].origin.default == "binds: read-only, nosuid, nodev"
    moved = [step.id for step in calls(plan, "move_mount") if step.phase == "attach"]
    (fork,) = [step.id for step in calls(plan, "clone") if step.yields == "init"]
    assert max(moved) < shared[0].id < fork


def test_each_item_still_says_read_only() -> None:
    plan = world().plan(FOUR)
    for name in "abfc":
        steps = item(plan, f"read-only bind /src/{name} at /t/{name}")
        assert steps
        assert {step.role for step in steps} == {"setup"}


def test_the_directory_of_many_sources_is_walked_to_once() -> None:
    plan = world().plan(FOUR)
    opened = [s for s in calls(plan, "openat2") if value(s, "path") == "/src"]
    assert len(opened) == 1
    assert "RESOLVE_NO_SYMLINKS" in repr(opened[0].args)
    cloned = [s for s in calls(plan, "open_tree") if s.phase == "attach"]
    assert [value(s, "path") for s in cloned] == ["a", "b", "f", "c"]
    assert all("AT_SYMLINK_NOFOLLOW" in repr(s.args) for s in cloned)
    assert all(value(s, "dirfd") == opened[0].yields for s in cloned)


def test_a_link_in_the_place_of_a_file_is_found_out() -> None:
    """Onto a directory the kernel attaches nothing else; onto a file it would attach a link."""
    plan = world().plan(FOUR)
    looked = [step.expects for step in calls(plan, "statx")]
    assert looked == [Expect(kind="file")]


def test_a_way_of_the_plan_s_own_takes_no_descriptor() -> None:
    plan = world().plan(FOUR)
    steps = [s for s in calls(plan, "move_mount") if s.phase == "attach"]
    assert [(value(s, "to_dirfd"), value(s, "to_path")) for s in steps] == [
        ("root", f"t/{name}") for name in "abfc"
    ]


def test_in_a_directory_root_targets_are_one_name_in_an_open_directory() -> None:
    found = World({**SOURCES, **{f"{DIRECTORY}/root/t/{name}": "dir" for name in "abc"},
                   f"{DIRECTORY}/root/t/f": "file"})  # fmt: skip
    plan = found.plan(f"root: ./root\n{FOUR}")
    opened = [
        s for s in calls(plan, "openat2") if value(s, "dirfd") == "root" and s.role == "setup"
    ]
    assert [value(s, "path") for s in opened] == ["t"]
    assert "RESOLVE_IN_ROOT" in repr(opened[0].args)
    steps = [s for s in calls(plan, "move_mount") if s.phase == "attach"]
    assert [(value(s, "to_dirfd"), value(s, "to_path")) for s in steps] == [
        ("into:t", name) for name in "abfc"
    ]


@pytest.mark.parametrize("option", ["rw", "suid", "noexec", "rw,dev"])
def test_who_wants_something_else_has_a_call_of_its_own(option: str) -> None:
    more = "" if option == "noexec" else "no_new_privileges: false\n"
    plan = world().plan(more + FOUR.replace("]", f", '/src/d:/t/d:{option}']"))
    own = [each for each in setting(plan) if each[0] == "tree:/t/d"]
    assert len(own) == 1
    shared = next(s.id for s in calls(plan, "mount_setattr") if value(s, "dirfd") == "root")
    attached = max(s.id for s in plan.steps if s.item.endswith("/src/d at /t/d"))
    assert shared < attached


def test_what_lies_in_one_that_is_writable_is_not_among_them() -> None:
    plan = world().plan(FOUR.replace("]", ", '/src:/w:rw', '/other/x:/w/a']"))
    assert ("tree:/w/a", "attr_set", (*CLOSED[1:], CLOSED[0]), True) in setting(plan)
    assert len(item(plan, "the 4 binds above")) == 2


def test_what_lies_in_one_of_them_is_among_them() -> None:
    plan = world().plan("binds: ['/src:/t', '/other/x:/t/a', '/src/b:/t/b', '/src/c:/c']")
    assert len(item(plan, "the 4 binds above")) == 2


def test_mount_points_on_the_way_to_what_comes_later_are_made_once() -> None:
    text = "mounts: [{type: tmpfs, target: /t/deep/memory}]\nbinds: ['/src/a:/t/deep/a', '/src/b:/t/b', '/src/c:/c']"
    plan = world().plan(text)
    made = [value(s, "path") for s in calls(plan, "mkdirat") if s.phase == "attach"]
    assert sorted(map(str, made)) == ["c", "t", "t/b", "t/deep", "t/deep/a", "t/deep/memory"]
    assert made.index("t") < made.index("t/deep") < made.index("t/deep/a")


def test_few_binds_are_closed_one_by_one() -> None:
    plan = world().plan("binds: ['/src/a:/t/a', '/src/b:/t/b']")
    assert [each[0] for each in setting(plan)] == ["tree:/t/a", "tree:/t/b"]


def test_a_root_with_writable_mounts_of_its_own_is_left_alone() -> None:
    found = World({**SOURCES, **{f"{DIRECTORY}/root/t/{name}": "dir" for name in "abc"},
                   f"{DIRECTORY}/root/t/f": "file", f"{DIRECTORY}/root/m": "dir"})  # fmt: skip
    found.table += (MountFact(f"{DIRECTORY}/root/m", "ext4", ()),)
    text = f"root: {{path: ./root, read_only: {{}}}}\n{FOUR}"
    open_ = setting(found.plan(text.replace("{}", "false")))
    assert [each[0] for each in open_].count("root") == 1  # its own nosuid and nodev
    closed = setting(found.plan(text.replace("{}", "true")))
    assert ("root", "attr_set", CLOSED, True) in closed


def test_a_root_that_the_host_mounted_read_only_is_not_opened() -> None:
    found = World({**SOURCES, **{f"{DIRECTORY}/root/t/{name}": "dir" for name in "abc"},
                   f"{DIRECTORY}/root/t/f": "file"})  # fmt: skip
    found.table += (MountFact(f"{DIRECTORY}/root", "ext4", ("ro",)),)
    sets = setting(found.plan(f"root: {{path: ./root, read_only: true}}\n{FOUR}"))
    assert ("root", "attr_set", CLOSED, True) in sets
    assert not [each for each in sets if each[1] == "attr_clr"]


def test_without_mount_setattr_each_is_remounted() -> None:
    plan = old(world()).plan(FOUR)
    assert setting(plan) == []
    again = [s for s in calls(plan, "mount") if "MS_REMOUNT" in repr(s.args)]
    assert len(again) == 4
