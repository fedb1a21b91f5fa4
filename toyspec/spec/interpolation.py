"""Variables in scalar values: `${VAR}`, `${VAR:-default}`, `${VAR:?message}` and `$$`.

After parsing, so that no value can change the document's shape; before typing. A variable without a
value, and a `$` that begins none, raise Wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from toyspec.spec.model import Text, Variable
from toyspec.spec.shown import escape, quote
from toyspec.spec.wrong import Wrong

_DOLLAR = r"\$(?:(?P<dollar>\$)|\{(?P<body>[^}]*)\})?"
_BODY = r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<kind>[-?])(?P<word>.*))?"


def _unresolved(start: int, end: int, message: str, label: str = "", help: str = "") -> Wrong:
    return Wrong(message, label, help, start, end)


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """The text with every variable's value in it."""
    if "$" not in text:
        return text
    return "".join(
        variables[part.name] if isinstance(part, Variable) else part
        for part in _parts(text, variables)
    )


def as_text(text: str, variables: Mapping[str, str]) -> Text:
    """The text with its variables kept by name; a default that applies becomes plain text."""
    if "$" not in text:
        return (text,) if text else ()
    joined: list[str | Variable] = []
    literal: list[str] = []
    for part in (*_parts(text, variables), None):
        if isinstance(part, str):
            literal.append(part)
            continue
        if any(literal):
            joined.append("".join(literal))
        literal = []
        if part is not None:
            joined.append(part)
    return tuple(joined)


def wanted(text: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Of a text that `as_text` takes: variables that count only if they are not empty, as they are,
    each with the message of its `${NAME:?message}` if there is one.
    """
    import re

    found: dict[str, str] = {}
    for each in re.finditer(_DOLLAR, text):
        body = None if each["body"] is None else re.fullmatch(_BODY, each["body"], re.DOTALL)
        if body is not None and body["kind"] and variables.get(body["name"]):
            message = escape(body["word"] or "") if body["kind"] == "?" else ""
            found[body["name"]] = message or found.get(body["name"], "")
    return found


def _parts(text: str, variables: Mapping[str, str]) -> Iterator[str | Variable]:
    import re

    done = 0
    for found in re.finditer(_DOLLAR, text):
        yield text[done : found.start()]
        done = found.end()
        if found["dollar"]:
            yield "$"
        elif found["body"] is None:
            raise _lone(text, found.start())
        else:
            body = re.fullmatch(_BODY, found["body"], re.DOTALL)
            if body is None:
                raise _malformed(found.start(), found.end(), found["body"])
            yield _value(body["name"], body["kind"], body["word"], variables, found.span())
    yield text[done:]


def _value(
    name: str,
    kind: str | None,
    word: str | None,
    variables: Mapping[str, str],
    span: tuple[int, int],
) -> str | Variable:
    value = variables.get(name)
    if kind == "-":
        default = _default(word or "", span)
        return Variable(name) if value else default
    if kind == "?":
        if not value:
            raise _unresolved(
                *span, escape(word or "") or f"{quote(name)} is not set", "required here"
            )
        return Variable(name)
    if value is None:
        raise _unresolved(
            *span, f"the variable {quote(name)} is not set", "",
            f"set it, or give a default: ${{{name}:-…}}",
        )  # fmt: skip
    return Variable(name)


def _default(word: str, span: tuple[int, int]) -> str:
    if "$" in word.replace("$$", ""):
        message = "a variable inside a variable's default"
        raise _unresolved(*span, message, "write `$$` for a dollar")
    return word.replace("$$", "$")


def _lone(text: str, at: int) -> Wrong:
    import re

    name = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").match(text, at + 1)
    if text.startswith("{", at + 1):
        return _unresolved(at, len(text), "`${` without its `}`")
    if name:
        return _unresolved(
            at, name.end(), f"`${name[0]}` is not a variable here", "",
            f"write ${{{name[0]}}} for the variable, $${name[0]} for the text",
        )  # fmt: skip
    return _unresolved(at, at + 1, "a single `$`", "write `$$` for a dollar")


def _malformed(start: int, end: int, body: str) -> Wrong:
    forms = "known: ${NAME}, ${NAME:-default}, ${NAME:?message}"
    return _unresolved(start, end, f"not a variable: `${{{escape(body[:40])}}}`", "", forms)
