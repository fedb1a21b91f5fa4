"""Texts of a plan as JSON has them: `${NAME}` is a variable, `$$` a dollar."""

from __future__ import annotations

from toyspec.spec.model import Text, Variable


def shown(text: Text) -> str:
    """A text as one string."""
    return "".join(
        [part.replace("$", "$$") if isinstance(part, str) else f"${{{part.name}}}" for part in text]
    )


def read_text(shown: str) -> Text:
    """Literal parts and variables; ValueError at a dollar sign that begins neither."""
    parts: list[str | Variable] = []
    literal = ""
    at = 0
    while at < len(shown):
        dollar = shown.find("$", at)
        if dollar < 0:
            literal += shown[at:]
            break
        literal += shown[at:dollar]
        if shown[dollar + 1 : dollar + 2] == "$":
            literal += "$"
            at = dollar + 2
            continue
        end = shown.find("}", dollar)
        if shown[dollar + 1 : dollar + 2] != "{" or end < 0:
            raise ValueError(f"a $ that is neither $$ nor ${{NAME}} in {shown!r}")
        if literal:
            parts.append(literal)
            literal = ""
        parts.append(Variable(shown[dollar + 2 : end]))
        at = end + 1
    if literal:
        parts.append(literal)
    return tuple(parts)


def read_entry(shown: str) -> tuple[str, Text]:
    """A variable of an environment; ValueError where it is none."""
    name, equals, text = shown.partition("=")
    if not equals:
        raise ValueError(f"no = in {shown!r}")
    return name.replace("$$", "$"), read_text(text)
