"""`toyspec emit c`: a plan as the source of a program, for reading and for measuring."""

from __future__ import annotations

import os

from toyspec.cli.box import load_spec, make_plan
from toyspec.cli.error import UsageError
from toyspec.cli.output import begins, refuse_own_sources, refuse_to_replace, write_file
from toyspec.cli.source import INVALID, read
from toyspec.cli.streams import put
from toyspec.cli.words import COMMON, PLANNING, Option, Syntax, help_text, parse
from toyspec.emit.c import BUILD_LINES, UNCHECKED
from toyspec.host.apart import apart
from toyspec.start.look import Look
from toyspec.values import replace

SYNTAX = Syntax(
    "emit c",
    "Print a C program that makes the calls of a box's plan and nothing else: a measuring stick.\n"
    "The values of variables and of an env_file lie in it. Whatever step fails, it ends with 125.\n"
    + "\n".join(UNCHECKED)
    + "\n\n"
    + " \\\n".join(["  " + BUILD_LINES[0], *["    " + each for each in BUILD_LINES[1:]]])
    + " -o box box.c",
    (
        *PLANNING,
        Option(("-o", "--output"), "where the source goes; without it, standard output", "FILE"),
        Option(("--force",), "replace FILE even if it is no such program"),
        *COMMON,
    ),
)


_MODE = 0o600  # values of variables are in it


def emit(args: list[str]) -> int:
    """Load, plan for this machine and caller, lower, and write the program out."""
    words = parse(args, SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    if words.words[:1] != ("c",):
        given = words.words[0] if words.words else ""
        said = f"nothing is emitted as `{given}`" if given else "emit what?"
        raise UsageError(said, "toyspec emit c SPEC: a C program")
    words = replace(words, words=words.words[1:])
    target = words.one("output")
    if target == "-":
        target = None
    if target is not None:
        refuse_to_replace(target, words, "program of `toyspec emit c`", _is_program)
    source, look = read(words, SYNTAX), Look()
    spec = load_spec(source, words, INVALID, printing=True, look=look)
    if target is not None:
        refuse_own_sources(target, source, words, look)
    _, plan = make_plan(
        spec, source, words, INVALID, printing=True, edit=apart
    )  # nobody would pass on what is typed

    from toyspec.emit.c import c_program
    from toyspec.program.lower import lower

    text = c_program(plan, lower(plan, {**os.environ, **spec.env_file}))
    if target is None:
        put(text)
    else:
        write_file(target, text.encode("ascii"), _MODE)
    return 0


def _is_program(target: str) -> bool:
    from toyspec.emit.c import is_program

    return is_program(begins(target, 1 << 16))
