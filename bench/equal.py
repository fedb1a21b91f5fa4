"""Whether the boxes are equal, seen from inside: the same script looks round in each.

What a peer cannot be told to do otherwise stays, and is listed with the result.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import Final

from bench.boxes import ENVIRONMENT
from bench.oci import ID

SCRIPT: Final = """
s() { echo "=== $1"; }
s mounts; cat /proc/self/mountinfo
s status; cat /proc/self/status
s namespaces; for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done
s environment; env
s hostname; hostname
s directory; pwd
s umask; umask
s PID; echo $$
s dev; ls -l /dev
s loopback; grep -c 127.0.0.1 /proc/net/fib_trie
s root; ls /
"""
PROGRAM: Final = ("/bin/sh", "-c", SCRIPT)
_KINDS: Final = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
_FLAGS: Final = ("ro", "nosuid", "nodev", "noexec")
_STATUS: Final = (
    "Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
)  # fmt: skip
_SHELLS_OWN: Final = ("PWD", "SHLVL", "_", "OLDPWD")

Seen = dict[str, str]
"""Each fact about a box by a name that people understand."""


def look(argv: list[str], environment: Mapping[str, str]) -> Seen:
    """Run a box whose program is `PROGRAM`. Raises RuntimeError where it prints nothing of use."""
    done = subprocess.run(
        [each.replace(ID, "bench-look") for each in argv], env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=120, start_new_session=True, check=False,
    )  # fmt: skip
    sections: dict[str, list[str]] = {}
    for part in done.stdout.split("=== ")[1:]:
        title, *lines = part.splitlines()
        sections[title] = lines
    if "root" not in sections:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise RuntimeError(f"status {done.returncode}: {said[-1] if said else 'no output'}")
    return _facts(sections, environment)


def _facts(sections: dict[str, list[str]], environment: Mapping[str, str]) -> Seen:
    seen = {}
    for line in sections["mounts"]:
        fields = line.split()
        flags = [flag for flag in fields[5].split(",") if flag in _FLAGS]
        kind = fields[fields.index("-") + 1]
        seen[f"mount {fields[4]}"] = " ".join([kind, *sorted(flags)])
    for line in sections["status"]:
        name, _, value = line.partition(":")
        if name in _STATUS:
            seen[name] = " ".join(value.split()[:1])
    for kind, found in zip(_KINDS, sections["namespaces"], strict=False):
        own = found != os.readlink(f"/proc/self/ns/{kind}")
        seen[f"{kind} namespace"] = "its own" if own else "the host's"
    for line in sections["environment"]:
        name, _, value = line.partition("=")
        if name not in _SHELLS_OWN:
            seen[f"variable {name}"] = _unless_ours(value, environment.get(name), name)
    for line in sections["dev"][1:]:
        words = line.split()
        at = words.index("->") - 1 if "->" in words else -1
        seen[f"/dev/{words[at]}"] = {"c": "device", "l": "link", "d": "directory"}.get(
            words[0][0], words[0]
        )
    for name in ("hostname", "directory", "umask", "PID"):
        seen[name] = " ".join(sections[name])
    seen["directory"] = _unless_ours(seen["directory"], os.getcwd())
    seen["loopback"] = "down" if sections["loopback"] == ["0"] else "up"
    seen["/"] = " ".join(sections["root"])
    return seen


def _unless_ours(value: str, callers: str | None, name: str = "") -> str:
    """What a box has of its caller is not told by its value: that is another at every place."""
    return "the caller's" if value == callers and value != ENVIRONMENT.get(name) else value


def differences(seen: Seen, reference: Seen) -> list[str]:
    """What is otherwise in a box than in the reference, in words, the same ones told together."""
    told: dict[str, list[str]] = {}
    names = sorted({*seen, *reference})
    if "mount /usr" not in seen:  # and so whatever the host has
        told["the host's"] = ["root, with all that is mounted there"]
        names = [name for name in names if not name.startswith(("mount ", "/"))]
    for name in names:
        here, there = seen.get(name), reference.get(name)
        if here != there:
            told.setdefault(f"{here or 'absent'} (not {there or 'absent'})", []).append(name)
    return [f"{', '.join(_short(names))}: {how}" for how, names in told.items()]


def _short(names: list[str]) -> list[str]:
    return [*names[:6], f"{len(names) - 6} more"] if len(names) > 7 else names
