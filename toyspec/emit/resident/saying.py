"""What is said on standard error, each message by one call: pieces gathered in a vector (writev(2)).

A vector is the number of its pieces, then address and length of each.
"""

from __future__ import annotations

from toyspec.emit.resident.memory import length
from toyspec.emit.resident.words import load64, nr, store64, syscall

VECTOR = 520  # bytes of a vector
_PIECES = 32


def begin(vector: int) -> int:
    """An empty vector."""
    store64(vector, 0)
    return vector


def add(vector: int, words: int) -> int:
    """A text; address 0 adds nothing."""
    if words == 0:
        return vector
    count = load64(vector)
    if count < _PIECES:
        store64(vector + 8 + 16 * count, words)
        store64(vector + 16 + 16 * count, length(words))
        store64(vector, count + 1)
    return vector


def full(vector: int) -> int:
    """Whether the next piece should wait until these are written."""
    if load64(vector) >= _PIECES - 2:
        return 1
    return 0


def say(vector: int) -> int:
    """Write it to standard error, whoever reads there or not, and empty it."""
    syscall(nr("writev"), 2, vector + 8, load64(vector))
    store64(vector, 0)
    return 0
