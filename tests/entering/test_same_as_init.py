"""What `exec` starts sees what the box's own command sees, to the byte."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.entering.boxes import READY, running
from tests.kernel_side.specs import SPECS, fresh
from tests.product import Product

SECTION = "=== "
LOOK = """
s() { echo "=== $1"; }
s mountinfo; $b cat /proc/self/mountinfo
s status; $b cat /proc/self/status
s limits; $b cat /proc/$$/limits
s namespaces; for n in cgroup ipc mnt net pid time user uts; do $b readlink /proc/$$/ns/$n; done
s maps; $b cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups
s environment; $b env
s descriptors; for n in 3 4 5 6 7 8 9; do $b readlink /proc/$$/fd/$n; done
s place; pwd; umask; $b hostname; for n in root cwd; do $b readlink /proc/$$/$n; done
s root; $b ls -1ai /
s scheduling; $b cat /proc/self/oom_score_adj; $b cut -d' ' -f18-20 /proc/self/stat
s clocks; $b cat /proc/self/timens_offsets
s groups; $b id
"""
OWN = ("Tgid", "Ngid", "Pid", "NStgid", "NSpid", "NSpgid", "NSsid")
"""Lines of /proc/PID/status that say which process it is."""
DIFFERS = ("Vm", "Rss", "SigQ", "voluntary_ctxt", "nonvoluntary_ctxt", "Cpus_", "Mems_", *OWN)


def seen(text: str) -> dict[str, list[str]]:
    """What was printed, by section, less what differs between two processes of one box."""
    sections: dict[str, list[str]] = {}
    for part in text.split(READY, maxsplit=1)[0].split(SECTION)[1:]:
        title, *lines = part.splitlines()
        sections[title] = lines
    kept = [line for line in sections["status"] if not line.startswith(DIFFERS)]
    sections["status"] = [*kept, *(each for each in sections["status"] if "allowed" in each)]
    sections["status"] = [re.sub(r"^PPid:.*", "PPid", line) for line in sections["status"]]
    return sections


def shell(spec: Path) -> tuple[str, ...]:
    """What the box of a spec has for a shell, and what stands before each of its programs."""
    if "system: host" in spec.read_text():
        return ("sh",)
    return ("/bin/busybox", "sh")


def looking(spec: Path) -> str:
    """A script for the box of `spec` that prints what there is to see."""
    return f"b={'' if shell(spec) == ('sh',) else '/bin/busybox'}\n" + LOOK


AS_ROOT = ("hello.yaml", "confined.yaml", "joined.yaml")
CASES = [
    *(("product", name) for name in SPECS),
    *(pytest.param("as_root", name, marks=pytest.mark.root) for name in AS_ROOT),
]


@pytest.mark.parametrize(("who", "name"), CASES)
def test_exec_sees_what_init_sees(request: pytest.FixtureRequest, who: str, name: str) -> None:
    caller: Product = request.getfixturevalue(who)
    spec = fresh(caller, name)
    script = looking(spec)
    with running(caller, spec, script, shell=shell(spec)) as box:
        done = box.exec(*shell(spec), "-c", script)
        assert (done.returncode, done.stderr) == (0, "")
        own, other = seen(box.printed()), seen(done.stdout)
        assert len(own["mountinfo"]) > 1
        assert own.keys() == other.keys()
        for section in own:
            assert other[section] == own[section], section


OTHERS = {
    "shared": "network: host\nnamespaces: {ipc: host, uts: host, cgroup: host}\n",
    "privileges": "no_new_privileges: false\ncapabilities: [SYS_ADMIN, NET_RAW]\nseccomp: none\nuser: root\n",
    "filtered": "no_new_privileges: false\nuser: '7:8'\nworking_dir: /tmp\numask: '0077'\n",
    "without a reaper": "reaper: false\nhostname: other\nread_only_paths: [/usr/share]\n",
    "limits": "ulimits: {nofile: 77, core: 0, stack: 1048576}\nnice: 7\noom_score_adj: 500\n"
    "ioprio: {class: idle}\ncpus: [0]\n",
    "environment": "environment: {A: '${FROM_OUTSIDE}', B: '$$x', PATH: /usr/bin:/bin, TERM: dumb}\n",
}
"""Keys that the repository's specs have not, or not in this way."""


@pytest.mark.parametrize("name", OTHERS)
def test_exec_sees_what_init_sees_of_other_keys(product: Product, name: str) -> None:
    text = f"version: 1\nsystem: host\ninit: [sh]\n{OTHERS[name]}"
    path = product.write(product.directory() / "box.yaml", text)
    script = "b=\n" + LOOK + "echo '=== io'; ionice -p $$\n"
    with running(product, path, script, env={"FROM_OUTSIDE": "it's = this"}) as box:
        done = box.exec("sh", "-c", script)
        assert (done.returncode, done.stderr) == (0, "")
        own, other = seen(box.printed()), seen(done.stdout)
        assert own.keys() == other.keys()
        for section in own:
            assert other[section] == own[section], section
