"""What YAML's own errors mean, in words that help: libyaml says where, seldom why."""

from __future__ import annotations

from typing import Any

from toyspec.spec.shown import escape
from toyspec.spec.source import Report


def explain(error: Exception, report: Report) -> None:
    """Add the finding for a parser's error."""
    text = report.source.text
    mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    context: Any = getattr(error, "context_mark", None)
    at = min(mark.index if mark is not None else 0, len(text))
    begin = context.index if context is not None else at
    said = str(getattr(error, "problem", None) or error).split("\n", 1)[0]
    if _variable_in_flow(error, report, begin, at):
        return
    message, label, remedy = _translate(text, at, said)
    if said.startswith("could not find expected ':'"):
        at = begin
    report.add(at, at + 1, message, label, remedy)


def _translate(text: str, at: int, said: str) -> tuple[str, str, str]:
    char = text[at : at + 1]
    if "cannot start any token" in said:
        if char == "\t" or text[text.rfind("\n", 0, at) + 1 : at + 1].isspace():
            return "a tab in the indentation", "indent with spaces", ""
        return f"a value cannot begin with `{escape(char)}`", "quote it", ""
    if "mapping values are not allowed" in said:
        return (
            "a mapping cannot begin here", "",
            "a value with `: ` in it must be quoted; check this line's indentation",
        )  # fmt: skip
    if "block sequence entries are not allowed" in said:
        return "a list cannot begin here", "begin it on a new line", ""
    if "unexpected end of stream" in said:
        return "the file ends inside a quoted string", "a closing quote is missing", ""
    if "could not find expected ':'" in said:
        return "a key without its colon", "`key: value`", "or this line's indentation is off"
    if "found unknown escape character" in said:
        return "unknown escape in a double-quoted string", "", "single quotes keep `\\` as it is"
    if "did not find expected key" in said:
        return "no key where one is expected", "", "check the indentation and quotes around here"
    if "did not find expected '-' indicator" in said:
        return "no `-` where the list goes on", "", "check the indentation around here"
    return f"not YAML: {escape(said)}", "", ""


def _variable_in_flow(error: Exception, report: Report, begin: int, at: int) -> bool:
    """`[${A}]` and `{a: ${B}}`: the brace begins a mapping. Say so, with the line put right."""
    import re

    text = report.source.text
    where = str(getattr(error, "context", "") or "")
    if "flow" not in where:
        return False
    first = max(begin, text.rfind("\n", 0, at) + 1, at - 400)
    found = re.compile(r"""[^\s\[\]{},"']*\$\{[^}\s]*\}?[^\s\]},]*""").search(text, first, at + 200)
    if found is None or found.start() > at:
        return False
    line_begin = text.rfind("\n", 0, found.start()) + 1
    line_end = text.find("\n", at)
    line = text[line_begin : line_end if line_end >= 0 else len(text)].rstrip("\r")
    remedy = ""
    if len(line) <= 120:
        item = r"""(?<![\w"'$/:.~-])((?:[^\s\[\]{},"'$]*\$\{[^}"']*\})+[^\s\[\]},"']*)"""
        right = re.sub(item, r'"\1"', line)
        remedy = f"write {escape(right.strip())}"
    report.add(
        found.start(), found.end(), "an unquoted `${` inside `[]` or `{}`",
        "quote it: YAML reads the brace as a mapping", remedy,
    )  # fmt: skip
    return True
