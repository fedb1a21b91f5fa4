"""`toyspec check`: whether a spec is valid, without a look at the machine."""

from __future__ import annotations

from toyspec.cli.box import INVALID, load_spec, overrides, read, surroundings
from toyspec.cli.streams import put
from toyspec.cli.words import COMMON, FORMAT, PLANNING, Syntax, help_text, parse

SYNTAX = Syntax(
    "check",
    "Say whether a spec is valid: every problem at once, each with its place and its remedy.",
    (*PLANNING, FORMAT, *COMMON),
)


def check(args: list[str]) -> int:
    """0 for a valid spec, 1 for one with problems (said on stderr, or as JSON on stdout)."""
    words = parse(args, SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    source = read(words, SYNTAX)
    if words.one("format") == "json":
        from toyspec.show.diagnostics import to_json
        from toyspec.spec.load import load
        from toyspec.spec.problem import SpecError

        try:
            load(
                source.data, source.path, surroundings(source, None, plans=False), overrides(words)
            )
        except SpecError as error:
            put(to_json(error.problems))
            return INVALID
        put(to_json(()))
        return 0
    spec = load_spec(source, words, INVALID, plans=False)
    if not words.flag("quiet"):
        from toyspec.show.text import escape

        put(f"{escape(source.path)}: valid, the box `{escape(spec.name)}`\n")
    return 0
