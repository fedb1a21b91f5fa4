"""What a filter may answer to a call: read off its instructions, with arguments known or not.

Only what is surely so is concluded: where an argument is not known both ways are gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toyspec.plan.seccomp.graph import AND, ANY_BIT, AT_LEAST, EQUAL, GREATER, JUMP, LOAD, RETURN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toyspec.plan.seccomp.graph import Instruction

NUMBER: Final = 0
ARCH: Final = 4
ARGUMENTS: Final = 16
"""Offsets in struct seccomp_data, linux/seccomp.h; arguments have 8 bytes, the low half first."""

ALLOWED: Final = (0x7FFF0000, 0x7FFC0000)
"""SECCOMP_RET_ALLOW and SECCOMP_RET_LOG: the call is made."""
ERRNO: Final = 0x00050000
"""SECCOMP_RET_ERRNO; the errno stands in the low half."""

_LOW: Final = 0xFFFFFFFF


def outcomes(
    filter_: tuple[Instruction, ...], audit: int, number: int, known: Mapping[int, int]
) -> frozenset[int]:
    """Every SECCOMP_RET_* that a call with these `known` arguments, by index, may meet.

    `audit` is the AUDIT_ARCH_* that it comes as. ValueError for an instruction that no filter of
    ours has.
    """
    found: set[int] = set()
    seen: set[tuple[int, int | None]] = set()
    waiting: list[tuple[int, int | None]] = [(0, 0)]
    while waiting:
        state = waiting.pop()
        if state in seen:
            continue
        seen.add(state)
        at, a = state
        code, yes, no, k = filter_[at]
        if code == RETURN:
            found.add(k)
        elif code == LOAD:
            waiting.append((at + 1, _word(k, audit, number, known)))
        elif code == AND:
            waiting.append((at + 1, None if a is None else a & k))
        elif code == JUMP:
            waiting.append((at + 1 + k, a))
        else:
            holds = None if a is None else _holds(code, a, k)
            if holds is not False:
                waiting.append((at + 1 + yes, a))
            if holds is not True:
                waiting.append((at + 1 + no, a))
    return frozenset(found)


def _word(offset: int, audit: int, number: int, known: Mapping[int, int]) -> int | None:
    if offset == NUMBER:
        return number
    if offset == ARCH:
        return audit
    index, half = divmod(offset - ARGUMENTS, 8)
    value = known.get(index)
    return None if value is None else value >> half * 8 & _LOW


def _holds(code: int, a: int, k: int) -> bool:
    if code == EQUAL:
        return a == k
    if code == GREATER:
        return a > k
    if code == AT_LEAST:
        return a >= k
    if code == ANY_BIT:
        return a & k != 0
    raise ValueError(f"code {code:#x}")
