"""Where a compiled file lies: what runs from it the next time is none of the box's to write."""

from __future__ import annotations

from toyspec.emit.resident.memory import behind, same
from toyspec.emit.resident.record import AS_FILE, OWN_PLACE, WRITABLE
from toyspec.emit.resident.refusal import refuse
from toyspec.emit.resident.words import load8, load64, nr, room, store8, syscall, text

_LONGEST = 4096  # PATH_MAX


def check_place(file: int) -> int:
    """A box covers its own file where that was written to; nowhere else may it be in the box's reach."""
    tops = load64(file + WRITABLE)
    if not load64(file + AS_FILE) or load64(tops) == 0:
        return 0
    own = room(_LONGEST)
    size = syscall(nr("readlinkat"), -100, text("/proc/self/exe"), own, _LONGEST - 1)
    if size <= 0:
        refuse(
            file, text("no /proc says where this box's file is, which the box must not write"), 0, 0
        )
    store8(own + size, 0)
    if behind(own, text("/memfd:toyspec (deleted)")):
        return 0  # a copy, which was asked before
    made = load64(file + OWN_PLACE)
    if made:
        if not same(own, made):
            refuse(file, text("this box is to lie where it was made, as it covers that: "), made, 0)
        return 0
    while load64(tops):
        rest = behind(own, load64(tops))
        if rest and (load8(rest) == 47 or load8(rest) == 0):
            refuse(
                file,
                text("this box could write its own file here: make it anew where it is to lie"),
                0,
                0,
            )
        tops += 8
    return 0
