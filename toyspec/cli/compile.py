"""`toyspec compile`: a box as one static executable, which needs nothing of toyspec to run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from toyspec.cli.box import load_spec, make_plan, problems
from toyspec.cli.error import FatalError, Reported, UsageError
from toyspec.cli.output import begins, refuse_own_sources, refuse_to_replace, write_file
from toyspec.cli.plan import saved_facts
from toyspec.cli.source import INVALID, read
from toyspec.cli.streams import colour, put, say
from toyspec.cli.words import COMMON, PLANNING, Option, Syntax, Words, help_text, parse
from toyspec.start.look import Look
from toyspec.start.places import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toyspec.cli.source import Source
    from toyspec.emit.compiled import Variant
    from toyspec.host.facts import HostFacts
    from toyspec.plan.step import Plan
    from toyspec.program.program import Program
    from toyspec.spec.model import Spec

SYNTAX = Syntax(
    "compile",
    "Write a box as one static executable: FILE runs it, FILE -- ARGV another command in it,\n"
    "FILE --plan prints what it does. It is for you, on this machine and those like it.",
    (
        Option(("-o", "--output"), "the executable that is written", "FILE"),
        *PLANNING,
        Option(("--facts",), "for the machine that `toyspec facts` recorded", "FILE"),
        Option(("--force",), "replace FILE even if it is no compiled box"),
        *COMMON,
    ),
)
_MODE = 0o755


class _Place(NamedTuple):
    """Where a file may find itself: see `HostFacts`."""

    terminal: bool
    errors: bool
    tty: bool


_PLACES = {
    "plain": _Place(False, False, False),
    "tty": _Place(False, False, True),
    "terminal": _Place(True, True, False),
    "apart": _Place(True, False, True),
}


def compile_box(args: list[str]) -> int:
    """Load, plan for each place that the file may find itself in, emit, write."""
    words = parse(args, SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    target = words.one("output")
    if target is None:
        raise UsageError("where shall the box be written?", "-o FILE")
    if target == "-":
        raise UsageError("a box is a file, and nothing for standard output", "-o FILE")
    refuse_to_replace(target, words, "compiled box", _is_box)
    source, look = read(words, SYNTAX), Look()
    saved = saved_facts(words)
    made = _plans(source, words, saved, look, _own_place(target))
    refuse_own_sources(target, source, words, look)
    data = _emitted(made, source, saved is not None)
    facts = made.facts
    write_file(target, data, _MODE & ~_umask())
    if not words.flag("quiet"):
        from toyspec.show.text import escape

        say(f"toyspec: {escape(target)}: {len(data)} bytes, for uid {facts.uid} on {facts.arch}\n")
    return 0


class _Made(NamedTuple):
    """A plan for each place; equal ones are one value. And which variables may not be empty; what of the
    host's the box may write; where the file has to lie, as the box covers it there, if it shows it.
    """

    facts: HostFacts
    plans: dict[str, Plan]
    wanted: Mapping[str, str]
    writable: tuple[str, ...]
    place: str | None


def _own_place(target: str) -> str:
    """Where the file will be."""
    directory, name = os.path.split(os.path.abspath(target))
    return os.path.join(os.path.realpath(directory), name)


def _plans(source: Source, words: Words, saved: HostFacts | None, look: Look, place: str) -> _Made:
    """`look` takes which files the spec includes. `place`: of the file, which counts as toyspec's own
    code there, and as one that is there. What `saved` facts are of is another machine.
    """
    from toyspec.host.facts import PathFact
    from toyspec.values import replace

    there = {place: PathFact("file", real=place, real_kind="file", uid=os.getuid(), mode=_MODE)}
    if saved is None:
        spec = load_spec(source, words, INVALID, printing=True)
        _check(spec, source, colour(words, 2))
        saved_or_own, _ = make_plan(spec, source, words, INVALID, printing=True)
    else:
        saved_or_own = saved
    plans: dict[str, Plan] = {}
    wanted: Mapping[str, str] = {}
    writable = dict[str, None]()
    covered = False
    for name, at in _PLACES.items():

        def edit(facts: HostFacts, at: _Place = at) -> HostFacts:
            if saved is None:
                own = (*facts.installation, place)
                facts = replace(facts, installation=own, paths={**facts.paths, **there})
            return replace(
                facts,
                terminal=at.terminal,
                terminal_errors=at.errors,
                tty=at.tty,
                inherited=(),
                ignored=(),
            )

        spec = load_spec(source, words, INVALID, edit(saved_or_own), look=look)
        _check(spec, source, colour(words, 2))
        _, plan = make_plan(spec, source, words, INVALID, saved, edit=edit)
        wanted = spec.wanted
        shown = [os.path.join(spec.directory, each.source) for each in plan.exposure.writable]
        writable |= dict.fromkeys(map(os.path.normpath, shown))
        covered |= saved is None and any(each.path == place for each in plan.watched)
        plans[name] = next((each for each in plans.values() if each == plan), plan)
    return _Made(saved_or_own, plans, wanted, tuple(writable), place if covered else None)


def _check(spec: Spec, source: Source, coloured: bool) -> None:
    """No value of a variable may get into the file: each place that has one is told."""
    from toyspec.plan.error import PlanError, PlanProblem

    found = []
    if spec.env_file:
        message = "a spec with `env_file` cannot be compiled: its values would lie in the file"
        remedy = "take the variables from the caller instead: environment: [NAME]"
        found.append(PlanProblem(message, spec.origin("env_file"), remedy))
    for file in spec.files:
        names = [part.name for part in file.content or () if not isinstance(part, str)]
        if names:
            message = f"this cannot be compiled: the value of {names[0]} would lie in the file"
            remedy = "only `environment` takes variables when a compiled box runs"
            found.append(PlanProblem(message, spec.origin(f"{file.at}.content"), remedy))
    if found:
        say(problems(PlanError(*found), source, coloured))
        raise Reported(INVALID)


def _emitted(found: _Made, source: Source, saved: bool) -> bytes:
    """The file. Of `saved` facts this machine knows nothing more than they say."""
    from toyspec.cli.messages import messages, unexecuted, watches
    from toyspec.emit.compiled import Baked, Variant, compiled
    from toyspec.emit.plan_json import to_json

    facts, plans = found.facts, found.plans
    made: dict[int, Variant] = {}
    for plan in plans.values():
        if id(plan) not in made:
            made[id(plan)] = Variant(
                plan,
                _lowered(plan),
                messages(plan, source.data, lasting=True),
                watches(plan),
                to_json(plan).encode(),
                found.wanted,
                unexecuted(plan),
            )
    baked = Baked(
        facts.uid,
        facts.gid,
        home=facts.home,
        home_unset=not saved and facts.home == _own_home(facts.uid),
        replaces=True,
        as_file=True,
        places=tuple(
            (name, facts.variables[name]) for name in sorted(VARIABLES) if name in facts.variables
        ),
        place=found.place,
        writable=found.writable,
    )
    try:
        return compiled({name: made[id(plan)] for name, plan in plans.items()}, baked)
    except ValueError:
        steps = max(len(plan.steps) for plan in plans.values())
        raise FatalError(
            f"the plan has {steps} steps, and what it takes is more than a file has room for",
            "bind a directory that holds what is bound one by one, or use `up`",
            status=INVALID,
        ) from None


def _lowered(plan: Plan) -> Program:
    """Without variables, of which no value may get into the file; raises FatalError."""
    from toyspec.program.lower import LowerError, lower

    try:
        return lower(plan, None)
    except LowerError as error:
        step = plan.steps[error.step - 1]
        line = f":{step.origin.line}" if step.origin.default is None else ""
        message = f"{plan.spec_path}{line}: {step.item}: this cannot be compiled: {error.reason}"
        raise FatalError(message, "use `up`", status=INVALID) from None


def _own_home(uid: int) -> str | None:
    """What stands for HOME where that is not set."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return None


def _is_box(target: str) -> bool:
    from toyspec.emit.elf import HEADERS, is_box

    return is_box(begins(target, HEADERS))


def _umask() -> int:
    now = os.umask(0o022)
    os.umask(now)
    return now
