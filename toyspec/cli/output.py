"""The file that a verb writes: what is not replaced by it, and how it comes into its place."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from toyspec.cli.error import FatalError, UsageError
from toyspec.cli.source import STDIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from toyspec.cli.source import Source
    from toyspec.cli.words import Words
    from toyspec.start.look import Look


def refuse_to_replace(target: str, words: Words, what: str, is_one: Callable[[str], bool]) -> None:
    """What is no file is never replaced; one that is no `what`, as `is_one` has it, by --force only."""
    if not target:
        raise UsageError("the file needs a name", "-o FILE")
    try:
        seen = os.lstat(target).st_mode
        if stat.S_ISDIR(seen):
            raise FatalError(f"{target} is a directory", f"name a file in it: -o {target}/box")
        if not stat.S_ISREG(seen) and not stat.S_ISLNK(seen):
            raise FatalError(f"{target} is there, and no file", "it needs a name of its own")
        if not words.flag("force") and not is_one(target):
            raise FatalError(f"{target} is there, and no {what}", "--force replaces it")
    except FileNotFoundError:
        return  # or a symbolic link that leads nowhere
    except OSError as error:
        raise FatalError(f"{target}: {error.strerror}") from None
    except ValueError:
        raise FatalError(f"{target!r} is no path") from None


def refuse_own_sources(target: str, source: Source, words: Words, look: Look) -> None:
    """Nothing that was read to make the file is replaced by it: the spec, the files that it includes as
    `look` has them, saved facts.
    """
    read = [(source.path, "the spec itself")] if source.path != STDIN else []
    facts = words.one("facts") if "facts" in words.options else None
    read += [(facts, "the facts")] if facts is not None else []
    read += [
        (about.partition(":")[2], "a part of the spec")
        for name, about in look.answers
        if name == "part"
    ]
    for path, what in read:
        if _is_same(target, path):
            raise FatalError(f"{target} is {what}: it is not replaced", "-o FILE of another name")


def _is_same(target: str, path: str) -> bool:
    try:
        return os.path.samefile(target, path)
    except OSError:
        return False  # one of them is not there


def begins(target: str, size: int) -> bytes:
    """What a file begins with; nothing of what is no regular file. Raises OSError."""
    fd = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        return os.read(fd, size) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    finally:
        os.close(fd)


def write_file(target: str, data: bytes, mode: int) -> None:
    """All at once: beside the target, then in its place. Raises FatalError."""
    beside = os.path.join(os.path.dirname(target), f".toyspec-{os.getpid()}.tmp")
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(fd, "wb") as file:
                file.write(data)
                os.fchmod(fd, mode)
            os.rename(beside, target)
        except OSError:
            os.unlink(beside)
            raise
    except OSError as error:
        raise FatalError(f"{target} cannot be written: {error.strerror}") from None
