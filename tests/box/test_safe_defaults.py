"""docs/safe-defaults.md, row by row, looked at from inside the box of the smallest spec.

A row of the table has a check in `CHECKS`, by its key: a function of what is seen, which asserts
what the row says. What there is to see are the looks of `LOOKS`, shell commands whose output a check
finds under its name in `Seen.looks`. A row's default is compared to the schema's, too.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.box.boxes import Mount, busybox, good, mounts, script, sections, up
from tests.installation import REPOSITORY
from tests.product import Product

PAGE = (REPOSITORY / "docs/safe-defaults.md").read_text("utf-8")
SCHEMA = json.loads((REPOSITORY / "schemas/toyspec-1.schema.json").read_text("utf-8"))
SMALLEST = """\
version: 1
binds: ["{busybox}:/bin/busybox", ./shown, "./project:/project:rw"]
mounts: [{{type: proc}}]
init: [/bin/busybox, sh, -c, '']
"""
"""The smallest spec in which something can be looked at: a program, a proc, one bind, and one to write to."""
LOOKS = {
    "files": "find / -path /proc -prune -o -print",
    "mounts": "cat /proc/self/mountinfo",
    "status": "cat /proc/self/status",
    "maps": "cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups",
    "namespaces": "for n in $NAMESPACES; do echo $n $(readlink /proc/self/ns/$n); done",
    "interfaces": "cat /proc/net/dev",
    "lo": "ping -c 1 -w 2 127.0.0.1 > /dev/null 2>&1; ifconfig lo",
    "environment": 'cat /proc/1/environ | tr "\\\\0" "\\\\n"',
    "place": "readlink /proc/1/cwd",
    "write": "echo x > SHOWN/file; touch SHOWN/new",
    "git": "touch /project/.git/hooks/new; mv /project/.git /project/git; cat /project/.git/config",
    "protect": "echo x > /project/.envrc; rm /project/.envrc; echo x > /project/written",
    "umask": "umask",
    "unshare": "unshare -U true",
    "processes": "cat /proc/[0-9]*/comm",
}
NAMESPACES = ("user", "mnt", "pid", "net", "uts", "ipc", "cgroup")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the box printed, by look, and whose box it is."""

    looks: Mapping[str, str]
    product: Product
    shown: Path

    def status(self, name: str) -> str:
        """A line of /proc/self/status."""
        (found,) = re.findall(rf"^{name}:\t(.*)$", self.looks["status"], re.MULTILINE)
        return str(found).strip()

    def mount(self, point: str) -> Mount:
        (found,) = (m for m in mounts(self.looks["mounts"]) if m.point == point)
        return found


Check = Callable[[Seen], None]


def root(seen: Seen) -> None:
    assert seen.mount("/").type == "tmpfs"
    parents = {"/", *map(str, seen.shown.parents)}
    own = {"/bin", "/bin/busybox", str(seen.shown), f"{seen.shown}/file", "/project"}
    found = {path for path in seen.looks["files"].split() if not path.startswith("/project/")}
    assert found == parents | own


def system(seen: Seen) -> None:
    files = set(seen.looks["files"].split())
    assert not {"/usr", "/etc", "/lib", "/dev", "/tmp"} & (
        files - set(map(str, seen.shown.parents))
    )


def user(seen: Seen) -> None:
    uid, gid = seen.product.uid, seen.product.gid
    lines = [line.split() for line in seen.looks["maps"].splitlines()]
    assert lines == [[str(uid), str(uid), "1"], [str(gid), str(gid), "1"], ["deny"]]
    assert seen.status("Uid").split() == [str(uid)] * 4
    assert seen.status("Gid").split() == [str(gid)] * 4


def groups(seen: Seen) -> None:
    """Those of the product's user: none, where pytest is root; else the caller's, as far as mapped."""
    assert len(seen.status("Groups").split()) == len(own_groups(seen.product))


