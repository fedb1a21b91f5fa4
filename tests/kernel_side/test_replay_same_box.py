"""The same plan by another executor gives the same box, as the box itself sees it."""

from __future__ import annotations

import os
import re

import pytest

from tests.kernel_side.specs import SPECS, fresh
from tests.product import Product

SECTION = "=== "
LOOK = """
s() { echo "=== $1"; }
s mountinfo; $b cat /proc/self/mountinfo
s status; $b cat /proc/self/status
s limits; $b cat /proc/$$/limits
s namespaces; for n in cgroup ipc mnt net pid user uts; do $b readlink /proc/$$/ns/$n; done
s maps; $b cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups
s environment; $b env
s descriptors; $b readlink /proc/$$/fd/0; for n in 3 4 5 6 7 8 9; do $b readlink /proc/$$/fd/$n; done
s place; pwd; umask; $b hostname; echo $$
s root; $b ls -la /
"""
STATUS = "Umask Uid Gid Groups CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp SigBlk SigIgn"
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


def seen(text: str) -> dict[str, list[str]]:
    """What the box printed, by section, without what differs between two runs of one box."""
    sections: dict[str, list[str]] = {}
    for part in text.split(SECTION)[1:]:
        title, *lines = part.splitlines()
        sections[title] = lines
    sections["mountinfo"] = mounts(sections["mountinfo"])
    wanted = [name + ":" for name in STATUS.split()]
    sections["status"] = [line for line in sections["status"] if line.split()[0] in wanted]
    sections["namespaces"] = [
        f"{name}: {'the host' if line == os.readlink(f'/proc/self/ns/{name}') else 'its own'}"
        for name, line in zip(NAMESPACES, sections["namespaces"], strict=True)
    ]
    entries = [line.split() for line in sections["root"][1:]]  # no link counts, sizes, times
    sections["root"] = [" ".join([*one[:1], *one[2:4], *one[8:]]) for one in entries]
    return sections


def mounts(lines: list[str]) -> list[str]:
    """Mountinfo with ids counted from 1, and devices of memory filesystems left out."""
    ids: dict[str, str] = {}
    found = []
    for line in lines:
        mount, parent, device, *rest = line.split()
        numbers = [ids.setdefault(one, str(len(ids))) for one in (parent, mount)]
        found.append(" ".join([*numbers, re.sub(r"^0:\d+$", "0:*", device), *rest]))
    return found


@pytest.mark.parametrize("name", SPECS)
def test_the_replayed_box_is_the_same(caller: Product, name: str) -> None:
    spec = fresh(caller, name)
    inside = "system: host" in spec.read_text()
    shell = ["sh"] if inside else ["/bin/busybox", "sh"]
    look = "b=\n" + LOOK if inside else "b=/bin/busybox\n" + LOOK
    command = ["--", *shell, "-c", look]

    up = caller.run(["up", "-q", spec, *command], cwd=spec.parent)
    assert up.returncode == 0, up.stderr
    plan = caller.run(["plan", "--json", spec, *command], cwd=spec.parent)
    assert plan.returncode == 0, plan.stderr
    saved = caller.write(caller.directory() / "plan.json", plan.stdout)
    script = caller.checkout / "tests/kernel_side/replay.py"
    replayed = caller.as_user([caller.python, "-B", script, saved], cwd=spec.parent)
    assert replayed.returncode == 0, replayed.stderr

    ours, theirs = seen(up.stdout), seen(replayed.stdout)
    assert ours == theirs
    assert len(ours["mountinfo"]) > 1, up.stdout
    assert "mnt: its own" in ours["namespaces"]
