"""Where entries go: mount points that have to be made, symlinks, old_root, and what cannot work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.plan.world import DIRECTORY, World, calls, host, value
from toyspec.host.facts import Needs
from toyspec.plan.error import PlanError
from toyspec.plan.planner import plan
from toyspec.plan.step import Plan

ROOT = f"{DIRECTORY}/root"


def problems(world: World, text: str) -> list[str]:
    """Each problem's place in the spec and message."""
    with pytest.raises(PlanError) as caught:
        world.plan(text)
    return [f"{p.origin.line}: {p.message}" for p in caught.value.problems]


def made(box: Plan) -> list[tuple[str, str, object, object]]:
    """The mount points that are made: phase, call, in which descriptor, name."""
    return [
        (s.phase, s.call, value(s, "dirfd"), value(s, "path"))
        for s in calls(box, "mkdirat", "mknodat")
    ]


def test_in_a_root_of_one_s_own_before_the_namespaces() -> None:
    box = host({ROOT: "dir", "/a": "dir", "/f": "file"}).plan(
        "root: ./root\nbinds: ['/a:/x/y', '/f:/x/f']"
    )
    assert made(box) == [
        ("prepare", "mkdirat", "directory", "x"),
        ("prepare", "mkdirat", "parent", "y"),
        ("prepare", "mknodat", "parent", "f"),
    ]
    tolerant = {s.call: s.tolerates for s in calls(box, "mkdirat", "mknodat")}
    assert tolerant == {"mkdirat": ("EEXIST",), "mknodat": ()}


def test_in_a_writable_root_of_another_s_after_the_maps() -> None:
    world = host({"/r": "dir", "/a": "dir"})
    world.shared = ("/r",)
    box = world.plan("root: /r\nbinds: ['/a:/x']")
    assert [(phase, path) for phase, _, _, path in made(box)] == [("attach", "x")]


def test_in_a_tmpfs_of_the_box_s_own() -> None:
    box = host({"/a": "dir"}).plan("binds: ['/a:/x/y']")
    assert made(box) == [
        ("attach", "mkdirat", "root", "x"),
        ("attach", "mkdirat", "root", "x/y"),
    ]
    assert all(not s.tolerates for s in calls(box, "mkdirat"))


def test_create_makes_the_root() -> None:
    box = host().plan("root: {path: ./root, create: true}\nmounts: [{type: proc}]")
    assert [path for _, _, _, path in made(box)] == [ROOT, "proc"]


def test_a_missing_root_is_an_error() -> None:
    assert problems(host(), "root: ./root") == [f"2: root {ROOT} does not exist"]


def test_without_a_root_mount_points_are_not_told_of() -> None:
    spec = "root: ./root\nmounts: [{type: proc}, {type: dev}]\nbinds: ['/a:/x', '/b:/y']"
    assert problems(host({"/a": "dir"}), spec) == [
        f"2: root {ROOT} does not exist", "4: bind source /b does not exist",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("bind", "told"),
    [("cache:/var/cache", True), ("./a/cache:/v", False), ("Cache:/v", False), ("/cache", False)],
)
def test_a_named_volume_of_compose_s(bind: str, told: bool) -> None:
    with pytest.raises(PlanError) as caught:
        host().plan(f"binds: ['{bind}']")
    (problem,) = caught.value.problems
    volume = "`mounts`: {type: volume, name: cache, target: /var/cache}"
    assert (problem.remedy or "").endswith(volume) == told
    assert ("volume" in (problem.remedy or "")) == told


