"""Capabilities, limits, scheduling and sysctls, looked at from inside the box."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from tests.box.boxes import busybox, good, refused, sections, up
from tests.product import Product
from toyspec.kernel import features
from toyspec.kernel.flags import CAPABILITIES

LOOK = """
init: [/bin/sh, -c, "{script}"]
"""


def inside(product: Product, spec: str, script: str) -> str:
    """What `script` prints in a box of `spec` with the host's system."""
    text = "version: 1\nsystem: host\n" + spec + LOOK.format(script=script)
    return good(up(product, product.directory(), text))


def status(text: str) -> dict[str, str]:
    """/proc/self/status as a mapping."""
    lines = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in lines}


def mask(*names: str) -> str:
    return f"{sum(1 << CAPABILITIES.index(name) for name in names):016x}"


SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


@pytest.mark.parametrize("user", ["caller", "root", "'5:7'"])
@pytest.mark.parametrize("no_new_privileges", ["true", "false"])
def test_capabilities_outlast_execve(caller: Product, user: str, no_new_privileges: str) -> None:
    spec = (
        f"user: {user}\nno_new_privileges: {no_new_privileges}\n"
        "capabilities: [NET_RAW, CAP_NET_BIND_SERVICE, CHOWN]\n"
    )
    found = status(inside(caller, spec, "/bin/cat /proc/self/status"))
    wanted = mask("CAP_NET_RAW", "CAP_NET_BIND_SERVICE", "CAP_CHOWN")
    assert {name: found[name] for name in SETS} == dict.fromkeys(SETS, wanted)
    assert found["NoNewPrivs"] == str(int(no_new_privileges == "true"))


def test_without_capabilities_every_set_is_empty(caller: Product) -> None:
    found = status(inside(caller, "user: root\n", "cat /proc/self/status"))
    assert {found[name] for name in SETS} == {"0" * 16}


def test_a_capability_is_over_what_the_box_owns(product: Product) -> None:
    script = "echo a > f; chown 0:0 f && echo changed; ip link set lo mtu 1400 && echo set"
    spec = "user: root\nworking_dir: /tmp\n"
    denied = "version: 1\nsystem: host\n" + spec + LOOK.format(script=script)
    assert "set\n" not in up(product, product.directory(), denied).stdout
    assert "set\n" in inside(product, spec + "capabilities: [NET_ADMIN]\n", script)


def test_limits_hold_and_cannot_be_raised(caller: Product) -> None:
    hard = min(resource.getrlimit(resource.RLIMIT_NPROC)[1], 300)
    hard = 300 if hard < 0 else hard
    spec = f"ulimits: {{nofile: 64, core: 0, fsize: 4096, nproc: {{soft: 99, hard: {hard}}}}}\n"
    script = (
        "cat /proc/self/limits; ulimit -n 65 && echo raised; cd /tmp; "
        "(head -c 8192 /dev/zero > f; wc -c < f) 2>&1"
    )
    out = inside(caller, "" + spec, script + "; true")
    rows = {line[:26].strip(): line[26:].split()[:2] for line in out.splitlines()}
    assert rows["Max open files"] == ["64", "64"]
    assert rows["Max core file size"] == ["0", "0"]
    assert rows["Max processes"] == ["99", str(hard)]
    assert "raised" not in out
    assert out.rstrip().endswith("4096")


def test_a_tight_address_space_is_the_command_s_alone(product: Product) -> None:
    """Limits come last: the process that makes the box does not starve."""
    spec = (
        f"version: 1\nbinds: [{busybox()}:/bin/busybox]\nulimits: {{as: 8388608, data: 4194304}}\n"
        "init: [/bin/busybox, echo, came up]\n"
    )
    assert good(up(product, product.directory(), spec)) == "came up\n"


def test_a_limit_above_the_caller_s_is_refused(product: Product) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < 0:
        pytest.skip("no limit here")
    spec = f"version: 1\nulimits: {{nofile: {hard + 1}}}\ninit: [/bin/true]\n"
    error = refused(up(product, product.directory(), spec))
    assert f"above your hard limit, {hard}" in error
    assert "box.yaml:2" in error


def test_umask_nice_and_the_rest(caller: Product) -> None:
    cpu = min(os.sched_getaffinity(0))
    spec = (
        f"umask: '0077'\nnice: 7\noom_score_adj: 321\ncpus: [{cpu}]\n"
        "ioprio: {class: best-effort, level: 6}\n"
    )
    script = (
        "echo == umask; umask; : > /tmp/f; stat -c %a /tmp/f; echo == nice; nice; "
        "echo == oom; cat /proc/self/oom_score_adj; echo == status; cat /proc/self/status; "
        "echo == ioprio; ionice"
    )
    out = sections(inside(caller, spec, script))
    assert out["umask"].split() == ["0077", "600"]
    assert out["nice"].strip() == "7"
    assert out["oom"].strip() == "321"
    assert status(out["status"])["Cpus_allowed_list"] == str(cpu)
    assert out["ioprio"].strip() == "best-effort: prio 6"


def test_lowering_oom_score_adj_and_a_foreign_cpu_are_refused(product: Product) -> None:
    spec = 'version: 1\noom_score_adj: -1000\ncpus: "1023"\ninit: [/bin/true]\n'
    error = refused(up(product, product.directory(), spec))
    assert "oom_score_adj -1000 is below your own" in error
    assert "you may not run on CPU 1023" in error


