"""From words to a Spec: which file is meant, its bytes, and the loader's verdict."""

from __future__ import annotations

import os
import stat
from errno import EINVAL, EISDIR
from typing import TYPE_CHECKING, NamedTuple

from toyspec.cli.error import FatalError, Reported, UsageError
from toyspec.cli.streams import colour, say
from toyspec.cli.words import Syntax, Words, a_file, spec_and_name
from toyspec.host.look import Look

if TYPE_CHECKING:
    from collections.abc import Callable

    from toyspec.host.facts import HostFacts
    from toyspec.plan.error import PlanError
    from toyspec.plan.step import Plan
    from toyspec.spec.model import Spec
    from toyspec.spec.problem import SpecError
    from toyspec.spec.surroundings import Overrides, Surroundings

INVALID = 1
"""The status of `plan` and `check` for a spec that is not valid."""


class Source(NamedTuple):
    """A spec's text: the path as people named it, the directory that it is relative to."""

    path: str
    directory: str
    data: bytes
    name: str | None


def home(look: Look) -> str:
    """The caller's home: $HOME, else the password file's."""
    from toyspec.host.look import account, ids, variable

    named = look.ask(variable, "HOME") or ""
    if named.startswith("/"):
        return named
    entry = look.ask(account, str(look.ask(ids)[0]))
    return "/" if entry is None else entry[1]


def read(words: Words, syntax: Syntax, look: Look | None = None) -> Source:
    """Find and read the spec; raises UsageError or FatalError."""
    path, name = spec_and_name(words, syntax)
    try:
        here = os.getcwd()
    except OSError as error:
        raise FatalError(f"the working directory: {error.strerror}", "cd somewhere") from None
    if path == "-":
        return Source("<stdin>", here, _bytes("standard input", 0), name)
    if path is None:
        from toyspec.cli.find import find

        try:
            path = find(here, home(look or Look()), os.getuid(), syntax.verb)
        except FatalError:
            if name is not None and (said := a_file(name)) is not None:
                raise UsageError(*said) from None
            raise
        if "/" in path and not words.flag("quiet"):
            from toyspec.show.text import escape

            say(f"toyspec: using {escape(path)}\n")
    directory = os.path.realpath(os.path.dirname(os.path.join(here, path)))
    return Source(path, directory, read_file(path), name)


def read_file(path: str) -> bytes:
    """A file's bytes; raises FatalError, also for more than a spec may have."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise FatalError(f"{path}: {error.strerror}", _missing(path)) from None
    except ValueError:
        raise FatalError(f"{path!r} is no path") from None
    try:
        return _bytes(path, fd)
    finally:
        os.close(fd)


def _missing(path: str) -> str | None:
    if os.path.lexists(path):
        return None
    from toyspec.cli.near import near

    folder = os.path.dirname(path)
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return None
    specs = {os.path.splitext(name)[0]: name for name in names if name.endswith((".yaml", ".yml"))}
    guess = near(os.path.splitext(os.path.basename(path))[0], specs)
    return f"did you mean {os.path.join(folder, specs[guess])}?" if guess else None


def _in_directory(path: str) -> str:
    """The spec in a directory that was named in its place."""
    from toyspec.cli.find import NAMES

    there = [os.path.join(path, name) for name in NAMES]
    found = next((each for each in there if os.path.isfile(each)), None)
    return f"name the spec in it: {found}" if found else f"no {' or '.join(NAMES)} is in it"


def _bytes(name: str, fd: int) -> bytes:
    from toyspec.spec.decode import MAX_BYTES

    pieces, size = [], 0
    try:
        status = os.fstat(fd)
        if stat.S_ISREG(status.st_mode) and status.st_size > MAX_BYTES:
            raise _too_big(name, MAX_BYTES)
        while piece := os.read(fd, 1 << 20):
            size += len(piece)
            if size > MAX_BYTES:
                raise _too_big(name, MAX_BYTES)
            pieces.append(piece)
    except OSError as error:
        remedy = _in_directory(name) if error.errno == EISDIR else None
        raise FatalError(f"{name}: {error.strerror}", remedy) from None
    return b"".join(pieces)


def _too_big(name: str, most: int) -> FatalError:
    return FatalError(
        f"{name} is larger than {most >> 20} MiB, and was not read",
        "a spec is small",
        status=INVALID,
    )


def overrides(words: Words) -> Overrides:
    """What `-e`, `-w` and `-- ARGV` put in the spec's place; raises UsageError."""
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
    return Overrides(environment=tuple(pairs), working_dir=directory, init=words.argv)


def surroundings(
    source: Source, facts: HostFacts | None, look: Look, *, plans: bool, printing: bool = False
) -> Surroundings:
    """What the loader may know of the caller: of this one, or of the one in saved facts.

    `plans`: a plan will be made, which must agree with the loader about the terminal, and about
    whether standard output is for `printing`.
    """
    from toyspec.host.variables import Variables
    from toyspec.spec.surroundings import Surroundings

    return Surroundings(
        directory=source.directory,
        home=home(look) if facts is None else facts.home,
        variables=Variables(look),
        terminal=plans and _terminal(look, printing) if facts is None else facts.terminal,
        read=_read_beside(look),
    )


def _read_beside(look: Look) -> Callable[[str, int], bytes]:
    """How a file is read that a spec names as a part of itself."""
    from toyspec.host.look_paths import part

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

    caller = surroundings(source, facts, look or Look(), plans=plans, printing=printing)
    spec = load(source.data, source.path, caller, overrides(words))
    if source.name is None or source.name == spec.name:
        return spec
    said = a_file(source.name) if words.one("file") is None and not words.words[1:] else None
    raise UsageError(
        f"no box `{source.name}` in {source.path}: it describes `{spec.name}`",
        f"{said[0]}; {said[1]}"
        if said is not None
        else f"a command to run in it goes after `--`: -- {source.name}",
    )


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
    edit: Callable[[HostFacts], HostFacts] = lambda facts: facts,
) -> tuple[HostFacts, Plan]:
    """The plan for this machine, or for that of the `saved` facts; as `edit` changes them.

    `look` takes what is asked of the machine. `printing`: standard output takes the plan or the facts, and will not be the box's.
    Where there is none, the reasons on standard error and Reported(`invalid`).
    """
    from toyspec.host.facts import FactMissing
    from toyspec.plan.error import PlanError
    from toyspec.plan.planner import gather, plan

    try:
        if saved is not None:
            return edit(saved), plan(spec, edit(saved))
        from toyspec.host.probe import probe

        one = look or Look()
        return gather(spec, lambda needs: edit(probe(needs, printing=printing, look=one)))
    except PlanError as error:
        say(problems(error, source, colour(words, 2)))
        raise Reported(invalid) from None
    except OSError as error:  # a look at the machine; a spec's own paths are facts, never errors
        remedy = "mount -t proc proc /proc" if str(error.filename).startswith("/proc") else None
        raise FatalError(f"{error.filename}: {error.strerror}", remedy) from None
    except FactMissing as missing:
        if saved is None:
            raise
        what = " ".join(missing.question)
        raise FatalError(
            f"{words.one('facts')} does not say: {what}",
            "record facts for this very spec: toyspec facts SPEC",
        ) from None


def problems(error: PlanError, source: Source, coloured: bool) -> str:
    """What stands against a plan, each at its line of the spec."""
    from toyspec.show.failure import plan_error_text

    return plan_error_text(error, source.path, source.data, coloured)
