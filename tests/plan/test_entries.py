"""What is in a box, and in which order: the spec's entries, `system: host`, and `etc: auto`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plan.world import DEVICES, MERGED, World, calls, host, value
from toyspec.plan.planner import gather
from toyspec.plan.step import Plan
from toyspec.spec.etc import NAMES, SHOWN
from toyspec.spec.schema import schema


def items(plan: Plan) -> list[str]:
    """The plan's lines that put something into the box, each once, in order."""
    wanted = (
        "read-only bind ",
        "writable bind ",
        "tmpfs at",
        "dev at",
        "proc at",
        "sysfs at",
        "file ",
        "symlink ",
    )
    return list(dict.fromkeys(s.item for s in plan.steps if s.item.startswith(wanted)))


def written(plan: Plan, target: str) -> str:
    """The text that a file of the box gets."""
    found = [s for s in calls(plan, "write") if s.item == f"file {target}"]
    return str(value(found[0], "buf"))


def test_the_file_s_order_is_kept() -> None:
    world = host({"/b": "dir", "/a": "dir", "/c": "file"})
    plan = world.plan(
        """
        binds: [/b, /a]
        files: [{target: /x, content: text}]
        mounts: [{type: tmpfs, target: /m}, {type: tmpfs, target: /k}]
        """
    )
    assert items(plan) == [
        "read-only bind /b", "read-only bind /a", "file /x", "tmpfs at /m", "tmpfs at /k",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "mounts: [{type: tmpfs, target: /m}]\nbinds: ['/a:/m/a']",
        "binds: ['/a:/m/a']\nmounts: [{type: tmpfs, target: /m}]",
    ],
)
def test_a_parent_comes_before_its_children(text: str) -> None:
    assert items(host({"/a": "dir"}).plan(text)) == ["tmpfs at /m", "read-only bind /a at /m/a"]


def test_symlinked_system_directories_stay_symlinks() -> None:
    plan = host().plan("system: host")
    links = {value(s, "linkpath"): value(s, "target") for s in calls(plan, "symlinkat")}
    assert {name: links[name] for name in ("bin", "sbin", "lib", "lib64")} == {
        "bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64",
    }  # fmt: skip
    assert "read-only bind /usr" in items(plan)
    assert "read-only bind /bin" not in items(plan)


def test_real_system_directories_are_bound() -> None:
    real = dict.fromkeys(("/usr/bin", "/bin", "/sbin", "/lib"), "dir")
    plan = World({**real, **DEVICES}).plan("system: host")
    bound = [item for item in items(plan) if item.startswith("read-only bind")]
    assert bound == [f"read-only bind {path}" for path in ("/usr", "/bin", "/sbin", "/lib")]


def test_a_system_directory_that_leads_out_of_usr_is_bound() -> None:
    plan = host({"/lib64": "-> /opt/lib64", "/opt/lib64": "dir"}).plan("system: host")
    assert "read-only bind /opt/lib64 at /lib64" in items(plan)


def test_bound_symlinks_stay_symlinks_where_they_lead_into_the_box() -> None:
    plan = host().plan("binds: [/usr, /bin, /lib]")
    links = ["symlink /bin to usr/bin", "symlink /lib to usr/lib"]
    assert items(plan) == ["read-only bind /usr", *links]
    made = [(value(s, "linkpath"), value(s, "target")) for s in calls(plan, "symlinkat")]
    assert made == [("bin", "usr/bin"), ("lib", "usr/lib")]
    # alone it would dangle: what it leads to is bound
    plan = host().plan("binds: [/bin]")
    assert calls(plan, "symlinkat") == []
    assert "read-only bind /usr/bin at /bin" in items(plan)


def test_a_spec_s_own_entry_replaces_the_system_s() -> None:
    plan = host({"/data": "dir", "/etc/ssl/certs": "dir"}).plan(
        """
        system: host
        binds: ["/data:/etc/ssl", "/data:/home/me:rw"]
        files: [{target: /etc/passwd, content: "mine\\n"}]
        """
    )
    found = items(plan)
    assert found.count("read-only bind /data at /etc/ssl") == 1
    assert "read-only bind /etc/ssl/certs" not in found
    assert "tmpfs at /home/me" not in found
    assert written(plan, "/etc/passwd") == "mine\n"
    assert written(plan, "/etc/group")


def test_one_s_own_dev_replaces_the_system_s_altogether() -> None:
    plan = host().plan("system: host\nmounts: [{type: tmpfs, target: /dev}]")
    assert [s for s in calls(plan, "statx") if s.item == "dev at /dev"] == []
    assert "tmpfs at /dev" in items(plan)


def test_home_is_a_tmpfs_of_one_s_own() -> None:
    plan = host().plan("system: host")
    made = [s for s in calls(plan, "mount") if s.item == "tmpfs at /home/me"]
    assert [value(s, "data") for s in made] == ["mode=0700"]


@pytest.mark.parametrize("home", ["/", "/usr/home", "relative", "/etc", "/proc/1"])
def test_no_home_where_the_system_already_is(home: str) -> None:
    plan = host(home=home).plan("system: host")
    assert [s for s in calls(plan, "mount") if value(s, "data") == "mode=0700"] == []


