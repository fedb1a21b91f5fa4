"""Numbers that people write with a unit or in octal: sizes and permission bits."""

from __future__ import annotations

from toyspec.spec import paths
from toyspec.spec.wrong import Wrong

_UNITS = {"k": 10, "m": 20, "g": 30}


def size(value: str | int | float | None) -> int | None:
    """Bytes; 0 is refused, since the kernel takes it for no limit at all (tmpfs(5))."""
    if value is None:
        return None
    if isinstance(value, str):
        paths.plain(value)
        unit = _UNITS.get(value[-1].lower(), 0)
        found = int(value[:-1] if unit else value) << unit
    else:
        found = int(value)
    if found == 0:
        raise Wrong("a size of 0", "to the kernel, 0 means no limit")
    if found >= 1 << 63:
        raise Wrong("a size that no kernel can count", "less than 2^63 bytes")
    return found


def mode(value: str | None) -> int | None:
    """Permission bits."""
    if value is None:
        return None
    paths.plain(value)
    return int(value, 8)
