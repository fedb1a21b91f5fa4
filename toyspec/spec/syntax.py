"""What YAML's own errors mean, in words that help: libyaml says where, seldom why."""

from __future__ import annotations

from typing import Any

from toyspec.spec.nodes import MAX_DEPTH
from toyspec.spec.shown import escape
from toyspec.spec.source import Report


def explain(
    error: Exception, report: Report, last: tuple[int, int] = (0, 0), opened: int = 0
) -> None:
    """Add the finding for a parser's error.

    `last`: where the last quoted scalar lies; `opened`: where the collection begins that is read.
    """
    text = report.source.text
    mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    context: Any = getattr(error, "context_mark", None)
    at = min(mark.index if mark is not None else 0, len(text))
    begin = context.index if context is not None else at
    said = str(getattr(error, "problem", None) or error).split("\n", 1)[0]
    if "node content" in said:  # its own context is the place of the error once more
        begin = opened
    if _variable_in_flow(error, report, begin, at) or _never_closed(report, said, begin, at):
        return
    message, label, remedy = _translate(text, at, said)
    if said.startswith("could not find expected ':'"):
        at = begin
    if remedy and "quotes" in remedy and "\n" in text[slice(*last)] and last[1] <= at:
        line, _ = report.source.place(last[0])
        remedy = f"the quote that opens on line {line} was closed just before this"
    report.add(at, at + 1, message, label, remedy)


def _never_closed(report: Report, said: str, begin: int, at: int) -> bool:
    """A bracket or a quote that is open where something else was found: say where it opens."""
    text = report.source.text
    opening = text[begin : begin + 1]
    if opening in ("'", '"') and "unexpected end of stream" in said:
        report.add(begin, begin + 1, "the file ends inside a quoted string", "its quote opens here")
        return True
    closing = {"[": "]", "{": "}"}.get(opening)
    if closing is None or not (f"',' or '{closing}'" in said or "node content" in said):
        return False
    if "\n" not in text[begin:at]:
        if "node content" in said:
            return False
        _, column = report.source.place(begin)
        report.add(
            at, at + 1, f"neither `,` nor `{closing}` after an entry",
            f"in the `{opening}` of column {column}", "a `,`, or a quote before this, is missing",
        )  # fmt: skip
        return True
    line, _ = report.source.place(at)
    where = "the file ends" if not text[at:].strip() else f"line {line} is no part of it"
    report.add(
        begin, begin + 1, f"a `{opening}` without its `{closing}`", f"it opens here; {where}"
    )  # fmt: skip
    return True


def _translate(text: str, at: int, said: str) -> tuple[str, str, str]:
    char = text[at : at + 1]
    if "tab character that violates indentation" in said:
        return "a tab in the indentation", "indent with spaces", ""
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
    if "could not find expected ':'" in said:
        return "a key without its colon", "`key: value`", "or this line's indentation is off"
    if "found unknown escape character" in said:
        return "unknown escape in a double-quoted string", "", "single quotes keep `\\` as it is"
    if "maximum nesting depth" in said:  # libyaml 0.2.6, which reads ahead of what we count
        return f"nested more than {MAX_DEPTH} levels deep", "", ""
    if "node content" in said:
        return "no value where one is expected", "", ""
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
