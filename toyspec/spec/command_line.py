"""A command line where a list of words belongs: what the list would be."""

from __future__ import annotations


def split(text: str) -> list[str]:
    """The words of a command line; where they need a shell, the shell's."""
    import shlex

    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    return words if words and not set("|&;<>`$") & set(text) else ["sh", "-c", text]
