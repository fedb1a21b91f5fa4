"""A command line where a list of words belongs: what the list would be."""

from __future__ import annotations

_SHELLS = "|&;<>`$~*?\n"  # what a shell makes something of


def split(text: str) -> list[str]:
    """The words of a command line; where they need a shell, the shell's."""
    import shlex

    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    needed = not words or "=" in words[0] or set(_SHELLS) & set(text.strip())
    return ["sh", "-c", text.strip()] if needed else words
