"""What a spec may know of the place it is loaded in, and what a command line changes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from toyspec.values import dataclass


def no_files(path: str, _most: int) -> bytes:
    """A `read` for surroundings without files: nothing is there."""
    raise FileNotFoundError(2, "No such file or directory", path)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The caller's side. `directory` is the spec file's, absolute; relative paths begin there.

    `read(path, most)` gives the bytes of a file that the spec names, absolute, as a part of the spec:
    at most one byte more than `most`. It raises OSError, with a message in `strerror`.
    """

    directory: str
    home: str
    variables: Mapping[str, str]
    terminal: bool = False
    read: Callable[[str, int], bytes] = no_files


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line gives: `-e NAME[=VALUE]` (None: the caller's own), `-w`, the argv, `-d`.

    `reaper` is what holds where the spec does not say: a verb's own default, None where it has none.
    """

    environment: tuple[tuple[str, str | None], ...] = ()
    working_dir: str | None = None
    init: tuple[str, ...] | None = None
    reaper: bool | None = None
    detached: bool = False
