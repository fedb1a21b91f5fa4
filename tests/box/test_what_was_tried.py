"""Attacks that once worked: each of these failed before what it tests was mended."""

from __future__ import annotations

import os
import shlex

from tests import tools
from tests.product import Product

KEYCTL = 250 if os.uname().machine == "x86_64" else 219
ADD_KEY = 248 if os.uname().machine == "x86_64" else 217
SESSION, JOIN, SEARCH = -3, 1, 10  # linux/keyctl.h


def test_a_source_behind_a_symlink_is_planned_by_its_real_path(product: Product) -> None:
    directory = product.directory()
    product.write(directory / "elsewhere/x", "x")
    os.symlink(directory / "elsewhere", directory / "data")
    text = "version: 1\nsystem: host\nbinds: ['./data:/data:rw']\ninit: [ls, /data]\n"
    spec = product.write(directory / "box.yaml", text)
    plan = product.run(["plan", spec]).stdout
    assert "writable: elsewhere at /data" in plan
    assert f"writable bind {directory}/elsewhere at /data" in plan
    assert f"{directory}/data leads to {directory}/elsewhere through a symbolic link" in plan
    assert product.run(["up", "-q", spec]).stdout == "x\n"


def test_a_root_that_leads_to_the_host_s_own_is_refused(product: Product) -> None:
    directory = product.directory()
    os.symlink("/", directory / "rootfs")
    for root in ("./rootfs", "/proc/self/root"):
        spec = product.write(directory / "box.yaml", f"version: 1\nroot: {root}\ninit: [/bin/ls]\n")
        done = product.run(["up", "-q", spec])
        assert done.returncode == 125
        assert "box.yaml:2:7: error:" in done.stderr, done.stderr


def test_a_read_only_root_closes_the_mounts_below_it_too(product: Product) -> None:
    busybox = tools.need("busybox")
    directory = product.directory()
    product.write(directory / "root/data/keep", "")
    product.write(directory / "root/busybox", "")
    text = f"""\
version: 1
root: {{path: ./root, read_only: true}}
binds: ["{busybox}:/busybox"]
init: [/busybox, sh, -c, "/busybox touch /data/x; /busybox touch /x; /busybox ls /data"]
"""
    spec = product.write(directory / "box.yaml", text)
    up = shlex.join(map(str, [*product.toyspec, "up", "-q", spec]))
    inside = f"mount -t tmpfs none {directory}/root/data && touch {directory}/root/data/own && {up}"
    done = product.as_user([tools.need("unshare"), "-Urm", "sh", "-c", inside])
    assert done.stdout == "own\n", done
    assert done.stderr.count("Read-only file system") == 2


def test_the_callers_session_keyring_stays_outside(product: Product) -> None:
    """In a session keyring of its own the caller keeps a key; the box neither sees nor adds one."""
    directory = product.directory()
    search = (
        "import ctypes; c = ctypes.CDLL(None, use_errno=True); "
        f"print(c.syscall({KEYCTL}, {SEARCH}, {SESSION}, b'user', b'secret', 0) > 0, flush=True)"
    )
    spec = product.write(
        directory / "box.yaml",
        f'version: 1\nsystem: host\ninit: [python3, -c, "{search}"]\n',
    )
    up = [*map(str, product.toyspec), "up", "-q", str(spec)]
    script = (
        f"import ctypes, subprocess; c = ctypes.CDLL(None); c.syscall({KEYCTL}, {JOIN}, None); "
        f"c.syscall({ADD_KEY}, b'user', b'secret', b's3cret', 6, {SESSION}); "
        f"exec({search!r}); subprocess.run({up!r})"
    )
    done = product.as_user([product.python, "-c", script])
    assert done.stdout == "True\nFalse\n", done


def test_a_box_without_a_keyring_left(product: Product) -> None:
    """A user has 200 keys, and each living box one of them (kernel.keys.maxkeys)."""
    directory = product.directory()
    search = (
        "import ctypes; c = ctypes.CDLL(None, use_errno=True); "
        f"print(c.syscall({KEYCTL}, {SEARCH}, {SESSION}, b'user', b'secret', 0), ctypes.get_errno())"
    )
    commands = []
    for seccomp in ("none", "default"):
        spec = product.write(
            directory / f"{seccomp}.yaml",
            f'version: 1\nsystem: host\nseccomp: {seccomp}\ninit: [python3, -c, "{search}"]\n',
        )
        commands.append([*map(str, product.toyspec), "up", "-q", str(spec)])
    # Keys of processes that have just ended are counted for a moment yet: whoever is quick gets theirs.
    add = f"c.syscall({ADD_KEY}, b'keyring', b'%d' % made, None, 0, {SESSION}) > 0"
    script = (
        "import ctypes, subprocess, time\n"
        "c, made = ctypes.CDLL(None), 0\n"
        f"c.syscall({KEYCTL}, {JOIN}, None)\n"
        f"c.syscall({ADD_KEY}, b'user', b'secret', b's3cret', 6, {SESSION})\n"
        "for _ in range(100):\n"
        "    refused = 0\n"
        "    while refused < 5:\n"
        f"        if {add}:\n"
        "            made, refused = made + 1, 0\n"
        "        else:\n"
        "            time.sleep(0.05)\n"
        "            refused += 1\n"
        f"    done = subprocess.run({commands[0]!r}, capture_output=True, text=True)\n"
        "    if done.returncode == 125:\n"
        "        break\n"
        "print(done.stderr)\n"
        f"print(subprocess.run({commands[1]!r}, capture_output=True, text=True).stdout)\n"
    )
    done = product.as_user([product.python, "-c", script])
    assert "kernel.keys.maxkeys" in done.stdout
    assert done.stdout.endswith("\n-1 1\n\n"), "EPERM: the default filter lets nobody ask for keys"
