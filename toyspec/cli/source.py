"""Which spec is meant, and its bytes. Light: `up` begins here, whether or not it plans."""

from __future__ import annotations

import os
import stat
from errno import EISDIR

from toyspec.cli.error import FatalError, UsageError
from toyspec.cli.streams import say
from toyspec.cli.words import Syntax, Words, a_file, spec_and_name
from toyspec.start.look import Look, account, ids, variable
from toyspec.start.look_paths import real
from toyspec.values import dataclass

INVALID = 1
"""The status of `plan` and `check` for a spec that is not valid."""

STDIN = "<stdin>"
"""The path of a spec from standard input."""
_SMALL = 1 << 16  # bytes that no limit is asked for


@dataclass(frozen=True, slots=True)
class Source:
    """A spec's text: the path as people named it, the directory that it is relative to."""

    path: str
    directory: str
    data: bytes
    name: str | None

    @property
    def absolute(self) -> str:
        """The path from the root on; of standard input as it is."""
        if self.path == STDIN:
            return self.path
        return os.path.join(self.directory, os.path.basename(self.path))


def home(look: Look) -> str:
    """The caller's home: $HOME, else the password file's."""
    named = look.ask(variable, "HOME") or ""
    if named.startswith("/"):
        return named
    entry = look.ask(account, str(look.ask(ids)[0]))
    return "/" if entry is None else entry[1]


def read(words: Words, syntax: Syntax, look: Look | None = None) -> Source:
    """Find and read the spec; raises UsageError or FatalError."""
    path, name = spec_and_name(words, syntax)
    look = look or Look()
    try:
        here = os.getcwd()
    except OSError as error:
        raise FatalError(f"the working directory: {error.strerror}", "cd somewhere") from None
    if path == "-":
        return Source(STDIN, here, _bytes("standard input", 0), name)
    if path is None:
        from toyspec.cli.find import find

        try:
            path = find(here, home(look), os.getuid(), syntax.verb, look)
        except FatalError as error:
            from toyspec.cli.typed import again

            for usual in ("./dev.yaml", "./toyspec.yaml"):
                short, whole = f"toyspec {syntax.verb} {usual}", again(words, syntax, usual)
                if (error.remedy or "").endswith(short):
                    error.remedy = (error.remedy or "").removesuffix(short) + whole
            if name is None:
                raise
            if (said := a_file(name, lambda spec: again(words, syntax, spec, name))) is not None:
                raise UsageError(*said) from None
            message = f"`{name}` can only be a box's name, and {error.message}"
            raise FatalError(message, error.remedy, status=error.status) from None
        if "/" in path and not words.flag("quiet"):
            from toyspec.show.text import escape

            say(f"toyspec: using {escape(path)}\n")
    directory = look.ask(real, os.path.dirname(os.path.join(here, path)))
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
    pieces, size = [], 0
    try:
        status = os.fstat(fd)
        if stat.S_ISREG(status.st_mode):
            _check_size(name, status.st_size)
        while piece := os.read(fd, 1 << 20):
            size += len(piece)
            _check_size(name, size)
            pieces.append(piece)
    except OSError as error:
        remedy = _in_directory(name) if error.errno == EISDIR else None
        raise FatalError(f"{name}: {error.strerror}", remedy) from None
    return b"".join(pieces)


def _check_size(name: str, size: int) -> None:
    if size <= _SMALL:
        return
    from toyspec.spec.decode import MAX_BYTES

    if size > MAX_BYTES:
        raise FatalError(
            f"{name} is larger than {MAX_BYTES >> 20} MiB, and was not read",
            "a spec is small",
            status=INVALID,
        )
