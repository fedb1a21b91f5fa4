"""From words to a Spec and a Plan: what the loader and the planner say."""

from __future__ import annotations

import os
from errno import EINVAL
from typing import TYPE_CHECKING

from toyspec.cli.error import FatalError, Reported, UsageError
from toyspec.cli.source import Source, home
from toyspec.cli.streams import colour, say
from toyspec.cli.words import DETACH, NO_TERMINAL, RUNS, Words, a_file
from toyspec.start.look import Look

if TYPE_CHECKING:
    from collections.abc import Callable

    from toyspec.host.facts import HostFacts
    from toyspec.plan.error import PlanError
    from toyspec.plan.step import Plan
    from toyspec.spec.model import Spec
    from toyspec.spec.problem import SpecError
    from toyspec.spec.surroundings import Overrides, Surroundings


def overrides(words: Words) -> Overrides:
    """What `-e`, `-w`, `-d` and `-- ARGV` put in the spec's place; raises UsageError."""
    from toyspec.spec.surroundings import Overrides

    pairs: list[tuple[str, str | None]] = []
    for text in words.every("env"):
        key, equals, value = text.partition("=")
        if not key:
            raise UsageError(f"-e {text}: a variable needs a name", "-e KEY=VALUE, or -e KEY")
        pairs.append((key, value if equals else None))
    directory = words.one("working-dir")
    if directory is not None and not directory.startswith("/"):
        raise UsageError(
            f"-w {directory}: the working directory is a path inside the box",
            "it begins with /",
        )
    return Overrides(
        environment=tuple(pairs),
        working_dir=directory,
        init=words.argv,
        reaper=True if words.flag(RUNS.key) or words.flag(DETACH.key) else None,
        detached=words.flag(DETACH.key),
    )


def surroundings(
    source: Source,
    words: Words,
    facts: HostFacts | None,
    look: Look,
    *,
    plans: bool,
    printing: bool = False,
) -> Surroundings:
    """What the loader may know of the caller: of this one, or of the one in saved facts.

    `plans`: a plan will be made, which must agree with the loader about the terminal, and about
    whether standard output is for `printing`.
    """
    from toyspec.host.variables import Variables
    from toyspec.spec.surroundings import Surroundings

    terminal = plans and _terminal(look, printing) if facts is None else facts.terminal
    return Surroundings(
        directory=source.directory,
        home=home(look) if facts is None else facts.home,
        variables=Variables(look),
        terminal=terminal and not (words.flag(NO_TERMINAL.key) or words.flag(DETACH.key)),
        read=_read_beside(look),
    )


def _read_beside(look: Look) -> Callable[[str, int], bytes]:
    """How a file is read that a spec names as a part of itself."""
    from toyspec.start.look_paths import part

    def read(path: str, most: int) -> bytes:
        found = look.ask(part, f"{most}:{path}")
        if isinstance(found, bytes):
            return found
        if found < 0:
            raise OSError(EINVAL, "not a regular file", path)
        raise OSError(found, os.strerror(found), path)

    return read


def _terminal(look: Look, printing: bool) -> bool:
    from toyspec.host.probe import terminal

    return terminal(look, printing=printing)


def load_spec(
    source: Source,
    words: Words,
    invalid: int,
    facts: HostFacts | None = None,
    *,
    plans: bool = True,
    printing: bool = False,
    look: Look | None = None,
) -> Spec:
    """The Spec, or its problems on standard error and Reported(`invalid`)."""
    from toyspec.spec.problem import SpecError

    try:
        return named_spec(source, words, facts, plans=plans, printing=printing, look=look)
    except SpecError as error:
        say(diagnostics(error, colour(words, 2)))
        raise Reported(invalid) from None