@pytest.mark.parametrize(
    ("files", "spec", "message"),
    [
        ({ROOT: "file"}, "root: ./root", f"root {ROOT} is a file, not a directory"),
        ({}, "binds: [/a]", "bind source /a does not exist"),
        ({"/a": "-> /b"}, "binds: [/a]", "bind source /a is a dangling symlink"),
        ({"/s/a": "denied"}, "binds: [/s/a]", "bind source /s/a cannot be reached"),
        ({}, "binds: [/dev/null]", "/dev/null is a device, which a bind without `dev` cannot open"),
        ({"/f": "file"}, "binds: ['/f:/tmp']\nsystem: host", None),
        ({"/f": "file", ROOT: "dir", f"{ROOT}/x": "dir"}, "root: ./root\nbinds: ['/f:/x']",
         "/x is a directory in the box, the source is a file"),
        ({"/d": "dir", ROOT: "dir", f"{ROOT}/x": "file"}, "root: ./root\nbinds: ['/d:/x']",
         "/x is a file in the box, the source is a directory"),
        ({"/d": "dir", ROOT: "dir", f"{ROOT}/x": "fifo"}, "root: ./root\nbinds: ['/d:/x']",
         "/x is a fifo in the box, the source is a directory"),
        ({ROOT: "dir", f"{ROOT}/proc": "-> tmp", f"{ROOT}/tmp": "dir"},
         "root: ./root\nmounts: [{type: proc}]", "/proc goes through the symlink /proc"),
        ({ROOT: "dir", f"{ROOT}/x": "-> /"}, "root: ./root\nmounts: [{type: tmpfs, target: /x}]",
         "/x leads to the root of the box itself"),
        ({"/a": "dir", "/b": "dir"}, "binds: ['/a:/m', '/b:/m/x']", "there is no /m/x to mount /m/x on"),
        ({"/a": "dir"}, "binds: ['/a:/m']\nfiles: [{target: /m/l, symlink: x}]",
         "no symlink can be made at /m/l"),
        ({ROOT: "dir", f"{ROOT}/l": "file"}, "root: ./root\nfiles: [{target: /l, symlink: x}]",
         "/l is already a file; a symlink cannot replace it"),
        ({"/a": "file"}, "mounts: [{type: proc}]\nbinds: ['/a:/proc/nothing']",
         "/proc/nothing is not in /proc, whose names are the kernel's"),
        ({ROOT: "dir", f"{ROOT}/tmp": "-> var"}, "root: {path: ./root, old_root: /tmp}",
         "old_root /tmp is a symlink"),
        ({ROOT: "dir", f"{ROOT}/tmp": "file"}, "root: {path: ./root, old_root: /tmp}",
         "old_root /tmp is a file"),
        ({ROOT: "dir", f"{ROOT}/tmp": "dir"},
         "root: {path: ./root, old_root: /tmp}\nmounts: [{type: proc, target: /tmp/proc}]",
         "proc cannot be at or below old_root /tmp"),
    ],
)  # fmt: skip
def test_what_cannot_work(files: dict[str, str], spec: str, message: str | None) -> None:
    if message is None:
        host(files).plan(spec)
        return
    (found,) = problems(host(files), spec)
    assert message in found


def test_every_problem_at_once_each_at_its_line() -> None:
    found = problems(host({"/c": "dir"}), "binds:\n- /a\n- /b\n- /c\n- /dev/null")
    assert [line.partition(":")[0] for line in found] == ["3", "4", "6"]


def test_an_optional_bind_is_left_out_and_that_is_said() -> None:
    box = host().plan("binds: ['/a:/a:optional']")
    assert calls(box, "open_tree") == []
    assert box.warnings == ("bind /a left out: it is optional and its source is not there",)


def test_no_command_is_an_error() -> None:
    world = host()
    spec = replace(world.spec(""), init=())
    with pytest.raises(PlanError, match="there is no command to run"):
        plan(spec, world.ask(Needs()))


@pytest.mark.parametrize(("feature", "since"), [("openat2", "5.6"), ("open_tree", "5.2")])
def test_a_kernel_that_is_too_old(feature: str, since: str) -> None:
    world = host()
    world.facts = replace(world.facts, features={**world.facts.features, feature: False})
    (found,) = problems(world, "")
    assert found.endswith(f"this kernel (6.12.0) has no {feature}(2); toyspec needs Linux {since}")


def test_symlinks_in_a_root_are_followed_inside_it() -> None:
    files = {ROOT: "dir", f"{ROOT}/data": "-> /srv/data", f"{ROOT}/srv": "dir", "/a": "dir"}
    box = host(files).plan("root: ./root\nbinds: ['/a:/data']")
    assert made(box)[-1][3] == "data"  # made below srv, where the symlink leads inside the root
    opened = [s for s in calls(box, "openat2") if s.phase == "attach"]
    assert [value(s, "path") for s in opened if value(s, "dirfd") == "root"] == ["srv/data"]


def test_hidden_children_are_put_in_order() -> None:
    """/data leads to /srv/data: the tmpfs at /srv has to come first, whatever the file says."""
    files = {ROOT: "dir", f"{ROOT}/data": "-> /srv/data", f"{ROOT}/srv/data": "dir", "/a": "dir"}
    box = host(files).plan(
        "root: ./root\nbinds: ['/a:/data']\nmounts: [{type: tmpfs, target: /srv}]"
    )
    order = [s.item for s in box.steps if s.phase == "attach"]
    assert order.index("tmpfs at /srv") < order.index("read-only bind /a at /data")


def test_the_same_place_by_two_names() -> None:
    files = {ROOT: "dir", f"{ROOT}/x": "-> y", f"{ROOT}/y": "dir", "/a": "dir"}
    (found,) = problems(host(files), "root: ./root\nbinds: ['/a:/x', '/a:/y']")
    assert "/y leads to /y, where /x (line 3) is already" in found
