"""`toyspec emit c`: a plan as the source of a program, for reading and for measuring."""

from __future__ import annotations

import os
import stat

from toyspec.cli.box import load_spec, make_plan
from toyspec.cli.error import FatalError, UsageError
from toyspec.cli.source import INVALID, read
from toyspec.cli.streams import put
from toyspec.cli.words import COMMON, PLANNING, Option, Syntax, help_text, parse
from toyspec.values import replace

SYNTAX = Syntax(
    "emit c",
    "Print a C program that makes the calls of a box's plan and nothing else: a measuring stick.",
    (
        *PLANNING,
        Option(("-o", "--output"), "where the source goes; without it, standard output", "FILE"),
        *COMMON,
    ),
)


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
    source = read(words, SYNTAX)
    spec = load_spec(source, words, INVALID, printing=True)
    _, plan = make_plan(spec, source, words, INVALID, printing=True)

    from toyspec.emit.c import c_program
    from toyspec.program.lower import lower

    _write(c_program(plan, lower(plan, {**os.environ, **spec.env_file})), words.one("output"))
    return 0


def _write(text: str, path: str | None) -> None:
    """To standard output, or to a file that only its owner can read: values of variables are in it."""
    if path is None:
        put(text)
        return
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="ascii") as file:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                os.fchmod(fd, 0o600)  # it may have been there, for everyone to read
            file.write(text)
    except OSError as error:
        raise FatalError(f"{path}: {error.strerror}") from None
