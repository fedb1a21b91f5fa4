"""Boxes with sub-ids: many owners inside, the caller's range outside; and helpers that fail or hang."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests import tools
from tests.box.boxes import busybox, good, refused, script, sections, up
from tests.kernel_side.specs import need_sub_ids
from tests.product import Product
from tests.run.boxes import eventually, gone

CAPABILITIES = "capabilities: [CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID]"
SPEC = f"""
version: 1
system: host
user: {{ranges: auto}}
{CAPABILITIES}
binds: [./data:/data:rw]
working_dir: /data
init: [sh, -c, "true"]
"""
DO = {
    "who": "id; cat /proc/self/setgroups",
    "chown": "touch a b; chown 33:33 a; chown 1000 b; stat -c '%u:%g %n' a b",
    "setgid": "mkdir g; chown 0:50 g; chmod 2775 g; touch g/in; stat -c '%g %a' g/in",
    "su": "chmod 0777 .; setpriv --reuid=33 --regid=33 --clear-groups "
    "sh -c 'id; touch by-33; chown 34 by-33; touch a; touch b'",
    "out": "chown 4000000000 a",
    "mknod": "mknod null c 1 3",
}


def first_sub_id(product: Product) -> int:
    """Where the range of the product's user begins."""
    name = pwd.getpwuid(product.uid).pw_name
    lines = [line.split(":") for line in Path("/etc/subuid").read_text().splitlines()]
    return next(int(first) for owner, first, _ in lines if owner in (name, str(product.uid)))


def test_many_owners(product: Product) -> None:
    need_sub_ids(product)
    tools.need("setpriv")
    directory = product.directory()
    data = directory / "data"
    product.write(data / "mine", "")
    seen = sections(good(up(product, directory, SPEC, "--", "sh", "-c", script(DO) + "; true")))
    assert seen["who"] == "uid=0(root) gid=0(root) groups=0(root)\nallow\n"
    assert seen["chown"] == "33:33 a\n1000:0 b\n"
    assert seen["setgid"] == "50 644\n"
    assert seen["su"].startswith("uid=33 gid=33 groups=33\n")
    assert seen["su"].count("not permitted") == 1  # the chown of one who is not root
    assert seen["su"].count("Permission denied") == 1  # b, which is uid 1000's
    assert "Invalid argument" in seen["out"]  # an id that is not mapped
    assert "not permitted" in seen["mknod"]
    base = first_sub_id(product)
    owners = {path.name: path.lstat().st_uid for path in data.iterdir()}
    assert owners == {
        "mine": product.uid, "g": product.uid, "a": base + 32, "b": base + 999, "by-33": base + 32,
    }  # fmt: skip
    good(up(product, directory, SPEC, "--", "find", "/data", "-mindepth", "1", "-delete"))
    assert not list(data.iterdir())


def test_an_id_of_its_own_beside_root(product: Product) -> None:
    need_sub_ids(product)
    spec = SPEC.replace("{ranges: auto}", "{uid: 1000, gid: 1000, ranges: auto}")
    directory = product.directory()
    (directory / "data").mkdir()
    product.own(directory)
    words = "id -u; id -G; stat -c %u /data; touch /data/mine; chown 0:0 /tmp"
    out = good(up(product, directory, spec, "--", "sh", "-c", words))
    assert out.split() == ["1000", "1000", "1000"]
    assert (directory / "data/mine").stat().st_uid == product.uid


def test_a_program_that_refuses_is_an_error_like_others(product: Product) -> None:
    """The range is not the caller's: newuidmap says so, ends with 1, and setup stops."""
    need_sub_ids(product)
    done = patched(product, "subids.ranges = lambda *a: ((3000000000, 10),)")
    said = refused(done)
    assert "newuidmap did not map the box's ids" in said
    assert "box.yaml:4:7" in said
    assert "newuidmap: uid range" in said
    assert "step: " in said and "in setup: wait4(" in said


PATCHED = """
import sys
from toyspec.host import subids
from toyspec.host.facts import MapperFact
{patch}
from toyspec.cli.main import main
sys.exit(main(["up", "-q", "box.yaml"]))
"""
STUCK = (
    "subids.mappers = lambda *a: dict.fromkeys(subids.MAPPERS, MapperFact({path!r}, True, False))"
)


def patched(product: Product, patch: str) -> subprocess.CompletedProcess[str]:
    """`toyspec up -q` where one thing about the host is not as it is."""
    directory = product.directory()
    product.write(directory / "box.yaml", SPEC)
    (directory / "data").mkdir()
    product.own(directory)
    return product.as_user([product.python, "-c", PATCHED.format(patch=patch)], cwd=directory)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_helpers_that_hang_end_with_the_box(product: Product, number: signal.Signals) -> None:
    """The monitor is interrupted, or killed, while both are at work."""
    need_sub_ids(product)
    directory = product.directory()
    product.write(directory / "box.yaml", SPEC)
    (directory / "data").mkdir()
    hang = product.write(
        directory / "hang", f"#!{busybox()} sh\necho $$ >> pids\nexec {busybox()} sleep 60\n", 0o755
    )
    product.own(directory)
    code = PATCHED.format(patch=STUCK.format(path=str(hang)))
    process = product.popen([product.python, "-c", code], cwd=directory, program=True)
    with process:
        pids = wait_for_two(directory / "pids")
        process.send_signal(number)
        process.communicate(timeout=20)
    wanted = -number if number == signal.SIGKILL else 128 + number
    assert process.returncode == wanted
    eventually(lambda: gone(pids))


def wait_for_two(path: Path) -> list[int]:
    """The pids that both helpers wrote."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        words = path.read_text().split() if path.exists() else []
        if len(words) == 2:
            return [int(word) for word in words]
        time.sleep(0.01)
    raise AssertionError("the helpers did not begin")


ROOTS = """
version: 1
system: host
user: {user}
init: [sh, -c, "cat /proc/self/uid_map; id; touch /tmp/a; cat /proc/sys/kernel/hostname;
  echo x > /proc/sys/kernel/hostname; cat /etc/shadow-of-root"]
binds: [./secret:/etc/shadow-of-root]
"""


@pytest.mark.parametrize("user", ["root", "{ranges: auto}", "{uid: 7, gid: 8, ranges: auto}"])
def test_root_on_a_range_is_nobody_outside(as_root: Product, user: str) -> None:
    """With a line for root in files that this test's own mount namespace alone shows."""
    tools.need("newuidmap", "newgidmap", "unshare")
    for path in ("/etc/subuid", "/etc/subgid"):
        if not os.path.exists(path):
            tools.lack(f"needs {path}")
    directory = as_root.directory()
    as_root.write(directory / "box.yaml", ROOTS.format(user=user))
    as_root.write(directory / "secret", "root's\n", 0o600)
    given = as_root.write(directory / "given", "root:3000000:65536\n")
    mounts = f"mount --bind {given} /etc/subuid && mount --bind {given} /etc/subgid"
    done = as_root.as_user(
        ["unshare", "-m", "--propagation", "private", "sh", "-c", mounts + ' && exec "$@"', "sh",
         *as_root.toyspec, "up", "-q", "box.yaml"],
        cwd=directory,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    assert lines[0].split() == ["0", "3000000", "65536"]
    uid, gid = (7, 8) if "7" in user else (0, 0)
    assert lines[1].startswith(f"uid={uid}")
    assert f"gid={gid}" in lines[1]
    assert f"groups={gid}" in lines[1]
    assert "root's" not in done.stdout
    assert "Permission denied" in done.stderr
    assert "cannot create /proc/sys/kernel/hostname" in done.stderr
