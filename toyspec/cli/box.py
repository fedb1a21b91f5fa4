"""From words to a Spec: which file is meant, its bytes, and the loader's verdict."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from toyspec.cli.error import FatalError, Reported, UsageError
from toyspec.cli.streams import colour, say
from toyspec.cli.words import Syntax, Words, is_name, spec_and_name

if TYPE_CHECKING:
    from toyspec.host.facts import HostFacts
    from toyspec.plan.error import PlanError
    from toyspec.plan.step import Plan
    from toyspec.spec.load import Overrides, Surroundings
    from toyspec.spec.model import Spec
    from toyspec.spec.problem import SpecError

INVALID = 1
"""The status of `plan` and `check` for a spec that is not valid."""

MOST = 8 << 20
"""The most bytes a spec may have: above it nothing is parsed."""


class Source(NamedTuple):
    """A spec's text: the path as people named it, the directory that it is relative to."""

    path: str
    directory: str
    data: bytes
    name: str | None


def home() -> str:
    """The caller's home: $HOME, else the password file's."""
    named = os.environ.get("HOME", "")
    if named.startswith("/"):
        return named
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"


def read(words: Words, syntax: Syntax) -> Source:
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

        path = find(here, home(), os.getuid())
        if "/" in path and not words.flag("quiet"):
            from toyspec.show.text import escape

            say(f"toyspec: using {escape(path)}\n")
    directory = os.path.dirname(os.path.normpath(os.path.join(here, path)))
    return Source(path, directory, read_file(path), name)


def read_file(path: str) -> bytes:
    """A file's bytes, at most MOST and one more; raises FatalError."""
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
    from difflib import get_close_matches

    folder = os.path.dirname(path)
    try:
        names = [name for name in os.listdir(folder or ".") if name.endswith((".yaml", ".yml"))]
    except OSError:
        return None
    near = get_close_matches(os.path.basename(path), names, n=1)
    return f"did you mean {os.path.join(folder, near[0])}?" if near else None


def _bytes(name: str, fd: int) -> bytes:
    pieces, size = [], 0
    try:
        status = os.fstat(fd)
        if stat.S_ISREG(status.st_mode) and status.st_size > MOST:
            return _too_big(name, f"{status.st_size / (1 << 20):.1f} MiB")
        while piece := os.read(fd, 1 << 20):
            size += len(piece)
            if size > MOST:
                return _too_big(name, "more")
            pieces.append(piece)
    except OSError as error:
        raise FatalError(f"{name}: {error.strerror}") from None
    return b"".join(pieces)


def _too_big(name: str, size: str) -> bytes:
    raise FatalError(
        f"{name}: a spec of {size} than {MOST >> 20} MiB is not read"
        if size == "more"
        else f"{name}: {size}; a spec has at most {MOST >> 20} MiB",
        status=INVALID,
    )


def overrides(words: Words) -> Overrides:
    """What `-e`, `-w` and `-- ARGV` put in the spec's place; raises UsageError."""
    from toyspec.spec.load import Overrides

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


def surroundings(source: Source, facts: HostFacts | None = None) -> Surroundings:
    """What the loader may know of the caller: of this one, or of the one in saved facts."""
    from toyspec.spec.load import Surroundings

    if facts is not None:
        return Surroundings(
            directory=source.directory,
            home=facts.home,
            variables=os.environ,
            terminal=facts.terminal,
            caller_uid=facts.uid,
        )
    return Surroundings(
        directory=source.directory,
        home=home(),
        variables=os.environ,
        terminal=os.isatty(0) and os.isatty(1),
        caller_uid=os.getuid(),
    )


def load_spec(source: Source, words: Words, invalid: int, facts: HostFacts | None = None) -> Spec:
    """The Spec, or its problems on standard error and Reported(`invalid`)."""
    from toyspec.spec.load import load
    from toyspec.spec.problem import SpecError

    try:
        spec = load(source.data, source.path, surroundings(source, facts), overrides(words))
    except SpecError as error:
        say(diagnostics(error, source, colour(words, 2)))
        raise Reported(invalid) from None
    if source.name is not None and source.name != spec.name:
        raise UsageError(
            f"no box `{source.name}` in {source.path}: it describes `{spec.name}`",
            f"a command to run in it goes after `--`: -- {source.name}"
            if is_name(source.name)
            else None,
        )
    return spec


def diagnostics(error: SpecError, source: Source, coloured: bool) -> str:
    """The problems as people read them."""
    from toyspec.show.diagnostics import render

    return render(error.problems, source.data, coloured)


def make_plan(spec: Spec, facts: HostFacts, source: Source, words: Words, invalid: int) -> Plan:
    """The plan, or why there is none on standard error and Reported(`invalid`)."""
    from toyspec.host.facts import FactMissing
    from toyspec.plan.error import PlanError
    from toyspec.plan.planner import plan

    try:
        return plan(spec, facts)
    except PlanError as error:
        say(problems(error, source, colour(words, 2)))
        raise Reported(invalid) from None
    except FactMissing as missing:
        if not words.flag("facts"):
            raise
        what = " ".join(missing.question)
        raise FatalError(
            f"the facts do not say: {what}", "record them for this very spec: toyspec facts SPEC"
        ) from None


def problems(error: PlanError, source: Source, coloured: bool) -> str:
    """What stands against a plan, each at its line of the spec."""
    from toyspec.show.failure import problem_lines
    from toyspec.show.paint import render

    return render(
        [line for each in error.problems for line in problem_lines(each, source.path, source.data)],
        coloured,
    )