def namespaces(seen: Seen) -> None:
    inside = dict(line.split() for line in seen.looks["namespaces"].splitlines())
    assert set(inside) == set(NAMESPACES)
    for name, what in inside.items():
        assert what != os.readlink(f"/proc/self/ns/{name}"), name
    assert set(seen.looks["processes"].split()) == {"busybox"}


def network(seen: Seen) -> None:
    names = [line.split(":")[0].strip() for line in seen.looks["interfaces"].splitlines()[2:]]
    assert "lo" in names
    up_ones = [
        n for n in names if n != "lo" and not re.search(rf"^ *{n}: *0 ", seen.looks["interfaces"])
    ]
    assert not up_ones
    assert "UP LOOPBACK RUNNING" in seen.looks["lo"]


def binds(seen: Seen) -> None:
    assert {"ro", "nosuid", "nodev"} <= seen.mount(str(seen.shown)).flags
    assert seen.looks["write"].count("Read-only file system") == 2
    assert [path.name for path in seen.shown.iterdir()] == ["file"]


def git(seen: Seen) -> None:
    assert "new: Read-only file system" in seen.looks["git"]
    assert "Device or resource busy" in seen.looks["git"]
    assert seen.looks["git"].endswith("[core]\n")


def protect(seen: Seen) -> None:
    project = seen.shown.parent / "project"
    assert "Read-only file system" in seen.looks["protect"]
    assert "busy" in seen.looks["protect"]
    assert (project / ".envrc").read_text() == "kept\n"
    assert (project / "written").read_text() == "x\n"


def own_mounts(seen: Seen) -> None:
    hidden = [m for m in mounts(seen.looks["mounts"]) if m.root == "/null"]  # in root's proc
    for mount in mounts(seen.looks["mounts"]):
        if mount in hidden:
            continue
        assert {"nosuid", "nodev"} <= mount.flags, mount
    assert "noexec" in seen.mount("/proc").flags


def environment(seen: Seen) -> None:
    names = [line.partition("=")[0] for line in seen.looks["environment"].split()]
    assert sorted(names) == ["HOME", "PATH"]


def capabilities(seen: Seen) -> None:
    assert {seen.status(f"Cap{one}") for one in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}


def no_new_privileges(seen: Seen) -> None:
    assert seen.status("NoNewPrivs") == "1"


def seccomp(seen: Seen) -> None:
    """One call stands for all; tests/box/test_seccomp.py tries the others."""
    assert seen.status("Seccomp") == "2"
    assert "Operation not permitted" in seen.looks["unshare"]


def masked_paths(seen: Seen) -> None:
    hidden = [m.point for m in mounts(seen.looks["mounts"]) if m.root == "/null"]
    assert (seen.product.uid == 0) is ("/proc/timer_list" in hidden or "/proc/kcore" in hidden)
    assert seen.product.uid == 0 or not hidden


def read_only_paths(seen: Seen) -> None:
    points = {m.point for m in mounts(seen.looks["mounts"])}
    assert (seen.product.uid == 0) is ("/proc/sys" in points)
    if seen.product.uid == 0:
        assert "ro" in seen.mount("/proc/sys").flags


def working_dir(seen: Seen) -> None:
    assert seen.looks["place"] == "/\n"


def etc(seen: Seen) -> None:
    assert "/etc" not in seen.looks["files"].split()


CHECKS: dict[str, Check] = {
    "root": root,
    "system": system,
    "user": user,
    "groups": groups,
    "namespaces": namespaces,
    "network": network,
    "binds": binds,
    "git": git,
    "protect": protect,
    "mounts": own_mounts,
    "environment": environment,
    "capabilities": capabilities,
    "masked_paths": masked_paths,
    "read_only_paths": read_only_paths,
    "no_new_privileges": no_new_privileges,
    "seccomp": seccomp,
    "working_dir": working_dir,
    "etc": etc,
}


def rows() -> dict[str, str]:
    """The table: each key with its default as it is written there."""
    table = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert len(dict(table)) == len(table), "a key is there twice"
    return dict(table)


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest) -> dict[str, Seen]:
    """One box for each caller, looked at once."""
    return {}


