"""The peers' words for the same box, each by its own means.

A peer's function gives the argv that makes the box; `ID` in it stands for a name that no other box
has at that time. What a peer cannot be told differs: `equal.py` lists it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Final, NamedTuple

from bench import oci, ours
from bench.boxes import ENVIRONMENT, HOSTNAME, Box

ID: Final = oci.ID


class Peer(NamedTuple):
    """A way to make a box. `needs`: programs that have to be there. `version` prints one."""

    name: str
    make: Callable[[Box], list[str]]
    needs: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    root: bool = False  # works for root only
    binds: bool = True  # makes them

    def absent(self) -> str | None:
        """Why it cannot take part."""
        missing = [name for name in self.needs if shutil.which(name) is None]
        if missing:
            return f"{' and '.join(missing)} not on PATH"
        if self.root and os.geteuid() != 0:
            return "works for root only"
        return None


def bubblewrap(box: Box) -> list[str]:
    """`--as-pid-1`: init is PID 1, as in the other boxes; without it a reaper is, one fork more."""
    words = ["bwrap", *(f"--unshare-{one}" for one in ("user", "pid", "net", "uts", "ipc"))]
    words += ["--unshare-cgroup", "--die-with-parent", "--new-session", "--as-pid-1"]
    words += ["--cap-drop", "ALL", "--hostname", HOSTNAME, "--clearenv"]
    for name, value in ENVIRONMENT.items():
        words += ["--setenv", name, value]
    for source, target in box.binds():
        words += ["--ro-bind", source, target]
    for text, path in box.links():
        words += ["--symlink", text, path]
    words += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm"]
    return [*words, "--perms", "1777", "--tmpfs", "/tmp", "--chdir", "/", *box.program]


def unshare(box: Box) -> list[str]:
    """Namespaces and /proc; everything else is the host's."""
    words = ["unshare", "--map-current-user", "--mount", "--pid", "--net", "--uts", "--ipc"]
    return [*words, "--cgroup", "--fork", "--kill-child", "--mount-proc", *box.program]


def lxc(box: Box) -> list[str]:
    """lxc-execute with a configuration file of the box's own."""
    root = box.root()
    lines = [
        f"lxc.rootfs.path = dir:{root}",
        f"lxc.uts.name = {HOSTNAME}",
        f"lxc.idmap = u {box.uid} {box.uid} 1",
        f"lxc.idmap = g {box.gid} {box.gid} 1",
        f"lxc.init.uid = {box.uid}",
        f"lxc.init.gid = {box.gid}",
        "lxc.init.cwd = /",
        "lxc.net.0.type = empty",
        "lxc.net.0.flags = up",
        "lxc.autodev = 1",
        "lxc.cap.keep = none",
        "lxc.no_new_privs = 1",
        "lxc.apparmor.profile = unconfined",
        *[f"lxc.environment = {name}={value}" for name, value in ENVIRONMENT.items()],
        *[
            f"lxc.mount.entry = {source} {target[1:]} none rbind,ro,nosuid,nodev 0 0"
            for source, target in box.binds()
        ],
        "lxc.mount.entry = proc proc proc nosuid,nodev,noexec 0 0",
        "lxc.mount.entry = tmpfs tmp tmpfs nosuid,nodev,mode=1777 0 0",
        "lxc.mount.entry = tmpfs dev/shm tmpfs nosuid,nodev,mode=1777,create=dir 0 0",
    ]
    config = box.place("lxc.conf")
    config.write_text("\n".join(lines) + "\n")
    return [
        "lxc-execute",
        "-P",
        str(box.directory),
        "-n",
        ID,
        "-f",
        str(config),
        "--",
        *box.program,
    ]


