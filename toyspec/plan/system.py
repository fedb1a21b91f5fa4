"""`system: host`: the host's own tools in the box, read-only; `etc` is what they need besides.

Directories that the host has as symlinks (`/bin -> usr/bin`) become the same symlinks.
"""

from __future__ import annotations

from toyspec.host.facts import HostFacts, Needs
from toyspec.spec.model import Bind, File, Mount, Spec

_TOOLS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_TAKEN = ("/usr", "/bin", "/sbin", "/lib", "/etc", "/dev", "/proc", "/sys")


def needs(spec: Spec) -> Needs:
    """Which of the host's system directories are there."""
    if spec.system == "none":
        return Needs()
    paths = frozenset(_TOOLS)
    return Needs(paths=paths, mounts=paths)


def things(spec: Spec, facts: HostFacts) -> list[Bind | Mount | File]:
    """What `system` puts into the box, ancestors first."""
    if spec.system == "none":
        return []
    found: list[Bind | Mount | File] = []
    for path in _TOOLS:
        fact = facts.path(path)
        if fact.kind == "symlink" and (fact.real or "").startswith("/usr/"):
            found.append(File("system", path, symlink=fact.link))
        elif fact.real_kind == "directory":
            found.append(Bind("system", path, path))
    found += [
        Mount("system", "dev", "/dev"),
        Mount("system", "proc", "/proc"),
        Mount("system", "tmpfs", "/tmp", mode=0o1777),
    ]
    return found + private_home(facts, "system")


def private_home(facts: HostFacts, at: str) -> list[Bind | Mount | File]:
    """An empty home at the path of the caller's own, unless that is no place for one."""
    home = _home(facts.home)
    return [] if home is None else [Mount(at, "tmpfs", home, mode=0o700)]


def _home(path: str) -> str | None:
    """Where the private home goes; None where a home of the host's would be in the way of tools."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    home = "/" + "/".join(parts)
    taken = any(home == place or home.startswith(place + "/") for place in _TAKEN)
    if not path.startswith("/") or ".." in parts or home in ("/", "/tmp") or taken:
        return None
    return home
