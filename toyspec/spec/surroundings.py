"""What a spec may know of the place it is loaded in, and what a command line changes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


def no_files(path: str) -> bytes:
    """Where nothing can be read."""
    raise FileNotFoundError(path)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The caller's side. `directory` is the spec file's, absolute; relative paths begin there.

    `read` gives the bytes of an environment file, or raises OSError: the loader itself opens nothing.
    """

    directory: str
    home: str
    variables: Mapping[str, str]
    terminal: bool = False
    caller_uid: int = 0
    read: Callable[[str], bytes] = no_files


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line gives: `-e NAME[=VALUE]` (None: the caller's own), `-w`, the argv."""

    environment: tuple[tuple[str, str | None], ...] = ()
    working_dir: str | None = None
    init: tuple[str, ...] | None = None