@pytest.mark.parametrize(
    ("user", "changes", "passwd", "group"),
    [
        (
            "caller", {},
            "root:x:0:0:root:/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\n",
            "root:x:0:\nme:x:1000:\n",
        ),
        ("root", {}, "root:x:0:0:root:/home/me:/bin/sh\n", "root:x:0:\n"),
        (
            "'5:7'", {}, "root:x:0:0:root:/root:/bin/sh\nme:x:5:7::/home/me:/bin/sh\n",
            "root:x:0:\nme:x:7:\n",
        ),
        (
            "caller", {"user_name": "a:b\n", "group_name": "root"},
            "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/me:/bin/sh\n",
            "root:x:0:\ngroup:x:1000:\n",
        ),
        ("'65534:65534'", {}, "root:x:0:0:root:/root:/bin/sh\n", "root:x:0:\n"),
    ],
)  # fmt: skip
def test_passwd_and_group(user: str, changes: dict[str, Any], passwd: str, group: str) -> None:
    plan = host(**changes).plan(f"system: host\nuser: {user}")
    assert written(plan, "/etc/passwd") == (
        passwd + "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    )
    assert written(plan, "/etc/group") == group + "nogroup:x:65534:\n"


def test_hosts_and_hostname() -> None:
    plan = host().plan("system: host\nhostname: there")
    assert written(plan, "/etc/hosts").startswith("127.0.0.1 localhost there\n")
    assert written(plan, "/etc/hostname") == "there\n"


def test_the_resolver_s_file_comes_with_the_host_s_network_only() -> None:
    files = {"/etc/resolv.conf": "-> ../run/resolv", "/run/resolv": "file"}
    inside = "read-only bind /run/resolv at /etc/resolv.conf"
    assert inside in items(host(files).plan("system: host\nnetwork: host"))
    assert inside not in items(host(files).plan("system: host"))
    assert inside not in items(host().plan("system: host\nnetwork: host"))


ETC = {
    "/etc/ssl/certs": "dir", "/etc/ssl/private": "dir", "/etc/shadow": "file",
    "/etc/machine-id": "file", "/etc/timezone": "file", "/usr/share/zoneinfo/X": "file",
    "/etc/localtime": "-> ../usr/share/zoneinfo/X", "/etc/alternatives": "dir",
    "/etc/os-release": "-> alternatives/os-release", "/usr/lib/os-release": "file",
    "/etc/alternatives/os-release": "-> /usr/lib/os-release", "/etc/java-17-openjdk": "dir",
}  # fmt: skip


def of_etc(world: World, text: str) -> set[str]:
    """What of /etc a box has, short."""
    found = [item for item in items(world.plan(text)) if "/etc/" in item]
    return {item.replace("read-only ", "").replace("/etc/", "") for item in found}


AUTO = {"file passwd", "file group", "file hosts", "file hostname", "file nsswitch.conf"}
OF_HOST = {"bind ssl/certs", "bind timezone", "bind alternatives", "bind java-17-openjdk"}


def test_etc_is_a_list_of_names() -> None:
    world = host(ETC)
    zone = "symlink localtime to ../usr/share/zoneinfo/X"
    release = "bind /usr/lib/os-release at os-release"
    assert of_etc(world, "system: host") == AUTO | OF_HOST | {zone, release}
    assert of_etc(world, "system: host\netc: none") == set()
    assert of_etc(world, "etc: auto") == AUTO
    assert of_etc(world, "etc: []") == set()
    bound = {"bind /usr/share/zoneinfo/X at localtime", "bind timezone"}
    assert of_etc(world, "etc: [timezone, passwd]") == {"file passwd", *bound}
    assert of_etc(world, "system: host\netc: [timezone]") == {zone, "bind timezone"}


def test_a_directory_root_keeps_its_own_links() -> None:
    """Where something may be there already a file is bound over it."""
    files = {**ETC, "/home/me/project/root/etc/localtime": "-> elsewhere"}
    files["/home/me/project/root/etc/elsewhere"] = "file"
    text = "root: ./root\nsystem: host\netc: [timezone]"
    assert "bind /usr/share/zoneinfo/X at localtime" in of_etc(host(files), text)


def test_what_the_host_lacks_of_a_list_is_said() -> None:
    assert host(ETC).plan("etc: [perl, ssl]").warnings == ("etc: perl: the host has nothing of it",)
    assert host(ETC).plan("system: host").warnings == ()


def test_nothing_secret_has_a_name() -> None:
    paths = [path for paths in SHOWN.values() for path in paths]
    words = ("shadow", "private", "sudo", "machine-id", "_key", "preload", "ssh_host", "krb5")
    assert not [path for path in paths if any(word in path for word in words)]
    directories = {"ssl", "pki", "ssh", "pki/tls"}
    assert not directories & set(paths)
    choices = schema()["definitions"]["box"]["properties"]["etc"]["then"]["items"]["enum"]
    assert tuple(choices) == NAMES


def test_nothing_of_the_host_s_without_a_word() -> None:
    plan = host().plan("")
    assert items(plan) == []
    assert calls(plan, "open_tree", "symlinkat", "mkdirat", "mknodat") == []


def test_what_is_asked_is_what_was_needed() -> None:
    """The needs of a spec say everything, unless symlinks lead on."""
    world = host({"/a": "dir"})
    gather(world.spec("system: host\nbinds: [/a]"), world.ask)
    assert len(world.asked) == 1
    assert {*MERGED} - {"/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64"} <= world.asked[0].paths