def looked_at(product: Product, boxes: dict[str, Seen]) -> Seen:
    name = str(product.uid)
    if name not in boxes:
        directory = product.directory()
        shown = product.write(directory / "shown/file", "kept\n").parent
        product.write(directory / "project/.git/hooks/kept", "kept\n")
        product.write(directory / "project/.git/config", "[core]\n")
        product.write(directory / "project/.envrc", "kept\n")
        words = "; ".join(
            [f'NAMESPACES="{" ".join(NAMESPACES)}"', "export PATH=/b"]
            + [f'{tool}() {{ /bin/busybox {tool} "$@"; }}' for tool in TOOLS]
        )
        looks = {name: look.replace("SHOWN", str(shown)) for name, look in LOOKS.items()}
        spec = SMALLEST.format(busybox=busybox()).replace("./shown", f'"{shown}"')
        command = ("--", "/bin/busybox", "sh", "-c", script(looks, words))
        boxes[name] = Seen(sections(good(up(product, directory, spec, *command))), product, shown)
    return boxes[name]


TOOLS = ("find", "cat", "readlink", "ping", "ifconfig", "tr", "touch", "mv", "rm")


def own_groups(product: Product) -> list[str]:
    done = product.as_user(["cat", "/proc/self/status"])
    (line,) = re.findall(r"^Groups:(.*)$", done.stdout, re.MULTILINE)
    return str(line).split()


@pytest.mark.parametrize("key", sorted(rows()))
def test_the_default_is_so_inside(caller: Product, seen: dict[str, Seen], key: str) -> None:
    assert key in CHECKS, (
        f"docs/safe-defaults.md has a row for `{key}` that nothing checks: write a function that takes "
        f"a Seen and asserts what the row says, and put it into CHECKS of {__name__} under `{key}`; "
        "what it has to see of the box goes into LOOKS"
    )
    CHECKS[key](looked_at(caller, seen))


def test_every_check_has_a_row() -> None:
    gone = sorted(CHECKS.keys() - rows().keys())
    assert not gone, (
        f"docs/safe-defaults.md has no row for {gone}: write it, or take the check away"
    )


def schema_default(key: str) -> Any:
    node = SCHEMA["definitions"]["box"]["properties"][key]
    if "$ref" in node:
        node = {**SCHEMA["definitions"][node["$ref"].rpartition("/")[2]], **node}
    return node["default"]


@pytest.mark.parametrize("key", sorted(rows()))
def test_the_row_has_the_schema_s_default(key: str) -> None:
    """A word stands in the row as it stands in the schema; for an empty list or mapping, words do."""
    said, value = rows()[key], schema_default(key)
    if isinstance(value, bool):
        assert said.startswith(f"`{str(value).lower()}`"), (said, value)
    elif isinstance(value, str):
        word = value.partition(";")[0]
        assert said.startswith(f"`{word}`"), (said, value)
    elif isinstance(value, dict) and value:
        assert any(str(each) in said for each in value.values()), (said, value)
    elif isinstance(value, list) and value:
        assert said.startswith(f"`[{', '.join(value)}]`"), (said, value)
    else:
        assert value in ([], {}), (said, value)
        assert not said.startswith("`"), f"the schema's default is {value}, the row says {said}"


@pytest.mark.parametrize("key", sorted(SCHEMA["definitions"]["box"]["properties"]))
def test_a_key_that_weakens_has_a_row(key: str) -> None:
    """A key either has a row, or is known to weaken nothing by itself."""
    assert (key in rows()) != (key in HARMLESS), (
        f"`{key}` needs a row in docs/safe-defaults.md, or, where no value of it gives a box more than "
        f"the default does, a place in HARMLESS of {__name__} (and not both)"
    )


HARMLESS = {
    "version", "requires", "name", "init", "files", "hostname", "env_file", "ulimits", "umask",
    "oom_score_adj", "nice", "cpus", "ioprio", "sysctls", "disable_user_namespaces", "landlock", "reaper",
    "stop_signal", "stop_grace_period", "die_with_parent",
}  # fmt: skip
