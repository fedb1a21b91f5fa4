"""What goes out: standard output, standard error, and whether they are coloured."""

from __future__ import annotations

import os
import sys

from toyspec.cli.error import FatalError, Reported

TYPE_CHECKING = False  # typing's own costs its import, which `--version` does not need
if TYPE_CHECKING:
    from toyspec.cli.words import Words

_LONGEST = 600  # characters of one message: words may be as long as a command line
_NARROWEST = 40  # columns below which nothing could be read
CLOSED_PIPE = 141  # 128 + SIGPIPE: what any tool's status is where nobody reads on


def colour(words: Words, fd: int) -> bool:
    """`--color`, then NO_COLOR and FORCE_COLOR, then whether `fd` is a terminal."""
    choice = words.one("color") or "auto"
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return os.isatty(fd) and os.environ.get("TERM", "dumb") != "dumb"


def columns(fd: int) -> int | None:
    """The width of the terminal `fd` in columns, or what COLUMNS says where it is none.

    None where nothing says it: lines are as long as they are.
    """
    try:
        found = os.get_terminal_size(fd).columns
    except OSError:
        text = os.environ.get("COLUMNS", "")
        found = int(text) if text.isdecimal() and len(text) < 6 else 0
    return max(found, _NARROWEST) if found > 0 else None


def put(text: str, fd: int = 1) -> None:
    """Write all of `text` at once. A closed pipe ends the command quietly."""
    put_all(text.encode("utf-8", "surrogateescape"), fd)


def put_all(data: bytes, fd: int) -> None:
    """The same with bytes as they are."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(fd, left) :]
    except BrokenPipeError:
        raise Reported(CLOSED_PIPE) from None
    except OSError as error:
        name = {1: "standard output", 2: "standard error"}.get(fd, f"descriptor {fd}")
        raise FatalError(f"cannot write to {name}: {error.strerror}") from None


def refuse_ways_out() -> None:
    """Raises FatalError where a standard stream, which crosses into the box, leads out of it: what is
    only a place (O_PATH) does, as /proc/self/fd/0/.. is a path like any other. So does a directory,
    with which no Python begins (init_sys_streams): that is the front's to say.
    """
    import fcntl

    for fd, name in enumerate(("standard input", "standard output", "standard error")):
        try:
            flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        except OSError:
            continue  # closed
        if flags & os.O_PATH:
            message = f"{name} was opened with O_PATH, a way out of the box"
            raise FatalError(message, "give it a file or a pipe")


def tell(message: str, remedy: str | None) -> None:
    """An error in words, and what helps."""
    from toyspec.show.text import escape, fit

    text = f"toyspec: error: {fit(escape(message), _LONGEST)}\n"
    say(text + (f"  {fit(escape(remedy), _LONGEST)}\n" if remedy else ""))


def say(text: str) -> None:
    """Write to standard error, if anybody is there."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass  # closed: there is nobody left to tell
