"""The one box that every peer makes, and where the files lie that a peer needs for it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HOSTNAME: Final = "bench"
PROGRAM: Final = ("/usr/bin/true",)
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "HOME": "/"}
SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache")
NODES: Final = ("null", "zero", "full", "random", "urandom", "tty")
MANY: Final = "/many"
"""Below it lie the targets of a box's further binds."""


@dataclass(frozen=True, slots=True)
class Box:
    """Namespaces of every kind but time, the system read-only, /proc, /dev, /tmp, no privileges.

    `many` further read-only binds, each of a directory of its own. No seccomp filter: no two
    peers have the same. `changes` are keys of its spec, for toyspec alone. `directory` is the bench's user's, and `name` is this box's in it.
    """

    directory: Path
    name: str
    program: tuple[str, ...] = PROGRAM
    many: int = 0
    changes: tuple[tuple[str, object], ...] = ()
    uid: int = field(default_factory=os.getuid)
    gid: int = field(default_factory=os.getgid)

    def place(self, *parts: str) -> Path:
        """A path of this box's own; its directory is made."""
        path = self.directory.joinpath(self.name, *parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def binds(self) -> list[tuple[str, str]]:
        """(source, target) of each read-only bind; the sources are made."""
        system = [(path, path) for path in present() if not os.path.islink(path)]
        sources = self.directory / "many"
        for number in range(self.many):
            (sources / str(number)).mkdir(parents=True, exist_ok=True)
        return system + [(f"{sources}/{n}", f"{MANY}/{n}") for n in range(self.many)]

    def links(self) -> list[tuple[str, str]]:
        """(text, path) of each symbolic link at the box's top."""
        return [(os.readlink(path), path) for path in present() if os.path.islink(path)]

    def root(self) -> Path:
        """A directory with the box's mount points, for peers that mount on a root that is there."""
        root = self.place("rootfs")
        for path in ("proc", "dev", "tmp", "etc"):
            (root / path).mkdir(parents=True, exist_ok=True)
        for source, target in self.binds():
            point = root / target[1:]
            if os.path.isdir(source):
                point.mkdir(parents=True, exist_ok=True)
            else:
                point.touch()
        for text, path in self.links():
            if not os.path.islink(root / path[1:]):
                os.symlink(text, root / path[1:])
        return root


def present() -> list[str]:
    """What of the host's system is here; every box gets exactly this."""
    return [path for path in SYSTEM if os.path.exists(path)]
