"""The command's other half cannot be executed, and what helps."""

from __future__ import annotations

from toyspec.emit.resident.memory import find
from toyspec.emit.resident.process import leave
from toyspec.emit.resident.saying import VECTOR, add, begin, say
from toyspec.emit.resident.words import room, text

_FAILED = 125
_BLANK = 32
_ENOENT = -2


def tell_missing(python: int, error: int) -> int:
    """`python` is the path of the script, `error` what its execve came to; ends the process."""
    vector = begin(room(VECTOR))
    add(vector, text("toyspec: error: cannot execute "))
    add(vector, python)
    if error == _ENOENT and find(python, _BLANK):
        add(vector, text(": no #! line can name an interpreter in a directory with a blank\n"))
        add(vector, text("start it by its interpreter: python -P -m toyspec ...\n"))
    else:
        if error == _ENOENT:
            add(vector, text(": it, or the interpreter that it names, is not there"))
        add(vector, text("\ninstall toyspec again: this command is one half of it\n"))
    say(vector)
    return leave(_FAILED)
