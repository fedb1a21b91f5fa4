"""`toyspec schema`: the JSON Schemas, for editors and for readers of plans."""

from __future__ import annotations

import os

import toyspec
from toyspec.cli.error import FatalError, UsageError
from toyspec.cli.streams import put
from toyspec.cli.words import HELP, Option, Syntax, help_text, parse

FILES = {"spec": "toyspec-1.schema.json", "plan": "toyspec-plan-1.schema.json"}

SYNTAX = Syntax(
    "schema",
    "Print a JSON Schema: of the spec (for editors, the default) or of the plan's JSON.",
    (Option(("--format",), "json is all there is", "FORMAT", ("json",)), HELP),
    ("spec|plan",),
    argv=False,
)


def schema(args: list[str]) -> int:
    """The file as it lies in the package."""
    words = parse(args, SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    which = words.words[0] if words.words else "spec"
    if which not in FILES or len(words.words) > 1:
        raise UsageError(f"no schema of `{' '.join(words.words)}`", SYNTAX.usage())
    put(schema_text(which))
    return 0


def schema_text(which: str) -> str:
    """The schema's text; raises FatalError where the installation lost it."""
    path = os.path.join(toyspec.__path__[0], "schemas", FILES[which])
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise FatalError(
            f"{path}: {error.strerror}", "the installation is broken: install toyspec again"
        ) from None
