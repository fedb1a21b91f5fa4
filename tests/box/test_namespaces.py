"""Namespaces that are joined, and clocks of the box's own, looked at from inside the box."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests import holder, tools
from tests.box.boxes import good, refused, up
from tests.product import Product

LOOK = """
init: [/bin/sh, -c, "{script}"]
"""
HEAD = "version: 1\nsystem: host\n"
EVERY = "for n in user net uts ipc cgroup pid time mnt; do readlink /proc/self/ns/$n; done"


def inside(product: Product, spec: str, script: str) -> str:
    """What `script` prints in a box of `spec` with the host's system."""
    return good(up(product, product.directory(), HEAD + spec + LOOK.format(script=script)))


def own(kind: str) -> str:
    return os.readlink(f"/proc/self/ns/{kind}")


def clocks() -> tuple[float, float]:
    return time.clock_gettime(time.CLOCK_MONOTONIC), time.clock_gettime(time.CLOCK_BOOTTIME)


CLOCKS = "import time; print(time.clock_gettime(1), time.clock_gettime(7), time.time())"


@pytest.mark.parametrize(("monotonic", "boottime"), [(-1.5, 86400.25), (1000000, 0), (0, -2)])
def test_the_box_s_clocks_are_ahead(caller: Product, monotonic: float, boottime: float) -> None:
    spec = f"namespaces: {{time: {{monotonic: {monotonic}, boottime: {boottime}}}}}\n"
    before = clocks()
    found = [float(word) for word in inside(caller, spec, f"python3 -c '{CLOCKS}'").split()]
    after = clocks()
    assert before[0] <= found[0] - monotonic <= after[0]
    assert before[1] <= found[1] - boottime <= after[1]
    assert abs(found[2] - time.time()) < 60


def test_new_clocks_begin_like_the_host_s(product: Product) -> None:
    found = inside(product, "namespaces: {time: new}\n", "readlink /proc/self/ns/time").strip()
    assert found != own("time")
    assert inside(product, "", "readlink /proc/self/ns/time").strip() == own("time")


def test_a_clock_before_its_zero_is_told_with_its_line(product: Product) -> None:
    spec = HEAD + "namespaces: {time: {boottime: -4000000000}}\n" + LOOK.format(script="true")
    error = refused(up(product, product.directory(), spec))
    assert "box.yaml:3:" in error
    assert "ERANGE" in error
    assert "before zero" in error


def test_the_trace_of_a_box_with_other_clocks_has_no_odd_times(product: Product) -> None:
    directory = product.directory()
    spec = HEAD + "namespaces: {time: {monotonic: 1000000}}\n" + LOOK.format(script="true")
    product.write(directory / "box.yaml", spec)
    done = product.run(["up", "box.yaml"], cwd=directory)
    assert done.returncode == 0, done.stderr
    assert "-" not in done.stderr.split("steps in")[1]
    assert "1000000" not in done.stderr.split("steps in")[1]


def test_every_joined_namespace_is_the_one_that_is_held(caller: Product) -> None:
    kinds = {"user": "user", "network": "net", "uts": "uts", "ipc": "ipc", "cgroup": "cgroup",
             "pid": "pid", "time": "time"}  # fmt: skip
    listed = ", ".join(f"{name}: {holder.file(caller, kind)}" for name, kind in kinds.items())
    found = inside(caller, f"namespaces: {{{listed}}}\n", EVERY + "; id -u; cat /proc/1/comm")
    *links, uid, first = found.split()
    assert links[:-1] == [
        os.readlink(holder.file(caller, kind))
        for kind in ("user", "net", "uts", "ipc", "cgroup", "pid", "time")
    ]
    assert links[-1] != own("mnt")
    assert (uid, first) == ("0", "cat")