def nsjail(box: Box) -> list[str]:
    """Its limits and its log off, so that it does no more than the others."""
    words = ["nsjail", "-Mo", "--really_quiet", "--disable_rlimits", "--hostname", HOSTNAME]
    words += ["--user", str(box.uid), "--group", str(box.gid), "--cwd", "/"]
    for name, value in ENVIRONMENT.items():
        words += ["--env", f"{name}={value}"]
    for source, target in box.binds():
        words += ["--bindmount_ro", f"{source}:{target}"]
    for text, path in box.links():
        words += ["--symlink", f"{text}:{path}"]
    for node in ("null", "zero", "full", "random", "urandom", "tty"):
        words += ["--bindmount", f"/dev/{node}"]
    words += ["--mount", "none:/dev/shm:tmpfs:mode=1777", "--mount", "none:/tmp:tmpfs:mode=1777"]
    return [*words, "--", *box.program]


def mkosi(box: Box) -> list[str]:
    """mkosi's own sandbox: no namespaces for pids, hostname and cgroups."""
    words = ["mkosi-sandbox", "--unshare-net", "--unshare-ipc"]
    for name, value in ENVIRONMENT.items():
        words += ["--setenv", name, value]
    for source, target in box.binds():
        words += ["--ro-bind", source, target]
    for text, path in box.links():
        words += ["--symlink", text, path]
    words += ["--bind", "/proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--chdir", "/"]
    return [*words, "--", *box.program]


def podman(box: Box) -> list[str]:
    """One container of a root that is there, with no network and no limits."""
    words = ["podman", "--cgroup-manager=cgroupfs", f"--root={box.directory}/podman"]
    words += [f"--runroot={box.directory}/podman-run", "run", "--rm", "--cgroups=disabled"]
    words += ["--network=none", "--cap-drop=all", "--security-opt=no-new-privileges"]
    words += ["--security-opt=seccomp=unconfined", f"--hostname={HOSTNAME}", "--no-hosts"]
    words += ["--tmpfs=/tmp:rw,nosuid,nodev,mode=1777", "--workdir=/"]
    words += [f"--env={name}={value}" for name, value in ENVIRONMENT.items()]
    words += [f"--volume={source}:{target}:ro,rbind" for source, target in box.binds()]
    return [*words, "--rootfs", str(box.root()), *box.program]


def nspawn(box: Box) -> list[str]:
    """As root: it has no other way."""
    words = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--machine={HOSTNAME}"]
    words += ["--private-network", "--as-pid2", "--no-new-privileges=yes", "--console=pipe"]
    words += [f"--bind-ro={source}:{target}" for source, target in box.binds()]
    return [*words, f"--directory={box.root()}", "--", *box.program]


PEERS: Final = (
    Peer("limit", ours.limit, ("gcc", *ours.TOYSPEC), ("gcc", "-dumpfullversion")),
    Peer("toyspec compiled", ours.compiled, ours.TOYSPEC, (*ours.TOYSPEC, "--version")),
    Peer("toyspec up -q", ours.up, ours.TOYSPEC),
    Peer("toyspec up -q --no-cache", ours.cold, ours.TOYSPEC),
    Peer("bubblewrap", bubblewrap, ("bwrap",), ("bwrap", "--version")),
    Peer("unshare", unshare, ("unshare",), ("unshare", "--version"), binds=False),
    Peer("nsjail", nsjail, ("nsjail",)),
    Peer("crun", oci.crun, ("crun",), ("crun", "--version")),
    Peer("lxc-execute", lxc, ("lxc-execute",), ("lxc-execute", "--version")),
    Peer("mkosi-sandbox", mkosi, ("mkosi-sandbox",), ("mkosi-sandbox", "--version")),
    Peer("runc", oci.runc, ("runc",), ("runc", "--version")),
    Peer("podman", podman, ("podman",), ("podman", "--version")),
    Peer("systemd-nspawn", nspawn, ("systemd-nspawn",), ("systemd-nspawn", "--version"), root=True),
)
REFERENCE: Final = "toyspec up -q"
"""The box that the others are compared with."""
