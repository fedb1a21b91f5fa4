"""Every spec of the repository, looked at from inside: the box is what the spec says, and no more."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import tools
from tests.box.boxes import good, host_mounts, mounts, script, sections
from tests.kernel_side.specs import DIRECTORIES, PREPARED, fresh
from tests.product import Product

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
EVERY = frozenset(("cgroup", "ipc", "mnt", "net", "pid", "user", "uts"))
DEVICES = {"null", "zero", "full", "random", "urandom", "tty"}
OWN = {"tmpfs", "proc", "sysfs", "devpts"}
LEAKED = 7


@dataclass(frozen=True, slots=True)
class Expected:
    """`ids`: what init has inside, None for the caller's own. `points`: every mount point, where
    that does not depend on the host; `writable`: those that are a bind, and may be written."""

    shell: tuple[str, ...]
    names: frozenset[str]
    ids: int | None = None
    cwd: str = "/"
    shared: frozenset[str] = frozenset()
    points: frozenset[str] | None = None
    writable: frozenset[str] = frozenset()
    environment: tuple[str, ...] = ()
    busybox: bool = True


def points(*names: str, dev: bool = False) -> frozenset[str]:
    inner = {f"/dev/{name}" for name in (*DEVICES, "pts", "shm")} if dev else set()
    return frozenset({"/", *names} | inner | ({"/dev"} if dev else set()))


BUSYBOX = ("/bin/busybox", "sh", "-c")
SYSTEM = frozenset(["bin", "dev", "etc", "lib", "proc", "sbin", "tmp", "usr"])
EXPECTED = {
    "hello.yaml": Expected(("sh", "-c"), SYSTEM, busybox=False),
    "dev.yaml": Expected(
        ("sh", "-c"), SYSTEM | {"code"}, cwd="/code", writable=frozenset(("/code",)),
        environment=("LANG=C.UTF-8",), busybox=False,
    ),
    "service.yaml": Expected(
        ("sh", "-c"), SYSTEM | {"site"}, cwd="/site", environment=("PYTHONUNBUFFERED=1",), busybox=False,
    ),
    "toybox-20230824.yaml": Expected(
        ("/toybox/busybox", "sh", "-c"),
        frozenset(["bin", "dev", "etc", "lib", "proc", "sbin", "toybox", "usr"]), ids=0,
    ),
    "toybox-20230927.yaml": Expected(
        BUSYBOX, frozenset(["bin", "proc", "sys", "tmp"]), ids=0,
        shared=frozenset(("uts", "ipc", "cgroup")),
        points=points("/bin/busybox", "/proc", "/sys", "/tmp"),
    ),
    "mkbox.yaml": Expected(
        BUSYBOX, frozenset(["bin", "data", "dev", "proc", "sys", "tmp"]), ids=3333,
        points=points(
            "/bin/busybox", "/data", "/dev", "/dev/null", "/dev/zero", "/dev/random",
            "/dev/urandom", "/proc", "/sys", "/tmp",
        ),
        writable=frozenset(("/data", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")),
    ),
    "busybox-init.yaml": Expected(
        BUSYBOX, frozenset(["bin", "dev", "etc", "proc", "tmp", "www"]), ids=0,
        points=points("/bin/busybox", "/proc", "/tmp", dev=True),
    ),
}  # fmt: skip
LOOKS = {
    "names": "b ls /",
    "environment": "b cat /proc/1/environ | b tr '\\0' '\\n'",
    "descriptors": "b ls /proc/1/fd",
    "mounts": "b cat /proc/self/mountinfo",
    "uid_map": "b cat /proc/1/uid_map /proc/1/gid_map; b cat /proc/1/setgroups",
    "namespaces": "for n in cgroup ipc mnt net pid user uts time; do b readlink /proc/1/ns/$n; done",
    "hostname": "b hostname",
    "cwd": "b readlink /proc/1/cwd; b readlink /proc/1/root",
    "processes": "for p in /proc/[0-9]*; do echo ${p#/proc/}; done",
    "network": "b cat /proc/net/dev",
    "above": "b ls -d /../../usr/../.. /proc/1/root/..",
    "stat": "b cat /proc/1/stat",
    "status": "",
}


def test_every_spec_is_expected() -> None:
    assert {*EXPECTED} | PREPARED == {path.name for path in DIRECTORIES[0].glob("*.yaml")}


@pytest.mark.parametrize("name", EXPECTED)
def test_from_inside(caller: Product, name: str) -> None:
    expected = EXPECTED[name]
    tools.need("busybox")
    spec = fresh(caller, name)
    tool = f"{expected.shell[0]} " if expected.busybox else ""
    before = f'b() {{ {tool}"$@"; }}'
    text = script(LOOKS, before) + f"exec {tool}cat /proc/1/status"
    # A descriptor of the host's is left open by the caller, and signals are ignored.
    words = ["/bin/sh", "-c", 'trap "" PIPE XFSZ; exec 7</ 9>&2; exec "$@"', "sh"]
    words += [*caller.toyspec, "up", "-q", str(spec), "--", *expected.shell, text]
    seen = sections(good(caller.as_user(words, cwd=spec.parent)))
    inside(seen, expected, caller, name.removesuffix(".yaml"))
    visible(seen, expected, caller)
    status(seen["status"], expected, caller)


def inside(seen: dict[str, str], expected: Expected, caller: Product, name: str) -> None:
    """Names, ids, environment, descriptors, processes."""
    assert set(seen["names"].split()) - {"lib32", "lib64", "libx32"} == expected.names
    home = "/root" if expected.ids == 0 else "/"
    home = str(caller.home) if expected.ids is None else home
    environment = [f"PATH={DEFAULT_PATH}", f"HOME={home}", *expected.environment]
    assert sorted(seen["environment"].splitlines()) == sorted(environment)
    assert seen["descriptors"].split() == ["0", "1", "2"]
    own = caller.uid if expected.ids is None else expected.ids
    group = caller.gid if expected.ids is None else expected.ids
    assert [line.split() for line in seen["uid_map"].splitlines()] == [
        [str(own), str(caller.uid), "1"], [str(group), str(caller.gid), "1"], ["deny"],
    ]  # fmt: skip
    shared = "uts" in expected.shared
    assert seen["hostname"] == (os.uname().nodename if shared else name) + "\n"
    assert seen["cwd"].split() == [expected.cwd, "/"]
    processes = [int(word) for word in seen["processes"].split()]
    assert processes[0] == 1
    assert len(processes) == 1
    assert max(processes) < 100
    interfaces = [
        line.partition(":")[0].strip() for line in seen["network"].splitlines() if ":" in line
    ]
    assert interfaces == ["lo"]
    for line, kind in zip(
        seen["namespaces"].splitlines(),
        ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts", "time"),
    ):
        same = line == os.readlink(f"/proc/self/ns/{kind}")
        assert same == (kind in expected.shared or kind not in EVERY), line
    fields = seen["stat"].rpartition(")")[2].split()
    assert fields[2:5] == ["1", "1", "0"], "process group, session, terminal"


def visible(seen: dict[str, str], expected: Expected, caller: Product) -> None:
    """The mounts: none of the host's but the binds, and those closed."""
    found = mounts(seen["mounts"])
    if expected.points is not None:
        masked = {mount.point for mount in found if mount.point.startswith(("/proc/", "/sys/"))}
        assert masked == set() or caller.uid == 0
        assert {mount.point for mount in found} - masked == expected.points
    whole = {(mount.device, mount.root) for mount in host_mounts()}
    tops = {(mount.device, mount.root) for mount in host_mounts() if mount.point == "/"}
    for mount in found:
        assert (mount.device, mount.root) not in tops, mount
        assert "nosuid" in mount.flags, mount
        if mount.type in OWN and (mount.device, mount.root) not in whole:
            continue
        if mount.point in expected.writable:
            assert "rw" in mount.flags, mount
        elif mount.point != "/":
            assert "ro" in mount.flags, mount
        if "/dev" not in mount.point and mount.root != "/null":
            assert "nodev" in mount.flags, mount
    assert all(len(mount.point) < 200 for mount in found)


def status(text: str, expected: Expected, caller: Product) -> None:
    """/proc/1/status (proc_pid_status(5)) of `cat` as PID 1."""
    fields = dict(line.split(":", 1) for line in text.splitlines())
    fields = {name: value.strip() for name, value in fields.items()}
    own = caller.uid if expected.ids is None else expected.ids
    group = caller.gid if expected.ids is None else expected.ids
    assert fields["Uid"].split() == [str(own)] * 4
    assert fields["Gid"].split() == [str(group)] * 4
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[name], 16) == 0, name
    for name in ("SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd"):
        assert int(fields[name], 16) == 0, name
    assert fields["NoNewPrivs"] == "1"
    assert fields["Pid"] == "1"
    assert fields["PPid"] == "0"
    assert fields["NSpid"] == "1"
    assert fields["Umask"] == "0022"
    assert fields["Seccomp"] == "2", "the default filter"
    if caller.switch and caller.uid:
        assert fields["Groups"] == ""
    assert Path(caller.home).is_absolute()
