"""A shell as the command of a box that is left to itself: there its input is empty, and it ends at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toyspec.cli.anew import spec_word
from toyspec.cli.words import as_typed

if TYPE_CHECKING:
    from collections.abc import Sequence

_READERS = ("sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "fish", "python3", "python")

_TOLD = ("--version", "--help")
_PYTHON_S = ("-m", "-c", "-V", "-h")
"""Options that say what is to be done, be it in the same word: `-mhttp.server`."""


def is_unfed(command: Sequence[str]) -> bool:
    """Whether it is one that reads what to do from its input: nothing but options follows its name."""
    name = os.path.basename(command[0]) if command else ""
    told = _TOLD + (_PYTHON_S if name.startswith("python") else ())
    return name in _READERS and all(
        word.startswith("-") and not word.startswith(told) for word in command[1:]
    )


def why(command: Sequence[str]) -> str:
    """What becomes of it."""
    return f"`{command[0]}` reads its input, which is empty in a box that is left to itself, and ends at once"


def remedy(spec: str | None) -> str:
    """A command that does not. `spec`: its path; None where it came from a pipe."""
    path = "-" if spec is None else as_typed([spec_word(spec)])
    return f"give it a command: toyspec up -d {path} -- COMMAND"
