"""The host's own tree as a root: what is covered in it, or overlaid, directory by directory.

A recursive clone of `/` shows everything that the caller can read, so what is private or talks to
the host's programs is covered by default: a read-only mount does not keep anyone from connecting
to a socket below it. An overlay over `/` itself is impossible (mounts below it are locked to it),
so `lower: host` overlays each top-level directory that has none.
"""

from __future__ import annotations

from toyspec.host.facts import HostFacts, Needs
from toyspec.plan import joining
from toyspec.plan.system import private_home
from toyspec.spec.model import Bind, File, Mount, Spec

_COVERED = (
    ("/home", 0o755),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/tmp", 0o1777),
    ("/var/tmp", 0o1777),
)
_NOT_OVERLAID = frozenset(
    ("proc", "sys", "dev", "run", "tmp", "home", "root", "mnt", "media", "boot", "lost+found")
)


def needs(spec: Spec) -> Needs:
    """The covered directories, or the top-level ones and the mounts below them."""
    if spec.root.kind == "host":
        return Needs(frozenset(path for path, _ in _COVERED), frozenset(("/",)))
    if spec.root.lower_host:
        return Needs(listings=frozenset(("/",)))
    return Needs()


def things(spec: Spec, facts: HostFacts) -> list[Bind | Mount | File]:
    """What stands in the box on the root's own account."""
    if spec.root.kind == "host":
        return _covers(spec, facts)
    return _overlays(spec, facts) if spec.root.lower_host else []


def _covers(spec: Spec, facts: HostFacts) -> list[Bind | Mount | File]:
    shown = spec.root.uncovered
    found: list[Bind | Mount | File] = [
        Mount("root", "tmpfs", path, mode=mode)
        for path, mode in _COVERED
        if path not in shown and _shows_something(facts, path)
    ]
    own_network = joining.in_charge(spec, facts, "network")
    if "/dev" not in shown:
        found.append(Mount("root", "dev", "/dev"))
    if "/proc" not in shown:
        found.append(Mount("root", "proc", "/proc"))
    if "/sys" not in shown:
        found.append(Mount("root", "sysfs" if own_network else "tmpfs", "/sys"))
    home = facts.home
    covered = [path for path, _ in _COVERED if path not in shown]
    if any(home.startswith(path + "/") for path in covered):
        found.append(Mount("root", "tmpfs", home, mode=0o700))
    return found


def _shows_something(facts: HostFacts, path: str) -> bool:
    """A directory that the caller may not search shows nothing, and takes no cover (EACCES)."""
    fact = facts.path(path)
    searchable = fact.mode & (0o100 if fact.uid == facts.uid else 0o011)
    return fact.real_kind == "directory" and bool(searchable)


def _overlays(spec: Spec, facts: HostFacts) -> list[Bind | Mount | File]:
    root = spec.root
    found: list[Bind | Mount | File] = []
    for name in facts.names_in("/"):
        path = f"/{name}"
        fact = facts.path(path)
        if name in _NOT_OVERLAID or fact.denied:
            continue
        if fact.kind == "symlink":
            found.append(File("root.lower", path, symlink=fact.link))
        elif fact.kind == "directory" and len(facts.mounts_at(path)) > 1:
            found.append(Bind("root.lower", path, path))
        elif fact.kind == "directory":
            upper = f"{root.upper}/{name}" if root.upper else None
            work = f"{root.work}/{name}" if root.work else None
            found.append(
                Mount("root.lower", "overlay", path, lower=(path,), upper=upper, work=work)
            )
    found += [
        Mount("root.lower", "dev", "/dev"),
        Mount("root.lower", "proc", "/proc"),
        Mount("root.lower", "tmpfs", "/run", mode=0o755),
        Mount("root.lower", "tmpfs", "/tmp", mode=0o1777),
    ]
    return found + private_home(facts, "root.lower")
