"""`toyspec check`: whether a spec is valid, without a look at the machine."""

from __future__ import annotations

from toyspec.cli.box import load_spec, named_spec
from toyspec.cli.error import FatalError, Reported, UsageError
from toyspec.cli.source import INVALID, read
from toyspec.cli.streams import put
from toyspec.cli.words import COMMON, FORMAT, JUDGING, Syntax, Words, help_text, parse

SYNTAX = Syntax(
    "check",
    "Say whether a spec is valid: every problem at once, each with its place and its remedy.\n"
    "It does not look at the host: what this machine lacks is told by `plan`.",
    (*JUDGING, FORMAT, *COMMON),
)


def check(args: list[str]) -> int:
    """0 for a valid spec, 1 for one with problems (said on stderr, or as JSON on stdout)."""
    words = parse(args, SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    if words.one("format") == "json":
        return _as_json(words)
    source = read(words, SYNTAX)
    spec = load_spec(source, words, INVALID, plans=False)
    if not words.flag("quiet"):
        from toyspec.show.text import escape

        put(f"{escape(source.path)}: valid, the box `{escape(spec.name)}`\n")
    return 0


def _as_json(words: Words) -> int:
    """The problems as data, also where there is nothing to read."""
    from toyspec.show.diagnostics import to_json
    from toyspec.spec.problem import Problem, SpecError

    try:
        named_spec(read(words, SYNTAX), words, plans=False)
    except SpecError as error:
        put(to_json(error.problems))
        return INVALID
    except UsageError:
        raise
    except FatalError as error:
        path = words.one("file") or next(iter(words.words), "")
        put(to_json((Problem(path, 0, 0, 0, error.message, help=error.remedy or ""),)))
        raise Reported(error.status) from None
    put(to_json(()))
    return 0
