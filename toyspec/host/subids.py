"""Sub-ids: the ranges that an administrator gave the caller, and the programs that map them."""

from __future__ import annotations

import os
import stat

from toyspec.host.facts import MapperFact

MAPPERS = ("newuidmap", "newgidmap")
_DIRECTORIES = ("/run/wrappers/bin", "/usr/bin", "/bin", "/usr/local/bin")
"""Where they are looked for, in this order, the first being NixOS's: never in the caller's PATH."""
_CAPABILITIES = "security.capability"


def mappers() -> dict[str, MapperFact]:
    """Those of newuidmap and newgidmap that can be executed, by name."""
    found = {}
    for name in MAPPERS:
        for directory in _DIRECTORIES:
            fact = _mapper(f"{directory}/{name}")
            if fact is not None:
                found[name] = fact
                break
    return found


def _mapper(path: str) -> MapperFact | None:
    try:
        seen = os.stat(path)
        if not stat.S_ISREG(seen.st_mode) or not os.access(path, os.X_OK):
            return None
        nosuid = bool(os.statvfs(path).f_flag & os.ST_NOSUID)
    except OSError:
        return None
    setuid = bool(seen.st_mode & stat.S_ISUID) and seen.st_uid == 0
    return MapperFact(path, setuid or _has_capabilities(path), nosuid)


def _has_capabilities(path: str) -> bool:
    try:
        return bool(os.getxattr(path, _CAPABILITIES))
    except OSError:
        return False


def primary_gid(uid: int) -> int | None:
    """The group that the user's entry in passwd names: newuidmap wants both (newuidmap.c)."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return None


def ranges(path: str, user: str, uid: int) -> tuple[tuple[int, int], ...]:
    """The user's lines of subuid(5) or subgid(5), by name and by number, as (first, count)."""
    found = []
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return ()
    for line in lines:
        name, _, numbers = line.partition(":")
        first, _, count = numbers.partition(":")
        if name in (user, str(uid)) and first.isdecimal() and count.isdecimal():
            found.append((int(first), int(count)))
    return tuple(found)
