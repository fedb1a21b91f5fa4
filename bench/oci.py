"""crun and runc: the box as an OCI bundle, rootless, without cgroups of its own."""

from __future__ import annotations

import json
from typing import Any, Final

from bench.boxes import ENVIRONMENT, HOSTNAME, Box

ID: Final = "%ID%"
_SETS: Final = ("bounding", "effective", "inheritable", "permitted", "ambient")
_NAMESPACES: Final = ("user", "pid", "network", "uts", "ipc", "mount", "cgroup")


def crun(box: Box) -> list[str]:
    """Its cgroup manager is switched off: the box has a cgroup namespace, and no limits."""
    bundle = _bundle(box, box.uid, box.gid)
    words = ["crun", "--root", f"{box.directory}/crun", "--cgroup-manager=disabled"]
    return [*words, "run", "--bundle", bundle, ID]


def runc(box: Box) -> list[str]:
    """Inside, the caller is 0: runc makes no box whose root is nobody."""
    return ["runc", "--root", f"{box.directory}/runc", "run", "--bundle", _bundle(box, 0, 0), ID]


def _bundle(box: Box, uid: int, gid: int) -> str:
    box.root()
    path = box.place(f"bundle-{uid}", "config.json")
    path.write_text(json.dumps(_config(box, uid, gid)))
    return str(path.parent)


def _config(box: Box, uid: int, gid: int) -> dict[str, Any]:
    mounts = [
        _mount(target, "none", source, "rbind", "ro", "nosuid", "nodev")
        for source, target in box.binds()
    ]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": uid, "gid": gid},
            "args": list(box.program),
            "env": [f"{name}={value}" for name, value in ENVIRONMENT.items()],
            "cwd": "/",
            "capabilities": {name: [] for name in _SETS},
            "noNewPrivileges": True,
        },
        "root": {"path": str(box.place("rootfs")), "readonly": False},
        "hostname": HOSTNAME,
        "mounts": [
            *mounts,
            _mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
            _mount("/dev", "tmpfs", "tmpfs", "nosuid", "noexec", "mode=755"),
            _mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance",
                   "ptmxmode=0666", "mode=0620"),
            _mount("/dev/shm", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=1777"),
            _mount("/tmp", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=1777"),
        ],
        "linux": {
            "uidMappings": [{"containerID": uid, "hostID": box.uid, "size": 1}],
            "gidMappings": [{"containerID": gid, "hostID": box.gid, "size": 1}],
            "namespaces": [{"type": name} for name in _NAMESPACES],
        },
    }  # fmt: skip


def _mount(target: str, kind: str, source: str, *options: str) -> dict[str, Any]:
    return {"destination": target, "type": kind, "source": source, "options": list(options)}