def test_a_joined_mount_namespace_has_its_own_files(product: Product) -> None:
    """What is mounted there only is what the box sees: the tmpfs that its holder got on /mnt."""
    held = holder.hold(product)
    enter = [
        tools.need("nsenter"),
        "-t",
        str(held),
        "-U",
        "--preserve-credentials",
        "-m",
        "sh",
        "-c",
    ]
    shown = "mount -t tmpfs none /mnt && echo here > /mnt/only-there"
    assert product.popen([*enter, shown], stdout=None, stderr=None, program=True).wait(10) == 0
    user, mnt = holder.file(product, "user"), holder.file(product, "mnt")
    spec = f"version: 1\nnamespaces: {{user: {user}, mount: {mnt}}}\n"
    look = LOOK.format(script=f"cat /mnt/only-there; {EVERY}; pwd; umount /mnt || echo kept")
    planned = product.run(["plan", "-"], input=spec + look)
    assert f"writable: {mnt} at / " in planned.stdout, planned.stderr
    try:
        done = up(product, product.directory(), spec + look)
        here, *links, place, kept = good(done).split()
        assert (here, links[0], links[-1]) == ("here", os.readlink(user), os.readlink(mnt))
        assert (place, kept) == ("/", "kept")
        assert not Path("/mnt/only-there").exists()
    finally:
        gone = [*enter, "umount /mnt"]
        assert product.popen(gone, stdout=None, stderr=None, program=True).wait(10) == 0


@pytest.mark.parametrize(
    "more", ["system: host", "binds: [/usr]", "root: {type: tmpfs}", "mounts: [{type: proc}]",
             "files: [{target: /a, content: b}]", "landlock: true", "masked_paths: [/proc/keys]"],
)  # fmt: skip
def test_what_a_joined_mount_namespace_leaves_no_room_for(product: Product, more: str) -> None:
    user, mnt = holder.file(product, "user"), holder.file(product, "mnt")
    spec = f"version: 1\nnamespaces: {{user: {user}, mount: {mnt}}}\n{more}\ninit: [/bin/true]\n"
    error = refused(up(product, product.directory(), spec))
    assert "box.yaml:3:" in error
    assert "with a mount namespace to join" in error


def test_a_mount_namespace_comes_with_its_user_namespace(product: Product) -> None:
    spec = f"version: 1\nnamespaces: {{mount: {holder.file(product, 'mnt')}}}\ninit: [/bin/true]\n"
    assert "join the `user` namespace" in refused(up(product, product.directory(), spec))


def test_root_joins_no_mount_namespace(as_root: Product) -> None:
    user, mnt = holder.file(as_root, "user"), holder.file(as_root, "mnt")
    spec = f"version: 1\nnamespaces: {{user: {user}, mount: {mnt}}}\ninit: [/bin/true]\n"
    assert "root must not join" in refused(up(as_root, as_root.directory(), spec))


def test_in_a_joined_user_namespace_the_rest_is_new(product: Product) -> None:
    user = holder.file(product, "user")
    held = holder.hold(product)
    found = inside(product, f"namespaces: {{user: {user}}}\n", EVERY).split()
    assert found[0] == os.readlink(user)
    for kind, link in zip(("net", "uts", "ipc", "cgroup", "pid"), found[1:6], strict=True):
        assert link not in (own(kind), os.readlink(f"/proc/{held}/ns/{kind}"))


def test_a_joined_network_is_left_as_it_is(product: Product) -> None:
    """lo was down there, and stays so."""
    user, net = holder.file(product, "user"), holder.file(product, "net")
    script = "cat /sys/class/net/lo/flags; cat /proc/net/dev | grep -c lo:"
    spec = f"namespaces: {{user: {user}, network: {net}}}\nmounts: [{{type: sysfs}}]\n"
    assert inside(product, spec, script).split() == ["0x8", "1"]


def test_the_caller_s_own_by_its_path(product: Product) -> None:
    script = "readlink /proc/self/ns/ipc; readlink /proc/self/ns/uts"
    spec = "namespaces: {ipc: /proc/self/ns/ipc}\n"
    ipc, uts = inside(product, spec, script).split()
    assert ipc == own("ipc")
    assert uts != own("uts")


