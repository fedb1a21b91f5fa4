"""Texts that the caller's environment completes when the box starts: no secret lies in the file."""

from __future__ import annotations

from toyspec.emit.resident.memory import behind, copy, length
from toyspec.emit.resident.record import (
    LATE,
    LATE_ADDRESS,
    LATE_COUNT,
    LATE_LENGTH,
    LATE_PIECES,
    LATE_SIZE,
    LATES,
    PIECE_ENTRY,
    PIECE_KIND,
    PIECE_SIZE,
    PIECE_TEXT,
    PIECE_WANTED,
    PIECE_WORD,
)
from toyspec.emit.resident.refusal import refuse
from toyspec.emit.resident.words import load8, load64, nr, store8, store64, syscall, text

_READ_WRITE = 3  # PROT_READ | PROT_WRITE
_PRIVATE = 0x22  # MAP_PRIVATE | MAP_ANONYMOUS


def entry_of(environment: int, name: int) -> int:
    """NAME=VALUE, the first of that name; 0 where it is not set."""
    while load64(environment):
        found = behind(load64(environment), name)
        if found and load8(found) == 61:  # =
            return load64(environment)
        environment += 8
    return 0


def value_of(environment: int, name: int) -> int:
    """The value; 0 where it is not set."""
    entry = entry_of(environment, name)
    if entry:
        return behind(entry, name) + 1
    return 0


def complete(file: int, box: int, environment: int) -> int:
    """Make every late text, and store its address and length; a variable that is not set refuses."""
    size = 0
    at = 0
    while at < load64(box + LATES):
        late = load64(box + LATE) + at * LATE_SIZE
        size += _text(file, late, environment, 0) + 1
        at += 1
    if size == 0:
        return 0
    memory = syscall(nr("mmap"), 0, size, _READ_WRITE, _PRIVATE, -1, 0)
    if memory < 0 and memory > -4096:
        refuse(file, text("no memory for the box's environment"), 0, 0)
    at = 0
    while at < load64(box + LATES):
        late = load64(box + LATE) + at * LATE_SIZE
        pieces = load64(late + LATE_PIECES)
        size = _text(file, late, environment, memory)
        store8(memory + size, 0)
        store64(load64(late + LATE_ADDRESS), memory)
        if load64(late + LATE_COUNT) == 1 and load64(pieces + PIECE_KIND) == PIECE_ENTRY:
            entry = entry_of(environment, load64(pieces + PIECE_WORD))
            store64(load64(late + LATE_ADDRESS), entry)
            size = length(entry)
        else:
            memory += size + 1
        if load64(late + LATE_LENGTH):
            store64(load64(late + LATE_LENGTH), size)
        at += 1
    return 0


def _text(file: int, late: int, environment: int, to: int) -> int:
    """How many bytes the text has; written to `to` unless that is 0."""
    size = 0
    at = 0
    while at < load64(late + LATE_COUNT):
        piece = load64(late + LATE_PIECES) + at * PIECE_SIZE
        word = load64(piece + PIECE_WORD)
        if load64(piece + PIECE_KIND) != PIECE_TEXT:
            value = _value(file, piece, environment)
            if load64(piece + PIECE_KIND) == PIECE_ENTRY:
                return 0  # it is used where it stands
            word = value
        if to:
            copy(to + size, word, length(word))
        size += length(word)
        at += 1
    return size


def _value(file: int, piece: int, environment: int) -> int:
    """The value of a piece's variable. One that is not set refuses, and an empty one where the spec has
    `${NAME:?message}` or `${NAME:-default}`: what a default is instead was decided with the plan.
    """
    name = load64(piece + PIECE_WORD)
    message = load64(piece + PIECE_WANTED)
    value = value_of(environment, name)
    if value and (load8(value) or message == 0):
        return value
    if message and load8(message):
        refuse(file, name, text(": "), message)
    if value:
        refuse(
            file, text("the variable "), name, text(" is empty, and was not when this box was made")
        )
    return refuse(file, text("the variable "), name, text(" is not set"))
