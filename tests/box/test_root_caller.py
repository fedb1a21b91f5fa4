"""A box that root runs: uid 0 obeys no capability where sysctls are concerned, so mounts stand before it.

Nothing here is ever really written: where the box could, it would set a value to what it already is.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tests import tools
from tests.box.boxes import good, mounts, up
from tests.product import Product

ATTACK = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
seen = {}

def tried(name, do):
    try:
        seen[name] = do() or "done"
    except OSError as error:
        seen[name] = os.strerror(error.errno)

def call(name, *args):
    def do():
        ctypes.set_errno(0)
        if getattr(libc, name)(*args) < 0:
            raise OSError(ctypes.get_errno(), "")
    tried(" ".join([name, *(a.decode() for a in args if isinstance(a, bytes))]), do)

def same(path):
    # What stands in it is written into it, so that even a success changes nothing.
    def do():
        with open(path) as file:
            text = file.read()
        fd = os.open(path, os.O_WRONLY)
        os.write(fd, text.encode())
        os.close(fd)
    return do

def opened(path):
    return lambda: os.close(os.open(path, os.O_WRONLY | os.O_NOFOLLOW))

def everything(top):
    for path in ("sys/kernel/core_pattern", "sys/kernel/modprobe", "sys/vm/swappiness"):
        tried(top + "/" + path, same(top + "/" + path))
    tried(top + "/sysrq-trigger", opened(top + "/sysrq-trigger"))

seen["mounts"] = open("/proc/self/mountinfo").read()
seen["writable"] = []
for top in ("/proc", "/sys"):
    for where, directories, files in os.walk(top):
        if where == "/proc":
            directories[:] = [d for d in directories if not d.isdigit()]
        for name in files:
            path = os.path.join(where, name)
            if os.path.islink(path):
                continue
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                continue
            seen["writable"].append(path)
seen["read"] = {p: open(p, "rb").read(64).hex() for p in seen["writable"] if p in sys.argv[1:]}
for path in ("/proc/keys", "/proc/timer_list", "/proc/kcore", "/dev/null", "/dev/zero"):
    tried("chmod " + path, lambda: os.chmod(path, 0o600))
everything("/proc")
MS = {"rdonly": 1, "remount": 32, "bind": 4096, "rec": 16384}

def mounting():
    for kind in ("proc", "sysfs"):
        call("mount", kind.encode(), b"/tmp", kind.encode(), 0, None)
        call("mount", kind.encode(), b"/tmp", kind.encode(), MS["rdonly"], None)
    for path in (b"/proc/sys", b"/proc/sysrq-trigger", b"/proc/keys", b"/sys", b"/sys/firmware"):
        call("mount", None, path, None, MS["remount"] | MS["bind"], None)
        call("umount2", path, 0)
        call("umount2", path, 2)
    call("umount2", b"/proc", 2)
    call("mount", b"/proc", b"/tmp", None, MS["bind"], None)

mounting()
bare = dict(seen)
seen = {}
# New namespaces give every capability in them, until the next execve.
call("unshare", 0x10000000 | 0x20000 | 0x20000000 | 0x40000000 | 0x02000000 | 0x08000000)
read, write = os.pipe()
if os.fork() == 0:
    mounting()
    call("mount", b"/proc", b"/tmp", b"recursively", MS["bind"] | MS["rec"], None)
    everything("/proc")
    everything("/tmp")
    everything("/proc/1/root/proc")
    os.write(write, json.dumps(seen).encode())
    os._exit(0)
os.close(write)
print(json.dumps([bare, json.loads(os.fdopen(read).read())]))
"""
HARMLESS = {"/proc/mtrr", "/proc/pressure/io", "/proc/pressure/cpu", "/proc/pressure/memory"}
"""mtrr_write and psi_write ask for a capability that the box has in no namespace of the host's."""
USERS = ("caller", "root", '"1000:1000"')


@pytest.mark.parametrize(("user", "api"), [*((user, "new") for user in USERS), ("caller", "old")])
def test_the_host_is_out_of_reach(as_root: Product, user: str, api: str) -> None:
    tools.need("python3")
    directory = as_root.directory()
    as_root.write(directory / "attack.py", ATTACK)
    spec = f"version: 1\nsystem: host\nuser: {user}\nmounts: [{{type: sysfs}}]\n"
    spec += "binds: [./attack.py:/attack.py]\ninit: [python3, /attack.py]\n"
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    null = os.stat("/dev/null")
    bare, nested = json.loads(good(up(as_root, directory, spec, api=api)))
    assert Path("/proc/sys/kernel/core_pattern").read_text() == pattern
    assert stat.S_IMODE(os.stat("/dev/null").st_mode) == stat.S_IMODE(null.st_mode)
    for path in set(bare["writable"]) - HARMLESS:
        # What is hidden takes what is written, and is the null device.
        assert any(m.point == path and m.root == "/null" for m in mounts(bare["mounts"])), path
    flags = {mount.point: mount.flags for mount in mounts(bare["mounts"])}
    assert "ro" in flags["/proc/sys"]
    assert "ro" in flags["/sys"]
    assert all("ro" in flags[m.point] for m in mounts(bare["mounts"]) if m.root == "/null")
    for name, what in bare.items():
        if name not in ("writable", "mounts", "read"):
            assert what != "done", name
    for name, what in nested.items():
        if name.startswith(("/", "umount2", "mount proc", "mount sysfs")):
            assert what != "done", name
        if name.startswith("mount /proc/sys"):
            assert what != "done", name


def test_hidden_below_every_proc(as_root: Product) -> None:
    """A second proc, and one inside another: each is guarded."""
    tools.need("python3")
    directory = as_root.directory()
    spec = "version: 1\nsystem: host\nmounts:\n  - {type: proc, target: /a}\n"
    spec += "  - {type: proc, target: /a/tty}\n"
    spec += "init: [sh, -c, 'for p in /proc /a /a/tty; do echo x > $p/sys/kernel/domainname; "
    spec += "test -c $p/timer_list || test ! -e $p/timer_list && echo hidden; done']\n"
    done = up(as_root, directory, spec)
    assert done.stdout == "hidden\nhidden\nhidden\n"
    assert done.stderr.count("Read-only file system") == 3


def test_an_ordinary_caller_has_a_plain_proc(product: Product) -> None:
    """Nothing is hidden from whom the kernel itself refuses it."""
    directory = product.directory()
    spec = "version: 1\nsystem: host\ninit: [grep, -c, ' /proc', /proc/self/mountinfo]\n"
    assert good(up(product, directory, spec)) == "1\n"
