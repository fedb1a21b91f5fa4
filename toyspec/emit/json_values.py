"""What JSON holds, where it has to be of one type: each raises TypeError or ValueError, which say what it is instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Read = TypeVar("_Read")


def word(found: Any) -> str:
    """A text."""
    if not isinstance(found, str):
        raise TypeError(f"{found!r} is no text")
    return found


def words(found: Any) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(found, list):
        raise TypeError(f"{found!r} is no list")
    return tuple(map(word, found))


def whole(found: Any) -> int:
    """A whole number, and no truth value."""
    if type(found) is not int:
        raise ValueError(f"{found!r} is no whole number")
    return found


def scalar(found: Any) -> str | int | bool | None:
    """Anything but a list, an object and a fraction."""
    if not isinstance(found, str | int | None):
        raise TypeError(f"{found!r} is no text, number, truth value or null")
    return found


def maybe(read: Callable[[Any], _Read], found: Any) -> _Read | None:
    """The same, or nothing."""
    return None if found is None else read(found)


def instruction(code: Any, jt: Any, jf: Any, k: Any) -> tuple[int, int, int, int]:
    """A `struct sock_filter` (linux/filter.h), of numbers that fit into one."""
    for number, bits in ((code, 16), (jt, 8), (jf, 8), (k, 32)):
        if whole(number) < 0 or number >> bits:
            raise ValueError(f"{number} is no unsigned number of {bits} bits")
    return code, jt, jf, k
