"""Sums over bytes: CRC-32 (as zlib's), which tells damage, and FNV-1a, which names files."""

from __future__ import annotations

from toyspec.emit.resident.words import load8, load64, room, store64

_POLYNOMIAL = 0xEDB88320
_ALL = 0xFFFFFFFF
_PRIME = 0x100000001B3  # of FNV-1a with 64 bits


def crc(at: int, size: int) -> int:
    """CRC-32 of so many bytes."""
    table = room(2048)
    byte = 0
    while byte < 256:
        value = byte
        bit = 0
        while bit < 8:
            odd = value & 1
            value = value >> 1
            if odd:
                value = value ^ _POLYNOMIAL
            bit += 1
        store64(table + 8 * byte, value)
        byte += 1
    found = _ALL
    end = at + size
    while at < end:
        found = load64(table + 8 * ((found ^ load8(at)) & 255)) ^ (found >> 8)
        at += 1
    return found ^ _ALL


def fnv(number: int, word: int) -> int:
    """Go on with a text and its NUL."""
    while load8(word):
        number = (number ^ load8(word)) * _PRIME
        word += 1
    return number * _PRIME


def fnv_number(number: int, value: int) -> int:
    """Go on with a byte."""
    return (number ^ value) * _PRIME
