"""Sub-ids: the ranges that an administrator gave the caller, and the programs that map them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toyspec.host.facts import MapperFact
from toyspec.start.look_paths import program

if TYPE_CHECKING:
    from toyspec.start.look import Look

MAPPERS = ("newuidmap", "newgidmap")
_DIRECTORIES = ("/run/wrappers/bin", "/usr/bin", "/bin", "/usr/local/bin")
"""Where they are looked for, in this order, the first being NixOS's: never in the caller's PATH."""


def mappers(look: Look) -> dict[str, MapperFact]:
    """Those of newuidmap and newgidmap that can be executed, by name."""
    found = {}
    for name in MAPPERS:
        for directory in _DIRECTORIES:
            path = f"{directory}/{name}"
            seen = look.ask(program, path, "mappers")
            if seen is not None:
                found[name] = MapperFact(path, *seen)
                break
    return found


def ranges(data: bytes | None, user: str, uid: int) -> tuple[tuple[int, int], ...]:
    """The user's lines in the bytes of subuid(5) or subgid(5), by name and by number, as
    (first, count).
    """
    found = []
    for line in (data or b"").decode("utf-8", "replace").splitlines():
        name, _, numbers = line.partition(":")
        first, _, count = numbers.partition(":")
        if name in (user, str(uid)) and first.isdecimal() and count.isdecimal():
            found.append((int(first), int(count)))
    return tuple(found)
