"""A standard stream that is a directory: no box may have it, and Python does not even begin with one."""

from __future__ import annotations

from toyspec.emit.resident.process import leave
from toyspec.emit.resident.saying import VECTOR, add, begin, say
from toyspec.emit.resident.streams import directory_in, name_of
from toyspec.emit.resident.words import room, text

_FAILED = 125


def refuse_directories(seen: int) -> int:
    """`seen` is what `open_streams` returned. Ends the process where one is a directory."""
    fd = directory_in(seen)
    if fd < 0:
        return 0
    vector = begin(room(VECTOR))
    add(vector, text("toyspec: error: "))
    add(vector, name_of(fd))
    add(vector, text(" is a directory, a way out of the box\n  give it a file or a pipe\n"))
    say(vector)
    return leave(_FAILED)
