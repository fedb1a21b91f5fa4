"""`toyspec exec`: one more command in a box that runs, as its own init is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toyspec.cli.box import overrides
from toyspec.cli.error import FatalError, UsageError
from toyspec.cli.running import RunningBox, running_box
from toyspec.cli.streams import put
from toyspec.cli.words import COLOR, DIRECTORY, ENV, HELP, VERBOSE, Syntax, Words, help_text, parse
from toyspec.spec.model import Variable
from toyspec.values import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toyspec.emit.compiled import Message
    from toyspec.plan.entering import Entrant
    from toyspec.plan.step import Plan
    from toyspec.spec.model import Text

SYNTAX = Syntax(
    "exec",
    "Run a command in a box that is up: where its own command is, and with no more rights.",
    (
        replace(ENV, help="set a variable for the command; alone: the caller's own"),
        replace(DIRECTORY, help="where the command starts, inside the box"),
        VERBOSE,
        COLOR,
        HELP,
    ),
    words=("NAME",),
)


def exec_in_box(args: list[str]) -> int:
    """Find the box, plan from its own plan, compile, and become that. Returns only by FatalError."""
    words = parse(args, SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    if words.argv is None:
        raise UsageError("no command to run in the box", "toyspec exec NAME -- COMMAND…")
    box = running_box(named(words))
    plan, variables = entering(box, words)
    _become(plan, box, variables)
    raise AssertionError("unreachable")


def named(words: Words) -> str:
    """The box that is meant."""
    if len(words.words) != 1:
        raise UsageError("which box?", SYNTAX.usage())
    return words.words[0]


def entering(box: RunningBox, words: Words) -> tuple[Plan, dict[str, str]]:
    """exec's plan, and the variables that it takes."""
    from toyspec.plan.entering import EnteringError, exec_plan

    given = overrides(words)
    variables = dict(box.variables)
    environment: list[tuple[str, Text]] = []
    for name, text in given.environment:
        if text is None:
            if (own := os.environ.get(name)) is None:
                raise UsageError(f"-e {name}: this variable is not set here", f"-e {name}=VALUE")
            variables[name] = own
        environment.append((name, (Variable(name),) if text is None else (text,)))
    try:
        return exec_plan(
            box.plan, box.running, _entrant(given.init, environment, given.working_dir, variables)
        ), variables
    except EnteringError as error:
        raise FatalError(
            f"the box `{box.plan.box}` cannot be entered: {error}",
            "start it anew with this toyspec: another version planned it",
        ) from None


def _entrant(
    argv: tuple[str, ...] | None,
    environment: Sequence[tuple[str, Text]],
    directory: str | None,
    variables: dict[str, str],
) -> Entrant:
    from toyspec.plan.entering import Entrant

    return Entrant(
        argv=argv or (),
        environment=tuple(environment),
        working_dir=directory,
        variables=variables,
        tty=any(os.isatty(fd) for fd in range(3)),
        inherited=_inherited(),
    )


def _inherited() -> tuple[int, ...]:
    """What this process was given beside its standard streams, and would give on."""
    found = []
    for fd in sorted(map(int, os.listdir("/proc/self/fd"))):
        try:
            if fd > 2 and os.get_inheritable(fd):
                found.append(fd)
        except OSError:
            pass  # that of the listing itself
    return tuple(found)


def _become(plan: Plan, box: RunningBox, variables: dict[str, str]) -> None:
    """Compile, and execute that from memory: no interpreter is ever in the box, nor is a file of the
    host's its /proc/PID/exe. Raises FatalError.
    """
    from toyspec.emit.compiled import VARIANTS, Baked, Variant, compiled
    from toyspec.program.lower import lower
    from toyspec.start import memory

    variant = Variant(plan, lower(plan, None), messages=_messages(plan, box.spec))
    baked = Baked(os.getuid(), os.getgid())
    program = compiled(dict.fromkeys(VARIANTS, variant), baked)
    try:
        memory.execute("toyspec", memoryview(program), ["toyspec"], variables)
    except OSError as error:
        raise FatalError(
            f"a program in memory cannot be executed: {error.strerror}",
            "sysctl vm.memfd_noexec must not be 2, and memory not used up",
        ) from None


def _messages(plan: Plan, spec: bytes) -> Sequence[Message]:
    from toyspec.cli.messages import messages

    return messages(plan, spec)
