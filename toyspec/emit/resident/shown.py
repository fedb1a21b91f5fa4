"""Words that somebody else chose, as they may be shown: `toyspec.show.text` escapes the same."""

from __future__ import annotations

from toyspec.emit.resident.memory import length
from toyspec.emit.resident.words import load8, nr, store8, syscall, text

_READ_WRITE = 3  # PROT_READ | PROT_WRITE
_PRIVATE = 0x22  # MAP_PRIVATE | MAP_ANONYMOUS
_LONGEST = 4  # bytes that one byte may become


def shown(words: int) -> int:
    """The text without what could move, hide, reorder or recolour others: controls, bidi marks and others
    that are not seen, and what is no UTF-8. 0 stays 0.
    """
    if words == 0 or _is_seen(words):
        return words
    to = syscall(nr("mmap"), 0, _LONGEST * length(words) + 1, _READ_WRITE, _PRIVATE, -1, 0)
    if to < 0 and to > -4096:
        return text("(no memory to show it)")
    end = to
    at = words
    while load8(at):
        size = _size(at)
        code = _code(at, size)
        if _is_plain(code, size):
            while size:
                end = _put(end, load8(at))
                at += 1
                size -= 1
        else:
            end = _escape(end, code, size)
            at += size + (size == 0)
    return to


def _is_seen(words: int) -> int:
    at = words
    while load8(at):
        size = _size(at)
        if not _is_plain(_code(at, size), size):
            return 0
        at += size
    return 1


def _size(at: int) -> int:
    """How many bytes its character has; 0 where it is no UTF-8, and counts as one byte."""
    first = load8(at)
    second = load8(at + (first > 0))
    size = 0
    if first < 0x80:
        return 1
    if first >= 0xC2 and first < 0xE0:
        size = 2
    elif first >= 0xE0 and first < 0xF0:
        size = 3
    elif first >= 0xF0 and first < 0xF5:
        size = 4
    if (first == 0xE0 and second < 0xA0) or (first == 0xED and second >= 0xA0):
        return 0  # longer than it has to be; half of a pair
    if (first == 0xF0 and second < 0x90) or (first == 0xF4 and second >= 0x90):
        return 0
    more = 1
    while more < size:
        if load8(at + more) & 0xC0 != 0x80:
            return 0
        more += 1
    return size


def _code(at: int, size: int) -> int:
    """The character's number; of what is no UTF-8 the byte's."""
    code = load8(at)
    if size > 1:
        code &= 0x7F >> size
    more = 1
    while more < size:
        code = code << 6 | load8(at + more) & 0x3F
        more += 1
    return code


def _is_plain(code: int, size: int) -> int:
    if size == 0 or code < 0x20 or (code >= 0x7F and code < 0xA1):
        return 0
    if code == 0xAD or code == 0x34F or code == 0x61C or code == 0xFEFF:
        return 0
    if (code >= 0x2000 and code < 0x2010) or (code >= 0x2028 and code < 0x2030):
        return 0
    if (code >= 0x205F and code < 0x2070) or (code >= 0xE000 and code < 0xF900):
        return 0
    return code < 0xE0000


def _escape(to: int, code: int, size: int) -> int:
    to = _put(to, 92)  # \
    if code == 0x1B:
        return _put(to, 101)  # e
    if code == 10:
        return _put(to, 110)  # n
    if code == 9:
        return _put(to, 116)  # t
    if code == 13:
        return _put(to, 114)  # r
    if size == 0 or code < 0xA0:
        return _digits(_put(to, 120), code, 4)  # x
    if code < 0x10000:
        return _digits(_put(to, 117), code, 12)  # u
    return _digits(_put(to, 85), code, 28)  # U


def _digits(to: int, code: int, bits: int) -> int:
    """Hexadecimal, the highest digit first: it is `bits` from the right."""
    while bits >= 0:
        digit = code >> bits & 0xF
        to = _put(to, digit + 48 + 39 * (digit > 9))
        bits -= 4
    return to


def _put(to: int, byte: int) -> int:
    store8(to, byte)
    return to + 1
