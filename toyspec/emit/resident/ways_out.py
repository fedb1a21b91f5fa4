"""Standard streams that lead out of a box: /proc/self/fd/0/.. is a path like any other."""

from __future__ import annotations

from toyspec.emit.resident.refusal import refuse
from toyspec.emit.resident.streams import directory_in, name_of
from toyspec.emit.resident.words import text


def refuse_ways_out(file: int, seen: int) -> int:
    """Where a stream is a directory, or only a place (O_PATH). `seen`: what `open_streams` returned."""
    rest = text(", a way out of the box: give it a file or a pipe")
    fd = 0
    while fd < 3:
        if seen >> fd & 1:
            name = name_of(fd)
            refuse(file, name, text(" was opened with O_PATH"), rest)
        fd += 1
    fd = directory_in(seen)
    if fd >= 0:
        name = name_of(fd)
        refuse(file, name, text(" is a directory"), rest)
    return 0
