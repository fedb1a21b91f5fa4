"""Values out of strict JSON: every problem at once, each with its JSON path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toyspec.spec.words import nearest
from toyspec.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_SIZE: Final = 1 << 20
"""Bytes of a profile. Docker's has 15 kB."""

_MANY: Final = 20
"""Problems after which nobody looks for the words that were meant: the search is slow."""


@dataclass(frozen=True, slots=True)
class ProfileProblem:
    """One problem; `path` is where, as `syscalls[3].args[0].op`, or empty for the whole file.

    `at_key`: it is the key there that is wrong, not its value. Where there is no JSON yet, `place`
    says where: first and last character in the text.
    """

    path: str
    message: str
    place: tuple[int, int] | None = None
    at_key: bool = False


class ProfileError(Exception):
    """The profile is not one. `problems` are in the file's order, and never empty."""

    def __init__(self, *problems: ProfileProblem) -> None:
        self.problems = problems
        lines = (f"{one.path}: {one.message}" if one.path else one.message for one in problems)
        super().__init__("; ".join(lines))


class _Object:
    """A JSON object, its keys as often as they stand there."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        self.pairs = pairs


def decoded(data: bytes) -> object:
    """What JSON says, its objects with each key as often as it stands there; or ProfileError."""
    import json

    if len(data) > MAX_SIZE:
        raise ProfileError(ProfileProblem("", f"larger than {MAX_SIZE >> 20} MiB"))
    try:
        document: object = json.loads(data.decode(), object_pairs_hook=_Object)
    except UnicodeDecodeError as error:
        at = len(data[: error.start].decode())
        problem = ProfileProblem("", f"not UTF-8: byte {error.start}", (at, at + 1))
        raise ProfileError(problem) from None
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg}"
        raise ProfileError(ProfileProblem("", message, (error.pos, error.pos + 1))) from None
    except RecursionError:
        raise ProfileError(ProfileProblem("", "nested too deeply")) from None
    except ValueError:  # an integer of thousands of digits
        raise ProfileError(ProfileProblem("", "a number is too long")) from None
    return document


class Reader:
    """Collects problems; what cannot be read is None or left out."""

    def __init__(self) -> None:
        self.problems: list[ProfileProblem] = []

    def wrong(self, path: str, message: str, *, at_key: bool = False) -> None:
        """Note a problem and go on."""
        self.problems.append(ProfileProblem(path, message, at_key=at_key))

    def keys(
        self,
        value: object,
        path: str,
        required: tuple[str, ...] = (),
        optional: tuple[str, ...] = (),
    ) -> dict[str, object] | None:
        """An object's keys, none unknown and none twice; a missing one is noted."""
        if not isinstance(value, _Object):
            self.wrong(path, "not an object")
            return None
        found: dict[str, object] = {}
        for key, item in value.pairs:
            if key not in required and key not in optional:
                message = self.unknown("key", key, (*required, *optional))
                self.wrong(join(path, key[:60]), message, at_key=True)
            elif key in found:
                self.wrong(join(path, key), "stands here twice")
            else:
                found[key] = item
        for key in required:
            if found.get(key) is None:
                self.wrong(join(path, key), "missing")
        return found

    def items(self, keys: dict[str, object], key: str, path: str) -> list[tuple[str, object]]:
        """Each item with its path. Go writes an empty list as null."""
        value, path = keys.get(key), join(path, key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(path, "not a list")
            return []
        return [(f"{path}[{index}]", item) for index, item in enumerate(value)]

    def words(
        self, keys: dict[str, object], key: str, path: str, choices: Iterable[str], what: str
    ) -> tuple[str, ...]:
        """A list of words, each one of `choices`, which are what `what` may be."""
        items = self.items(keys, key, path)
        found = [self.choice(item, where, choices, what) for where, item in items]
        return tuple(word for word in found if word is not None)

    def word(
        self, keys: dict[str, object], key: str, path: str, choices: Iterable[str], what: str
    ) -> str | None:
        """The word at `key`, one of `choices`."""
        if keys.get(key) is None:
            return None  # said already, where it is required
        return self.choice(keys[key], join(path, key), choices, what)

    def choice(self, value: object, path: str, choices: Iterable[str], what: str) -> str | None:
        """A word, one of `choices`."""
        if not isinstance(value, str):
            self.wrong(path, "not a string")
        elif value in choices:
            return value
        else:
            self.wrong(path, self.unknown(what, value, choices))
        return None

    def unknown(self, what: str, word: str, choices: Iterable[str]) -> str:
        """A message with the nearest of `choices`, which is looked up for the first ones only."""
        many = len(self.problems) >= _MANY
        folded = {choice.lower(): choice for choice in sorted(choices)}
        guess = None if many else folded.get(nearest(word, list(folded)) or "")
        shown = word if len(word) <= 60 else word[:60] + "…"
        return f"unknown {what} `{shown}`" + (f": did you mean `{guess}`?" if guess else "")

    def number(self, keys: dict[str, object], key: str, path: str, limit: int) -> int | None:
        """A whole number from 0 to `limit`."""
        value = keys.get(key)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= limit:
            return value
        self.wrong(join(path, key), f"not a whole number from 0 to {limit}")
        return None


def join(path: str, key: str) -> str:
    """The path of `key` in the object at `path`."""
    return f"{path}.{key}" if path else key
