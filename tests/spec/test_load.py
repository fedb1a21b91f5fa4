from __future__ import annotations

import pickle

import pytest

from tests.spec.loading import HEAD, said, spec
from toyspec.spec.build import fit_name
from toyspec.spec.load import Overrides
from toyspec.spec.model import Bind, Env, File, Mount, Origin, Root, User, Variable

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def test_the_smallest_useful_spec_with_every_default_written_out() -> None:
    found = spec(
        'version: 1\nsystem: host\nbinds: [".:/code:rw"]\nworking_dir: /code\ninit: [bash]\n'
    )
    assert found.name == found.hostname == "dev"
    assert found.directory == "/home/me/proj"
    assert found.root == Root("tmpfs")
    assert found.user == User("caller")
    assert found.host_namespaces == frozenset()
    assert found.binds == (Bind("binds[0]", "/home/me/proj", "/code", writable=True),)
    assert (found.mounts, found.files, found.capabilities) == ((), (), ())
    assert (found.system, found.network, found.etc) == ("host", "none", "auto")
    assert found.environment == (
        Env("environment.PATH", "PATH", (PATH,)),
        Env("environment.HOME", "HOME", ("/home/me",)),
        Env("environment.TERM", "TERM", (Variable("TERM"),)),
    )
    assert found.working_dir == "/code"
    assert found.init == ("bash",)
    assert found.no_new_privileges is True
    assert found.origin("binds[0].target") == Origin("binds[0]", 3, 9)
    assert found.origin("working_dir") == Origin("working_dir", 4, 14)
    assert found.origin("network") == Origin("network", default="network: none")


def test_without_a_system_there_is_no_etc_and_no_home() -> None:
    found = spec(HEAD)
    assert (found.system, found.etc) == ("none", "none")
    assert spec(HEAD + "etc: [ssl, passwd]\n").etc == ("ssl", "passwd")
    assert spec(HEAD + "system: host\netc: none\n").etc == "none"
    assert [(e.name, e.value) for e in found.environment][1] == ("HOME", ("/",))
    assert found.working_dir == "/"


@pytest.mark.parametrize(
    ("key", "default"),
    [
        ("root", "root: tmpfs"),
        ("system", "system: none"),
        ("user", "user: caller"),
        ("name", "name: dev, from the file's place"),
        ("hostname", "hostname: dev, the box's name"),
        ("working_dir", "working_dir: /"),
        ("namespaces", "namespaces: all new but time"),
        ("network", "network: none"),
        ("capabilities", "capabilities: []"),
        ("no_new_privileges", "no_new_privileges: true"),
        ("environment", "environment: PATH, HOME and TERM on a terminal"),
        ("environment.PATH", f"environment: PATH={PATH}"),
        ("binds", "binds: []"),
        ("mounts", "mounts: []"),
        ("files", "files: []"),
        ("etc", "etc: none, with system: none"),
    ],
)
def test_every_default_names_its_rule(key: str, default: str) -> None:
    assert spec(HEAD).origin(key) == Origin(key, default=default)


def test_everything_that_a_spec_may_say() -> None:
    found = spec(
        """\
version: 1
requires: {toyspec: ">=0.1"}
name: box_1
root: {path: ./rootfs, create: true, read_only: true, old_root: /tmp}
system: none
user: "1000:100"
namespaces: {ipc: host, uts: new}
binds:
  - /opt/tools
  - ~/x:/x:rw,dev,optional
  - ../up:/up
  - {source: ~/.gitconfig, target: /g//it/, optional: true, read_only: false, dev: true}
mounts:
  - {type: proc}
  - {type: sysfs, target: /mnt/sys}
  - {type: dev}
  - {type: tmpfs, target: /scratch, size: 256m, mode: "1777"}
  - {type: tmpfs, target: /other, size: 4096}
files:
  - {target: /etc/motd, content: "hello ${X}$$\\n", mode: "0600"}
  - {target: /bin/vi, symlink: busybox}
  - {target: /empty, content: ""}
  - {target: /copy, source: ~/.x, optional: true}
  - {target: /copied, source: y, mode: "0640"}
  - {target: /made, directory: true}
  - {target: /closed, directory: true, mode: "0700"}
etc: auto
environment: {CI: 1, TERM: , A: no, B: 0755, C: "${X:-y}z", D: "${NONE:-d}", GONE: }
working_dir: /code/
hostname: h.example
init: [bash, -c, "echo $HOME ${X}"]
network: none
capabilities: []
no_new_privileges: false
x-mine: {anything: [~, 1, "${NOT_SET}"]}
"""
    )
    assert found.name == "box_1"
    assert found.root == Root("directory", "/home/me/proj/rootfs", True, True, "/tmp")
    assert found.user == User("ids", 1000, 100)
    assert found.host_namespaces == {"ipc"}
    assert found.binds == (
        Bind("binds[0]", "/opt/tools", "/opt/tools"),
        Bind("binds[1]", "/home/me/x", "/x", True, True, True),
        Bind("binds[2]", "/home/me/up", "/up"),
        Bind("binds[3]", "/home/me/.gitconfig", "/g/it", True, True, True),
    )
    assert found.mounts == (
        Mount("mounts[0]", "proc", "/proc"),
        Mount("mounts[1]", "sysfs", "/mnt/sys"),
        Mount("mounts[2]", "dev", "/dev"),
        Mount("mounts[3]", "tmpfs", "/scratch", 256 << 20, 0o1777),
        Mount("mounts[4]", "tmpfs", "/other", 4096),
    )
    assert found.files == (
        File("files[0]", "/etc/motd", ("hello ", Variable("X"), "$\n"), mode=0o600),
        File("files[1]", "/bin/vi", symlink="busybox"),
        File("files[2]", "/empty", ()),
        File("files[3]", "/copy", mode=None, source="/home/me/.x", optional=True),
        File("files[4]", "/copied", mode=0o640, source="/home/me/proj/y"),
        File("files[5]", "/made", directory=True, mode=0o755),
        File("files[6]", "/closed", directory=True, mode=0o700),
    )
    assert {e.name: e.value for e in found.environment} == {
        "PATH": (PATH,),
        "HOME": ("/",),
        "TERM": (Variable("TERM"),),
        "CI": ("1",),
        "A": ("no",),
        "B": ("0755",),
        "C": (Variable("X"), "z"),
        "D": ("d",),
    }
    assert found.working_dir == "/code"
    assert found.hostname == "h.example"
    assert found.init == ("bash", "-c", "echo $HOME ${X}")
    assert found.no_new_privileges is False
    assert found.origin("mounts[3].size") == Origin("mounts[3].size", 17, 43)
    assert found.origin("root.old_root").line == 4


