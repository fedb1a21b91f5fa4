"""A shell as the command of a box that is left to itself: there its input is empty, and it ends at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_READERS = ("sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "fish", "python3", "python")


def is_unfed(command: Sequence[str]) -> bool:
    """Whether it is one that reads what to do from its input: nothing but options follows its name."""
    name = os.path.basename(command[0]) if command else ""
    return name in _READERS and all(word.startswith("-") for word in command[1:])


def why(command: Sequence[str]) -> str:
    """What becomes of it."""
    return f"`{command[0]}` reads its input, which is empty in a box that is left to itself, and ends at once"


def remedy(spec: str | None) -> str:
    """A command that does not. `spec`: its path; None where it came from a pipe."""
    path = "-" if spec is None else os.path.relpath(spec)
    return f"give it a command: toyspec up -d {path} -- COMMAND"