def named_spec(
    source: Source,
    words: Words,
    facts: HostFacts | None = None,
    *,
    plans: bool = True,
    printing: bool = False,
    look: Look | None = None,
) -> Spec:
    """The Spec; raises SpecError, and UsageError where it is another box than the one named."""
    from toyspec.spec.load import load

    caller = surroundings(source, words, facts, look or Look(), plans=plans, printing=printing)
    spec = load(source.data, source.path, caller, overrides(words))
    if source.name is None or source.name == spec.name:
        return spec
    alone = words.one("file") is None and not words.words[1:]
    said = a_file(source.name) if alone else None
    raise UsageError(
        f"no box `{source.name}` in {source.path}: it describes `{spec.name}`",
        f"{said[0]}; {said[1]}" if said is not None else _in_its_place(source.name, spec, words),
    )


def _in_its_place(name: str, spec: Spec, words: Words) -> str:
    """What helps where a word is not the box's name: that, or the command that the word begins."""
    from toyspec.cli.near import near
    from toyspec.cli.typed import sorted_out, with_command

    syntax = words.syntax
    found = None if syntax is None else sorted_out(list(words.typed), syntax)
    if syntax is None or found is None or found.dashes or near(name, (spec.name,)):
        return f"the box is `{spec.name}`: say that, or leave the name out"
    right = with_command(found, syntax, has_spec=True)
    return f"a command to run in it goes after `--`: {right}"


def diagnostics(error: SpecError, coloured: bool) -> str:
    """The problems as people read them."""
    from toyspec.show.diagnostics import render

    return render(error.problems, coloured)


def make_plan(
    spec: Spec,
    source: Source,
    words: Words,
    invalid: int,
    saved: HostFacts | None = None,
    *,
    printing: bool = False,
    look: Look | None = None,
    used: set[str] | None = None,
    edit: Callable[[HostFacts], HostFacts] = lambda facts: facts,
) -> tuple[HostFacts, Plan]:
    """The plan for this machine, or for that of the `saved` facts; as `edit` changes them.

    `look` takes what is asked of the machine, `used` the names of facts that are read. `printing`:
    standard output takes the plan or the facts, and will not be the box's.
    Where there is none, the reasons on standard error and Reported(`invalid`).
    """
    from toyspec.host.apart import apart
    from toyspec.host.facts import FactMissing, FactsError
    from toyspec.plan.error import PlanError
    from toyspec.plan.planner import gather, plan

    def judged(facts: HostFacts) -> HostFacts:
        if words.flag(DETACH.key):
            return away(edit(facts))
        return apart(edit(facts)) if words.flag(NO_TERMINAL.key) else edit(facts)

    try:
        if saved is not None:
            return judged(saved), plan(spec, judged(saved))
        from toyspec.host.probe import probe

        one = look or Look()

        def noting(facts: HostFacts) -> HostFacts:
            if used is None:
                return facts
            from toyspec.host.used import noting as into

            return into(facts, used)

        return gather(spec, lambda needs: judged(probe(needs, printing=printing, look=one)), noting)
    except PlanError as error:
        say(problems(error, source, colour(words, 2)))
        raise Reported(invalid) from None
    except OSError as error:  # a look at the machine; a spec's own paths are facts, never errors
        remedy = "mount -t proc proc /proc" if str(error.filename).startswith("/proc") else None
        raise FatalError(f"{error.filename}: {error.strerror}", remedy) from None
    except FactsError as error:
        raise FatalError(str(error), "if setarch(8) has it say so: do without") from None
    except FactMissing as missing:
        if saved is None:
            raise
        what = " ".join(missing.question)
        raise FatalError(
            f"{words.one('facts')} does not say: {what}",
            "record facts for this very spec: toyspec facts SPEC",
        ) from None


def away(facts: HostFacts) -> HostFacts:
    """Of a box that nobody waits for: no terminal, and nothing else of the caller's process."""
    from toyspec.host.apart import apart
    from toyspec.values import replace

    return replace(apart(facts), tty=False, inherited=(), ignored=())


def problems(error: PlanError, source: Source, coloured: bool) -> str:
    """What stands against a plan, each at its line of the spec."""
    from toyspec.show.failure import plan_error_text

    return plan_error_text(error, source.path, source.data, coloured)