def test_capabilities_go_though_the_joined_root_has_them_all(product: Product) -> None:
    spec = f"namespaces: {{user: {holder.file(product, 'user')}}}\n"
    found = inside(product, spec, "grep ^Cap /proc/self/status; hostname other || echo refused")
    assert [word for word in found.split() if not word.startswith("Cap")] == ["0" * 16] * 5 + [
        "refused"
    ]


def test_another_namespace_at_the_path_is_not_joined(product: Product) -> None:
    """The plan was made for one inode; by the time it runs the link leads to another."""
    directory = product.directory()
    holder.link(product, directory / "held")
    spec = HEAD + "namespaces: {user: ./held/user, uts: ./held/uts}\n" + LOOK.format(script="true")
    product.write(directory / "box.yaml", spec)
    driver = product.checkout / "tests/box/driver.py"
    argv = [
        str(product.python),
        str(driver),
        "swapped",
        "box.yaml",
        "held/uts",
        "/proc/self/ns/uts",
    ]
    error = refused(product.as_user(argv, directory))
    assert "box.yaml:3:" in error
    assert "not the namespace that the plan was made for" in error


def test_what_init_leaves_in_a_joined_pid_namespace_is_warned_of(product: Product) -> None:
    user, pid = holder.file(product, "user"), holder.file(product, "pid")
    directory = product.directory()
    spec = HEAD + f"namespaces: {{user: {user}, pid: {pid}}}\n" + LOOK.format(script="true")
    product.write(directory / "box.yaml", spec)
    plan = json.loads(product.run(["plan", "--json", "box.yaml"], cwd=directory).stdout)
    assert any("lives on when the box ends" in warning for warning in plan["warnings"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_an_init_that_is_not_pid_1(product: Product, number: int) -> None:
    """Without a handler too: nobody has to say that the kernel drops it."""
    user, pid = holder.file(product, "user"), holder.file(product, "pid")
    directory = product.directory()
    script = "echo up; exec sleep 100"
    spec = HEAD + f"namespaces: {{user: {user}, pid: {pid}}}\n" + LOOK.format(script=script)
    product.write(directory / "box.yaml", spec)
    running = product.popen(["up", "-q", "box.yaml"], cwd=directory)
    assert running.stdout is not None
    assert running.stdout.readline() == "up\n"
    wait_for_sleep(holder.hold(product))
    running.send_signal(number)
    _, errors = running.communicate(timeout=20)
    assert (running.returncode, errors) == (128 + number, "")


def wait_for_sleep(first: int) -> None:
    """Until a process of that pid namespace sleeps: the shell has become it."""
    space = os.readlink(f"/proc/{first}/ns/pid")
    until = time.monotonic() + 10
    while time.monotonic() < until:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                found = os.readlink(entry / "ns/pid"), (entry / "comm").read_text()
            except OSError:
                continue
            if found == (space, "sleep\n"):
                return
        time.sleep(0.02)
    raise AssertionError("no sleep in the joined pid namespace")


def test_on_a_terminal_of_its_own_init_leads_the_foreground_though_it_is_not_pid_1(
    product: Product,
) -> None:
    user, pid = holder.file(product, "user"), holder.file(product, "pid")
    directory = product.directory()
    script = "read word; echo got $word; echo $(cut -d' ' -f5,8 /proc/$$/stat) $$"
    spec = HEAD + f"namespaces: {{user: {user}, pid: {pid}}}\n" + LOOK.format(script=script)
    product.write(directory / "box.yaml", spec)
    running, screen = product.terminal(["up", "-q", "box.yaml"], cwd=directory)
    with running:
        os.write(screen, b"typed\n")
        shown = b""
        while True:
            try:
                shown += os.read(screen, 4096)
            except OSError:
                break
        assert running.wait(timeout=20) == 0, shown
    os.close(screen)
    assert b"got typed" in shown
    group, foreground, init = shown.decode().splitlines()[-1].split()
    assert group == foreground == init != "1"
