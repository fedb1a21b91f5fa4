"""`toyspec exec`: one more command in a box that runs, as its own init is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toyspec.cli.box import overrides
from toyspec.cli.boxes import BY_NAME
from toyspec.cli.error import FatalError, UsageError
from toyspec.cli.running import RunningBox, damaged, running_box
from toyspec.cli.status import status_fd
from toyspec.cli.streams import put, refuse_ways_out
from toyspec.cli.typed import refuse_bare_command
from toyspec.cli.which import for_one
from toyspec.cli.words import (
    COLOR,
    DIRECTORY,
    ENV,
    HELP,
    NO_TERMINAL,
    STATUS,
    VERBOSE,
    Syntax,
    Words,
    help_text,
    parse,
)
from toyspec.host.probe import terminal
from toyspec.plan.entering import Entrant
from toyspec.plan.step import Environment
from toyspec.plan.variables import variables as wanted
from toyspec.spec.model import Variable
from toyspec.start.look import Look
from toyspec.start.look import terminal as streams
from toyspec.values import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toyspec.cli.entered import Kept
    from toyspec.emit.compiled import Message
    from toyspec.plan.step import Plan, Step
    from toyspec.run.refusals import Cause
    from toyspec.spec.model import Text

SYNTAX = Syntax(
    "exec",
    "Run a command in a box that is up: where its own command is, and with no more rights.",
    (
        *BY_NAME,
        replace(ENV, help="set a variable for the command; alone: the caller's own"),
        replace(DIRECTORY, help="where the command starts, inside the box"),
        NO_TERMINAL,
        STATUS,
        replace(VERBOSE, help="tracebacks"),
        COLOR,
        HELP,
    ),
    about=(
        ("SPEC", "the spec that names the box; without both: toyspec.yaml, here or above"),
        ("NAME", "the box, which is up; after SPEC: what that must name"),
        ("ARGV", "the command to run in it"),
    ),
)
TOYSPEC_FAILED = 125
_JOINS = frozenset(("pidfd_open", "statx", "setns"))


def exec_in_box(args: list[str], kept: Kept | None, began: int) -> int:
    """Find the box, plan from its own plan, compile, and become that. Returns only by FatalError.

    `kept`: where that is kept for the next time. `began`: when this command did, in nanoseconds.
    """
    refuse_bare_command(args, SYNTAX)
    words = parse(args, SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    if words.argv is None:
        named = " ".join(words.words) or "NAME"
        raise UsageError("no command to run in the box", f"toyspec exec {named} -- COMMAND…")
    status = status_fd(words)
    refuse_ways_out()
    box = _box(words)
    look = Look() if kept is None else kept.look  # its answers are what that is kept by
    plan, variables, callers = entering(box, words, look, status)
    told = [] if status is None else ["--status", str(status)]
    program = program_of(plan, box.spec, replaces=kept is not None)
    if kept is not None and dict(plan.host).get("close_range_cloexec"):
        kept.keep(program, variables.keys() - callers, callers, began)
    _become(program, variables, told)
    raise AssertionError("unreachable")


def _box(words: Words) -> RunningBox:
    """The box that is meant; raises FatalError, whose status is exec's own."""
    try:
        return box_of(words, TOYSPEC_FAILED)
    except FatalError as error:
        error.status = TOYSPEC_FAILED
        raise


def box_of(words: Words, absent: int) -> RunningBox:
    """The same for whoever prints the plan: `absent` is the status where there is none of it."""
    look = Look()
    found = list[RunningBox]()

    def find(name: str) -> int:
        found.append(running_box(name, look))
        return 0

    for_one(words, SYNTAX, look, find, absent)
    return found[0]


