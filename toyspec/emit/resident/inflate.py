"""Raw deflate (RFC 1951): what is said at most once in a box's life lies packed in its file."""

from __future__ import annotations

from toyspec.emit.resident.memory import copy
from toyspec.emit.resident.words import load8, load16, load64, room, store8, store16, store64

_BITS = 8  # fields of a reader: the next byte's address, bits taken from memory, how many
_COUNT = 16
_READER = 24
_LONGEST = 15  # bits of a code
_TABLE = 640  # bytes: how many codes there are of each length, then the symbols in their order
_SYMBOLS = 32
_LITERALS = 288
_END = 256


def inflate(source: int, to: int) -> int:
    """Unpack what lies at `source`; returns the address behind what was written."""
    reader = room(_READER)
    store64(reader, source)
    store64(reader + _BITS, 0)
    store64(reader + _COUNT, 0)
    literals = room(_TABLE)
    distances = room(_TABLE)
    last = 0
    while not last:
        last = _take(reader, 1)
        kind = _take(reader, 2)
        if kind == 0:
            to = _stored(reader, to)
        else:
            if kind == 1:
                _fixed(literals, distances)
            else:
                _dynamic(reader, literals, distances)
            to = _block(reader, literals, distances, to)
    return to


def _take(reader: int, count: int) -> int:
    """So many bits, the first one lowest."""
    bits = load64(reader + _BITS)
    have = load64(reader + _COUNT)
    while have < count:
        bits |= load8(load64(reader)) << have
        store64(reader, load64(reader) + 1)
        have += 8
    store64(reader + _BITS, bits >> count)
    store64(reader + _COUNT, have - count)
    return bits & ((1 << count) - 1)


def _stored(reader: int, to: int) -> int:
    """Bytes as they are, after their length and its complement."""
    store64(reader + _BITS, 0)
    store64(reader + _COUNT, 0)
    source = load64(reader)
    size = load16(source)
    store64(reader, source + 4 + size)
    return copy(to, source + 4, size)


def _symbol(reader: int, table: int) -> int:
    """The next code's symbol: codes of one length are numbers in a row."""
    code = 0
    first = 0
    index = 0
    length = 1
    while length <= _LONGEST:
        code |= _take(reader, 1)
        count = load16(table + 2 * length)
        if code - count < first:
            return load16(table + _SYMBOLS + 2 * (index + code - first))
        index += count
        first = (first + count) << 1
        code = code << 1
        length += 1
    return _END  # no code of a right file


def _build(table: int, lengths: int, count: int) -> int:
    """A table out of the codes' lengths, a byte each."""
    length = 0
    while length <= _LONGEST:
        store16(table + 2 * length, 0)
        length += 1
    symbol = 0
    while symbol < count:
        at = table + 2 * load8(lengths + symbol)
        store16(at, load16(at) + 1)
        symbol += 1
    store16(table, 0)  # length 0: no code
    at = table + _SYMBOLS
    length = 1
    while length <= _LONGEST:
        symbol = 0
        while symbol < count:
            if load8(lengths + symbol) == length:
                store16(at, symbol)
                at += 2
            symbol += 1
        length += 1
    return 0


def _fill(lengths: int, begin: int, end: int, length: int) -> int:
    while begin < end:
        store8(lengths + begin, length)
        begin += 1
    return begin


def _fixed(literals: int, distances: int) -> int:
    """The codes that a block has which brings none."""
    lengths = room(_LITERALS)
    _fill(lengths, 0, 144, 8)
    _fill(lengths, 144, 256, 9)
    _fill(lengths, 256, 280, 7)
    _fill(lengths, 280, _LITERALS, 8)
    _build(literals, lengths, _LITERALS)
    _fill(lengths, 0, 30, 5)
    return _build(distances, lengths, 30)


def _dynamic(reader: int, literals: int, distances: int) -> int:
    """The codes that a block brings: lengths of codes, packed by a code of their own."""
    lengths = room(336)
    many = _take(reader, 5) + 257
    far = _take(reader, 5) + 1
    given = _take(reader, 4) + 4
    _fill(lengths, 0, 19, 0)
    at = 0
    while at < given:
        store8(lengths + _place(at), _take(reader, 3))
        at += 1
    _build(literals, lengths, 19)
    at = 0
    while at < many + far:
        symbol = _symbol(reader, literals)
        if symbol < 16:
            store8(lengths + at, symbol)
            at += 1
        elif symbol == 16:
            at = _fill(lengths, at, at + 3 + _take(reader, 2), load8(lengths + at - 1))
        elif symbol == 17:
            at = _fill(lengths, at, at + 3 + _take(reader, 3), 0)
        else:
            at = _fill(lengths, at, at + 11 + _take(reader, 7), 0)
    _build(literals, lengths, many)
    return _build(distances, lengths + many, far)


def _place(at: int) -> int:
    """Which symbol the length at `at` is of: 16, 17, 18, 0, then 8, 7, 9, 6, 10, 5, 11, …"""
    if at < 3:
        return 16 + at
    if at == 3:
        return 0
    if at & 1:
        return 8 - ((at - 3) >> 1)
    return 8 + ((at - 4) >> 1)


def _block(reader: int, literals: int, distances: int, to: int) -> int:
    """Literal bytes, and copies of what was written before."""
    while True:
        symbol = _symbol(reader, literals)
        if symbol < _END:
            store8(to, symbol)
            to += 1
        elif symbol == _END:
            return to
        else:
            size = _size(reader, symbol - 257)
            distance = _distance(reader, _symbol(reader, distances))
            to = copy(to, to - distance, size)


def _size(reader: int, code: int) -> int:
    if code < 8:
        return code + 3
    if code == 28:
        return 258
    extra = (code >> 2) - 1
    return ((4 + (code & 3)) << extra) + 3 + _take(reader, extra)


def _distance(reader: int, code: int) -> int:
    if code < 4:
        return code + 1
    extra = (code >> 1) - 1
    return ((2 + (code & 1)) << extra) + 1 + _take(reader, extra)