def test_the_host_s_network_is_a_namespace_that_is_not_new() -> None:
    found = spec(HEAD + "network: host\nnamespaces: {uts: host, cgroup: host}\n")
    assert found.network == "host"
    assert found.host_namespaces == {"network", "uts", "cgroup"}


def test_a_sysfs_needs_the_box_s_own_network() -> None:
    text = HEAD + "network: host\nmounts:\n  - {type: sysfs}\n"
    assert said(text) == [(5, 5, "a sysfs needs the box's own network namespace")]


@pytest.mark.parametrize(
    ("user", "system", "home"),
    [
        ("caller", "none", "/"),
        ("caller", "host", "/home/me"),
        ("root", "none", "/root"),
        ("'0:5'", "none", "/root"),
        ("'5:0'", "none", "/"),
        ("root", "host", "/home/me"),
    ],
)
def test_home_by_default(user: str, system: str, home: str) -> None:
    found = spec(HEAD + f"user: {user}\nsystem: {system}\n")
    assert {e.name: e.value for e in found.environment}["HOME"] == (home,)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("root", User("root")),
        ("caller", User("caller")),
        ("0:0", User("ids", 0, 0)),
        ("{uid: 4294967294, gid: 0x10}", User("ids", 4294967294, 16)),
        ('"${NONE:-5}:6"', User("ids", 5, 6)),
    ],
)
def test_user(user: str, expected: User) -> None:
    assert spec(HEAD + f"user: {user}\n").user == expected


@pytest.mark.parametrize(
    ("path", "directory", "name"),
    [
        ("dev.yaml", "/p", "dev"),
        ("a/b/My Box.v2.yml", "/p", "my-box-v2"),
        ("toyspec.yaml", "/home/me/Some Project", "some-project"),
        ("toyspec.yml", "/", "box"),
        ("-", "/srv/web", "web"),
        ("_x.yaml", "/p", "x"),
        ("日本.yaml", "/p", "box"),
        ("noending", "/p", "noending"),
        ("x" * 100 + ".yaml", "/p", "x" * 64),
    ],
)
def test_a_name_is_made_of_the_file_s(path: str, directory: str, name: str) -> None:
    assert fit_name(path, directory) == name


def test_the_command_line_overrides() -> None:
    overrides = Overrides((("CI", "2"), ("X", None), ("NONE", None), ("E", "")), "/w", ("true",))
    found = spec("version: 1\nworking_dir: /x\nenvironment: [CI=1, NONE=1]\n", overrides=overrides)
    values = {e.name: e.value for e in found.environment}
    assert (values["CI"], values["X"], values["E"]) == (("2",), (Variable("X"),), ())
    assert "NONE" not in values
    assert (found.working_dir, found.init) == ("/w", ("true",))
    assert found.origin("init") == Origin("init", default="the command line's command")
    assert found.origin("working_dir") == Origin("working_dir", default="-w /w")
    assert found.origin("environment.CI") == Origin("environment.CI", default="-e CI")


def test_a_bad_override_is_a_problem_outside_the_file() -> None:
    overrides = Overrides((("A B", "2"),), "w", ("",))
    assert said(HEAD, overrides) == [
        (0, 0, "`A B` cannot be a variable's name"),
        (0, 0, "`w` is not an absolute path"),
        (0, 0, "an empty command"),
    ]


def test_anchors_and_merge_keys_work_within_a_file() -> None:
    found = spec(
        HEAD
        + """\
x-size: &size {size: 1k, mode: "0700"}
x-dir: &dir /a
mounts:
  - {<<: *size, type: tmpfs, target: *dir}
  - {type: tmpfs, target: /b, size: 2k, <<: [*size]}
"""
    )
    assert found.mounts == (
        Mount("mounts[0]", "tmpfs", "/a", 1024, 0o700),
        Mount("mounts[1]", "tmpfs", "/b", 2048, 0o700),
    )


def test_windows_newlines_and_a_byte_order_mark() -> None:
    found = spec(b"\xef\xbb\xbfversion: 1\r\nname: x\r\ninit: [sh]\r\n")
    assert found.name == "x"
    assert found.origin("name") == Origin("name", 2, 7)


def test_json_is_yaml() -> None:
    assert spec('{"version": 1, "init": ["sh", "\\u00e9"]}').init == ("sh", "é")


def test_a_spec_is_a_value() -> None:
    assert spec(HEAD) == spec(HEAD)
    assert hash(spec(HEAD).binds) == hash(())
    assert pickle.dumps(spec(HEAD).binds)
