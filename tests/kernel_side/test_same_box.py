"""The same plan run in every way gives the same box, as the box itself sees it, to the byte."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kernel_side.specs import SPECS, fresh
from tests.kernel_side.test_trace_equals_plan import on_terminal
from tests.kernel_side.ways import COMPILED, EXECUTOR, REPLAYER, WAYS, Way
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
s devices; if [ -d /dev ]; then $b ls -la /dev; fi
s command; $b cat /proc/$$/cmdline /proc/$$/environ /proc/$$/oom_score_adj
s network; $b cat /proc/net/dev
s clocks; $b cat /proc/self/timens_offsets
"""
DIFFERS = ("Vm", "Rss", "SigQ", "voluntary_ctxt", "nonvoluntary_ctxt")
"""Lines of /proc/PID/status that differ between two runs of one box: memory, signals that wait for
any process of its user's, and the scheduler.
"""
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


def seen(text: str) -> dict[str, list[str]]:
    """What the box printed, by section, without what differs between two runs of one box."""
    sections: dict[str, list[str]] = {}
    for part in text.split(SECTION)[1:]:
        title, *lines = part.splitlines()
        sections[title] = lines
    sections["mountinfo"] = mounts(sections["mountinfo"])
    sections["status"] = [line for line in sections["status"] if not line.startswith(DIFFERS)]
    sections["namespaces"] = [
        f"{name}: {'the host' if line == os.readlink(f'/proc/self/ns/{name}') else 'its own'}"
        for name, line in zip(NAMESPACES, sections["namespaces"], strict=True)
    ]
    for listing in ("root", "devices"):
        sections[listing] = [entry(line.split()) for line in sections[listing][1:]]
    sections["network"] = [line.split(":")[0] for line in sections["network"]]  # no counters
    return sections


def entry(words: list[str]) -> str:
    """A line of `ls -l` without link count, size and time; a device has numbers for its size, and is
    touched by whoever writes to a terminal.
    """
    device = words[0][0] in "bc"
    return " ".join([words[0], *words[2:4], *(words[4:6] if device else ()), *words[8 + device :]])


def mounts(lines: list[str]) -> list[str]:
    """Mountinfo with ids counted from 1, and devices of memory filesystems left out."""
    ids: dict[str, str] = {}
    found = []
    for line in lines:
        mount, parent, device, *rest = line.split()
        numbers = [ids.setdefault(one, str(len(ids))) for one in (parent, mount)]
        found.append(" ".join([*numbers, re.sub(r"^0:\d+$", "0:*", device), *rest]))
    return found


def looking(spec: Path) -> list[str]:
    """A command for the box of `spec` that prints what there is to see."""
    if "system: host" in spec.read_text():
        return ["sh", "-c", "b=\n" + LOOK]
    return ["/bin/busybox", "sh", "-c", "b=/bin/busybox\n" + LOOK]


def compare(boxes: dict[Way, dict[str, list[str]]]) -> None:
    """Each as the executor's, section by section."""
    first = boxes[EXECUTOR]
    assert len(first["mountinfo"]) > 1, first
    assert "mnt: its own" in first["namespaces"]
    for way, box in boxes.items():
        assert list(box) == list(first)
        for section in box:
            assert box[section] == first[section], f"{way}: {section}"


@pytest.mark.parametrize("name", SPECS)
def test_the_box_is_the_same(caller: Product, name: str) -> None:
    spec = fresh(caller, name)
    boxes = {}
    for way in (*WAYS, REPLAYER):
        ran = caller.as_user(way.build(caller, spec, looking(spec)), cwd=spec.parent)
        assert (ran.returncode, ran.stderr) == (0, ""), f"{way}: {ran.stderr}"
        boxes[way] = seen(ran.stdout)
    compare(boxes)


def test_the_box_on_a_terminal_is_the_same(product: Product) -> None:
    product = replace(product, environment={**product.environment, "TERM": "xterm"})
    spec = fresh(product, "hello.yaml")
    boxes = {}
    for way in (EXECUTOR, COMPILED):
        shown = on_terminal(product, way.build(product, spec, looking(spec)), spec.parent)
        assert shown.count("console") == 2
        boxes[way] = seen(shown)
    compare(boxes)
    assert "/dev/pts/0" in boxes[COMPILED]["descriptors"]
