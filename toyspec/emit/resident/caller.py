"""Whom a box was made for: another caller is refused, and one whose directories are elsewhere."""

from __future__ import annotations

from toyspec.emit.resident.environment import value_of
from toyspec.emit.resident.memory import append_number, same, same_place
from toyspec.emit.resident.record import (
    GID,
    HOME,
    HOME_UNSET,
    PLACE_COUNT,
    PLACE_NAME,
    PLACE_SAID,
    PLACE_SIZE,
    PLACE_UNSET,
    PLACE_VALUE,
    PLACES,
    UID,
)
from toyspec.emit.resident.refusal import refuse
from toyspec.emit.resident.words import load8, load64, room, text

_AT_UID = 11  # linux/auxvec.h
_AT_EUID = 12
_AT_GID = 13
_AT_EGID = 14


def auxiliary_of(vector: int, wanted: int) -> int:
    """An entry of the auxiliary vector (getauxval(3)); 0 where there is none."""
    while load64(vector):
        if load64(vector) == wanted:
            return load64(vector + 8)
        vector += 16
    return 0


def check_caller(file: int, environment: int, auxiliary: int) -> int:
    """What the plan took for granted of whoever runs it."""
    kind = text("uid ")
    expected = load64(file + UID)
    if (
        auxiliary_of(auxiliary, _AT_UID) == expected
        and auxiliary_of(auxiliary, _AT_EUID) == expected
    ):
        kind = text("gid ")
        expected = load64(file + GID)
        other = 0
        if auxiliary_of(auxiliary, _AT_GID) != expected:
            other = 1
        if auxiliary_of(auxiliary, _AT_EGID) != expected:
            other = 1
        if not other:
            _check_home(file, environment)
            return _check_places(file, environment)
    digits = room(32)
    append_number(digits, expected)
    return refuse(file, text("this box was made for another caller, with "), kind, digits)


def _check_home(file: int, environment: int) -> int:
    home = load64(file + HOME)
    if home == 0:
        return 0
    value = value_of(environment, text("HOME"))
    if value == 0 or load8(value) != 47:  # not absolute, so it names no home
        if not load64(file + HOME_UNSET):
            refuse(file, text("this box was made for one whose HOME is "), home, 0)
    elif not same_place(value, home):
        refuse(file, text("this box was made for one whose HOME is "), home, 0)
    return 0


def _check_places(file: int, environment: int) -> int:
    """The variables that say where toyspec's own directories are, which the box covers: as they were."""
    at = load64(file + PLACES)
    end = at + PLACE_SIZE * load64(file + PLACE_COUNT)
    while at < end:
        made = load64(at + PLACE_VALUE)
        value = value_of(environment, load64(at + PLACE_NAME))
        wrong = 0
        if value == 0 or load8(value) != 47:  # not absolute, so it says nothing
            wrong = made != 0 and load64(at + PLACE_UNSET) == 0
        elif made == 0 or not same(value, made):
            wrong = 1
        if wrong:
            refuse(file, text("this box was made for one whose "), load64(at + PLACE_SAID), 0)
        at += PLACE_SIZE
    return 0