def entering(
    box: RunningBox, words: Words, look: Look, status: int | None = None, *, printing: bool = False
) -> tuple[Plan, dict[str, str], set[str]]:
    """exec's plan, the variables that it takes, and which of them are the caller's now. `status`: a descriptor that the monitor keeps.
    `printing`: standard output takes the plan, and will not be the command's.
    """
    from toyspec.plan.entering import EnteringError, exec_plan

    given = overrides(words)
    variables = dict(box.variables)
    callers: set[str] = set()
    environment: list[tuple[str, Text]] = []
    for name, text in given.environment:
        if text is None:
            if (own := os.environ.get(name)) is None:
                raise UsageError(f"-e {name}: this variable is not set here", f"-e {name}=VALUE")
            variables[name] = own
            callers.add(name)
        environment.append((name, (Variable(name),) if text is None else (text,)))
    own_terminal = not words.flag("no-terminal") and terminal(look, printing=printing)
    if own_terminal and "TERM" in os.environ and not _has(box.plan, environment, "TERM"):
        environment.append(("TERM", (Variable("TERM"),)))
        variables["TERM"] = os.environ["TERM"]
        callers.add("TERM")
    entrant = Entrant(
        argv=given.init or (),
        environment=tuple(environment),
        working_dir=given.working_dir,
        variables=variables,
        terminal=own_terminal,
        errors=look.ask(streams)[5],
        tty=any(os.isatty(fd) for fd in range(3) if not printing or fd != 1),
        inherited=_inherited(),
        kept=status,
    )
    try:
        plan = exec_plan(box.plan, box.running, entrant)
    except EnteringError as error:
        raise FatalError(
            f"the box `{box.plan.box}` cannot be entered: {error}",
            f"another version of toyspec planned it: toyspec restart {box.plan.box} plans it anew",
        ) from None
    taken = {name: variables[name] for name in wanted(plan) if name in variables}
    return plan, taken, callers & taken.keys()


def _has(box: Plan, environment: Sequence[tuple[str, Text]], name: str) -> bool:
    """Whether the command gets a variable anyway."""
    if any(each == name for each, _ in environment):
        return True
    entries = [a.value.entries for a in box.steps[-1].args if isinstance(a.value, Environment)]
    return any(each == name for each, _ in entries[0])


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


def _become(program: bytes, variables: dict[str, str], given: Sequence[str]) -> None:
    """Execute it compiled and from memory: no interpreter is ever in the box, nor is a file of the
    host's its /proc/PID/exe. `given` are words for it; the box may see them. Raises FatalError.
    """
    from toyspec.start import memory

    try:
        memory.execute("toyspec", memoryview(program), ["toyspec", *given], variables)
    except OSError as error:
        raise FatalError(
            f"a program in memory cannot be executed: {error.strerror}",
            "sysctl vm.memfd_noexec must not be 2, and memory not used up",
        ) from None


def program_of(plan: Plan, spec: bytes, *, replaces: bool = False) -> bytes:
    """exec's plan as an executable; with the spec's text it explains what fails. `replaces`: another
    command may be given to it.
    """
    from toyspec.cli.messages import unexecuted
    from toyspec.emit.compiled import VARIANTS, Baked, Variant, compiled
    from toyspec.program.lower import LowerError, lower

    try:
        lowered = lower(plan, None)
    except LowerError as error:
        about = {"spec": plan.spec_path, "words": []}
        raise damaged(plan.box, str(error), about) from None
    variant = Variant(plan, lowered, messages=_messages(plan, spec), unexecuted=unexecuted(plan))
    return compiled(
        dict.fromkeys(VARIANTS, variant), Baked(os.getuid(), os.getgid(), replaces=replaces)
    )


def _messages(plan: Plan, spec: bytes) -> Sequence[Message]:
    from toyspec.cli.messages import messages

    return messages(plan, spec, lambda step: _likely(step, plan.box))


def _likely(step: Step, box: str) -> Cause:
    """What stands behind a failure to join, or to get a terminal, whatever the kernel calls it."""
    from toyspec.run.refusals import WITHOUT_TERMINAL

    if step.yields == "master" or (
        step.expects and step.expects.filesystem == "DEVPTS_SUPER_MAGIC"
    ):
        return None, WITHOUT_TERMINAL
    if step.role != "setup" or not (step.call in _JOINS or step.yields == "init"):
        return None, None
    if step.yields == "init":
        return (
            "the box ended meanwhile; or no process more may be made: a limit of processes, or "
            "kernel.pid_max, is reached",
            f"toyspec ps says whether {box} is up; if it is, end some processes, or raise the limit",
        )
    return (
        "the box ended meanwhile, or what runs in it made namespaces of its own",
        f"toyspec ps says whether it is up; toyspec restart {box} begins it anew",
    )
