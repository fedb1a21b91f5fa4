"""`toyspec facts`: what a plan may know of this machine, to be saved for `plan --facts`."""

from __future__ import annotations

from toyspec.cli.box import load_spec, make_plan
from toyspec.cli.source import INVALID, read
from toyspec.cli.streams import put
from toyspec.cli.words import COMMON, FORMAT, JUDGING, Syntax, help_text, parse

SYNTAX = Syntax(
    "facts",
    "Print what the plan of a spec may know of this machine: its kernel, your ids, the paths.",
    (*JUDGING, FORMAT, *COMMON),
)


def facts(args: list[str]) -> int:
    """JSON unless `--format text` asks for one line a fact."""
    words = parse(args, SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    source = read(words, SYNTAX)
    spec = load_spec(source, words, INVALID, printing=True)
    found, _ = make_plan(spec, source, words, INVALID, printing=True)
    text = found.to_json()
    put("".join(_lines(text)) if words.one("format") == "text" else text)
    return 0


def _lines(text: str) -> list[str]:
    """One `key value` a line; a nested fact's key has dots."""
    from json import dumps, loads

    from toyspec.show.text import escape

    lines: list[str] = []
    left: list[tuple[str, object]] = [("", loads(text))]
    while left:
        key, value = left.pop()
        if isinstance(value, dict) and value:
            below = [(f"{key}.{name}" if key else name, each) for name, each in value.items()]
            left += reversed(below)
        else:
            shown = value if isinstance(value, str) else dumps(value, ensure_ascii=False)
            lines.append(f"{escape(key)} {escape(shown)}\n")
    return lines
