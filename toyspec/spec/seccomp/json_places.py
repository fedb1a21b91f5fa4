"""Where in a profile's text a problem is: from its JSON path to a place, so that a line can be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toyspec.spec.source import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from toyspec.spec.seccomp.json_values import ProfileProblem

    Skip = Callable[[str, int], tuple[object, int]]

_SHOWN: Final = 20
"""Problems of one profile that are told: each costs a walk through its text."""
_BLANK: Final = " \t\n\r"


def findings(text: str, problems: tuple[ProfileProblem, ...]) -> list[Finding]:
    """Each problem at its place, or the nearest above it that is there, and how many more there are."""
    found = []
    for one in problems[:_SHOWN]:
        start, end = one.place if one.place is not None else _place(text, one.path, one.at_key)
        message = f"{one.path}: {one.message}" if one.path else one.message
        found.append(Finding(start, end, message, key="seccomp"))
    if len(problems) > _SHOWN:
        found.append(Finding(0, 1, f"and {len(problems) - _SHOWN} more", key="seccomp"))
    return found


def _place(text: str, path: str, at_key: bool) -> tuple[int, int]:
    """The value at `path`, of one line, or its key, or what of it is there."""
    try:
        begin, end = _walk(text, _steps(path), at_key)
    except (ValueError, RecursionError):  # no JSON after all
        return 0, 1
    line = text.find("\n", begin, end)
    return begin, line if line >= 0 else end


def _steps(path: str) -> Iterable[str | int]:
    """`syscalls[3].args` as its keys and indices."""
    for part in path.replace("[", ".[").split("."):
        if part.startswith("[") and part.endswith("]") and part[1:-1].isdecimal():
            yield int(part[1:-1])
        elif part:
            yield part


def _walk(text: str, steps: Iterable[str | int], at_key: bool) -> tuple[int, int]:
    from json import JSONDecoder

    skip = JSONDecoder().raw_decode
    at = key = _blank(text, 0)
    for step in steps:
        below = _below(text, at, step, skip)
        if below is None:
            key = at
            break
        key, at = below
    at = key if at_key else at
    return at, skip(text, at)[1]


def _below(text: str, at: int, step: str | int, skip: Skip) -> tuple[int, int] | None:
    """Where the member or item `step` of what begins at `at` has its key and its value, if it is
    there; an item's key is its value.
    """
    if text[at : at + 1] != ("{" if isinstance(step, str) else "["):
        return None
    count = 0
    at = _blank(text, at + 1)
    while text[at : at + 1] not in ("}", "]", ""):
        key: object = count
        begin = at
        if isinstance(step, str):
            key, at = skip(text, at)
            at = _blank(text, _blank(text, at) + 1)
        if key == step:
            return (begin, at) if isinstance(step, str) else (at, at)
        _, at = skip(text, at)
        at = _blank(text, at)
        if text[at : at + 1] == ",":
            at = _blank(text, at + 1)
        count += 1
    return None


def _blank(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _BLANK:
        at += 1
    return at