def host_sysctls() -> list[str]:
    """What the tests set in a box, as the host has it."""
    names = ("net/ipv4/ip_forward", "kernel/domainname", "kernel/shmmax")
    return [Path(f"/proc/sys/{name}").read_text(encoding="utf-8") for name in names]


def release() -> tuple[int, ...]:
    return tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])


def test_sysctls_are_the_box_s_own(caller: Product) -> None:
    before = host_sysctls()
    spec = "sysctls: {net.ipv4.ip_forward: 1, net.core.somaxconn: 77, kernel.domainname: d.test}\n"
    script = (
        "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/core/somaxconn /proc/sys/kernel/domainname"
    )
    assert inside(caller, spec, script).split() == ["1", "77", "d.test"]
    after = host_sysctls()
    assert before == after


def test_sysctls_of_the_ipc_namespace_as_its_root(caller: Product) -> None:
    if release() < (6, 9):
        pytest.skip("Linux lets a namespace's root write them since 6.9")
    before = host_sysctls()
    spec = "user: root\nsysctls: {kernel.shmmax: 4194304, fs.mqueue.msg_max: 5}\n"
    script = "cat /proc/sys/kernel/shmmax /proc/sys/fs/mqueue/msg_max"
    assert inside(caller, spec, script).split() == ["4194304", "5"]
    assert host_sysctls() == before


def test_a_value_that_the_kernel_refuses_is_told_with_its_line(product: Product) -> None:
    spec = "version: 1\nsystem: host\nsysctls: {net.ipv4.ip_forward: nonsense}\ninit: [/bin/true]\n"
    error = refused(up(product, product.directory(), spec))
    assert "box.yaml:3:" in error
    assert "sysctl net.ipv4.ip_forward = nonsense" in error
    assert "the kernel does not take that value" in error


def test_a_sysctl_that_this_kernel_has_not(product: Product) -> None:
    spec = "version: 1\nsystem: host\nsysctls: {net.ipv4.nope: 0}\ninit: [/bin/true]\n"
    error = refused(up(product, product.directory(), spec))
    assert "this kernel has no such sysctl in the box's namespaces" in error
    assert "check the name" in error


NEST = "unshare -U true && echo nested; unshare -Ur true && echo nested; true"
RAISE = "(echo 99 > /proc/sys/user/max_user_namespaces) 2>&1; "


@pytest.mark.parametrize("user", ["caller", "root"])
def test_no_user_namespaces_inside(product: Product, user: str) -> None:
    spec = f"user: {user}\ncapabilities: [SYS_ADMIN, SETUID, SETGID, SYS_CHROOT]\n"
    off = spec + "disable_user_namespaces: true\n"
    assert "nested" in inside(product, spec, NEST)
    assert "nested" not in inside(product, off, RAISE + NEST)


def landlock() -> int:
    """The version of this kernel's Landlock."""
    return features.landlock(os.uname().machine)


WALL = """
root: {read_only: true}
binds: [.:/code:rw, "./one:/one:rw"]
landlock: LANDLOCK
"""


def test_landlock_lets_the_box_write_where_its_mounts_do(caller: Product) -> None:
    if landlock() < 2:
        pytest.skip("needs Landlock 2")
    script = (
        "cd /code; echo a > f; mkdir d; mv f d/f; cat d/f; echo b >> d/f; : > d/f; rm -r d; "
        "echo c > /one; echo x > /dev/null; echo y > /tmp/y; cat /tmp/y; echo z > /dev/shm/z; "
        "echo me > /proc/self/comm; touch /new || echo root; touch /usr/x || echo usr"
    )
    directory = caller.directory()
    caller.write(directory / "one", "")
    spec = WALL.replace("LANDLOCK", "true") + LOOK.format(script=script + "; true")
    done = up(caller, directory, "version: 1\nsystem: host\n" + spec)
    assert good(done).split() == ["a", "y", "root", "usr"]
    assert done.stderr.count("\n") == 2, done.stderr
    assert (directory / "one").read_text() == "c\n"


REMOUNT = "mount -o remount,bind,rw,nosuid,nodev /ro 2> /dev/null; echo a > /ro/f; true"


@pytest.mark.parametrize(("wall", "written"), [("true", False), ("false", True)])
def test_landlock_holds_where_a_mount_is_made_writable(
    product: Product, wall: str, written: bool
) -> None:
    """SYS_ADMIN makes a read-only bind writable: the wall behind it is the one that stands."""
    if landlock() < 2:
        pytest.skip("needs Landlock 2")
    spec = (
        f"version: 1\nsystem: host\nroot: {{read_only: true}}\nbinds: [./data:/ro]\n"
        f"capabilities: [SYS_ADMIN]\nlandlock: {wall}\n"
    )
    directory = product.directory()
    product.own(product.write(directory / "data" / "kept", "").parent)
    up(product, directory, spec + LOOK.format(script=REMOUNT))
    assert (directory / "data" / "f").exists() is written


@pytest.mark.parametrize("no_new_privileges", ["true", "false"])
def test_landlock_with_new_privileges_too(product: Product, no_new_privileges: str) -> None:
    if landlock() < 2:
        pytest.skip("needs Landlock 2")
    spec = WALL.replace("LANDLOCK", "true") + f"no_new_privileges: {no_new_privileges}\n"
    directory = product.directory()
    product.write(directory / "one", "")
    text = "version: 1\nsystem: host\n" + spec + LOOK.format(script="echo b > /one; cat /one")
    assert good(up(product, directory, text)) == "b\n"
