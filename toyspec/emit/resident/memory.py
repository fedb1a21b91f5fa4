"""Texts in memory: they end in a NUL."""

from __future__ import annotations

from toyspec.emit.resident.words import load8, load32, store8


def length(text: int) -> int:
    """How many bytes there are before the NUL."""
    at = text
    while load8(at):
        at += 1
    return at - text


def unsigned32(at: int) -> int:
    """The 4 bytes there, without a sign: ids are such numbers."""
    return load32(at) & 0xFFFFFFFF


def copy(to: int, source: int, size: int) -> int:
    """So many bytes; returns the address behind them."""
    at = 0
    while at < size:
        store8(to + at, load8(source + at))
        at += 1
    return to + size


def append(to: int, text: int) -> int:
    """The text with its NUL; returns the address of the NUL."""
    end = copy(to, text, length(text))
    store8(end, 0)
    return end


def same(one: int, other: int) -> int:
    """Whether two texts are equal."""
    at = 0
    while load8(one + at) == load8(other + at):
        if load8(one + at) == 0:
            return 1
        at += 1
    return 0


def same_place(one: int, other: int) -> int:
    """Whether two paths are equal, but for slashes at their ends."""
    at = 0
    while load8(one + at) and load8(one + at) == load8(other + at):
        at += 1
    return _only_slashes(one + at) & _only_slashes(other + at)


def _only_slashes(text: int) -> int:
    at = text
    while load8(at) == 47:
        at += 1
    if load8(at):
        return 0
    return 1


def behind(text: int, beginning: int) -> int:
    """The address in `text` behind what it begins with; 0 where it does not."""
    at = 0
    while load8(beginning + at):
        if load8(text + at) != load8(beginning + at):
            return 0
        at += 1
    return text + at


def find(text: int, byte: int) -> int:
    """The address of the first such byte; 0 where there is none."""
    at = text
    while load8(at):
        if load8(at) == byte:
            return at
        at += 1
    return 0


def append_number(to: int, number: int) -> int:
    """A number, not negative, in decimal, with a NUL; returns the address of the NUL."""
    digits = 1
    rest = number // 10
    while rest:
        digits += 1
        rest = rest // 10
    at = to + digits
    store8(at, 0)
    while at > to:
        at -= 1
        store8(at, 48 + number % 10)
        number = number // 10
    return to + digits


def number(text: int) -> int:
    """The decimal number that a text begins with; -1 where it begins with none."""
    if load8(text) < 48 or load8(text) > 57:
        return -1
    value = 0
    while load8(text) >= 48 and load8(text) <= 57:
        value = value * 10 + load8(text) - 48
        text += 1
    return value


def decimal(text: int) -> int:
    """The number that a text is, and nothing but it; -1 else."""
    at = text
    while load8(at) >= 48 and load8(at) <= 57:
        at += 1
    if load8(at) or at - text > 18:
        return -1
    return number(text)
