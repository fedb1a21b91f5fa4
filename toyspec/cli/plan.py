"""`toyspec plan`: the system calls that `up` would make, as a table, as strace, as JSON."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toyspec.cli.box import load_spec, make_plan
from toyspec.cli.error import FatalError, UsageError
from toyspec.cli.source import INVALID, read, read_file
from toyspec.cli.streams import colour, columns, put
from toyspec.cli.words import (
    COMMON,
    DETACH,
    FORMAT,
    PLANNING,
    RUNS,
    Option,
    Syntax,
    Words,
    help_text,
    parse,
)
from toyspec.values import replace

if TYPE_CHECKING:
    from toyspec.host.facts import HostFacts
    from toyspec.plan.step import Plan

SYNTAX = Syntax(
    "plan",
    "Print the plan of a box: every system call that `up` would make, and what the box can touch.",
    (
        *PLANNING,
        RUNS,
        replace(DETACH, help="as for up: no terminal, and what it prints goes to its log"),
        Option(("--syscalls",), "one line a call, as strace writes it"),
        Option(("--json",), "the whole plan as data; also --format json"),
        FORMAT,
        Option(("--exec",), "what `exec` would do in a box that is up", "NAME|SPEC"),
        Option(("--facts",), "plan for the machine that `toyspec facts` recorded", "FILE"),
        *COMMON,
    ),
)


def plan(args: list[str]) -> int:
    """Load, look at the machine (or at saved facts), plan, print. Changes nothing."""
    words = parse(args, SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    form = _form(words)
    if words.one("exec") is not None:
        put(_text(_entering(words), form, words))
        return 0
    if words.flag(RUNS.key) and words.flag(DETACH.key):
        raise UsageError(
            "--run and --detach contradict each other: the plan is that of `run`, or of `up -d`"
        )
    source = read(words, SYNTAX)
    saved = saved_facts(words)
    spec = load_spec(source, words, INVALID, saved, printing=True)
    _, made = make_plan(spec, source, words, INVALID, saved, printing=True)
    put(_text(made, form, words))
    return 0


def _entering(words: Words) -> Plan:
    """The plan of `exec` in a box that runs."""
    from toyspec.cli.exec import box_of, entering
    from toyspec.start.look import Look

    for key in ("file", "facts"):
        if words.flag(key):
            raise UsageError(f"--exec names a box that is up, and --{key} does not go with it")
    for key, verb in ((RUNS.key, "run"), (DETACH.key, "up -d")):
        if words.flag(key):
            raise UsageError(
                f"--exec and --{key} contradict each other: the plan is that of `exec`, or of `{verb}`"
            )
    if words.words:
        raise UsageError(f"--exec names the box; `{words.words[0]}` is one word too many")
    named = replace(words, words=(words.one("exec") or "",))
    made, *_ = entering(box_of(named, INVALID), words, Look(), printing=True)
    return made


def _form(words: Words) -> str:
    json = words.flag("json") or words.one("format") == "json"
    if json and words.flag("syscalls"):
        raise UsageError("--syscalls is text, and --json is not")
    if words.flag("json") and words.one("format") == "text":
        raise UsageError("--json and --format text contradict each other")
    return "json" if json else "syscalls" if words.flag("syscalls") else "text"


def _text(made: Plan, form: str, words: Words) -> str:
    if form == "json":
        from toyspec.emit.plan_json import to_json

        return to_json(made)
    if form == "syscalls":
        from toyspec.show.syscalls import syscalls

        return syscalls(made)
    from toyspec.show.plan_text import plan_text

    return plan_text(
        made,
        columns=columns(1),
        colour=colour(words, 1),
        verbose=words.flag("verbose"),
        wrap=os.isatty(1),
    )


def saved_facts(words: Words) -> HostFacts | None:
    """The facts that `--facts FILE` names, if any; raises FatalError."""
    path = words.one("facts")
    if path is None:
        return None
    from toyspec.host.architectures import refused
    from toyspec.host.facts import FactsError, HostFacts

    try:
        found = HostFacts.from_json(read_file(path).decode())
        if (wrong := refused(found.arch)) is not None:
            raise FactsError(wrong)
        return found
    except (FactsError, UnicodeDecodeError) as error:
        raise FatalError(
            f"{path}: {error}", f"record facts with: toyspec facts SPEC > {path}"
        ) from None
