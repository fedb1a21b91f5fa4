r"""Environment files: `NAME=VALUE` a line, as Compose has them, and nothing in them that two readers
would read in two ways.

    # a comment, on a line of its own
    NAME=the rest of the line, as it is
    QUOTED="with \" \\ \n \r \t \$ and nothing else that begins with a backslash"
    LITERAL='with no escapes at all'
    TAKEN_FROM_THE_CALLER

Where Compose would fill in a variable, cut a comment off or trim, this is an error that says which
quotes to use. What is said never holds what the file holds: it is where secrets are.
"""

from __future__ import annotations

from typing import Final

from toyspec.values import dataclass

MAX_BYTES: Final = 1 << 20
"""Of one file; the kernel takes no environment that is much larger (execve(2))."""
_ESCAPES: Final = {"\\": "\\", '"': '"', "n": "\n", "r": "\r", "t": "\t", "$": "$"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One variable; None is the caller's own value."""

    name: str
    value: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line: its number and column from 1, 0 where it is the whole file."""

    line: int
    column: int
    message: str
    help: str = ""


class _Wrong(Exception):
    def __init__(self, at: int, message: str, help: str = "") -> None:
        self.at, self.message, self.help = at, message, help


def parse(data: bytes) -> tuple[list[Entry], list[Fault]]:
    """Every variable of a file's bytes, in order, and everything that is wrong with it."""
    if len(data) > MAX_BYTES:
        return [], [Fault(0, 0, f"larger than {MAX_BYTES >> 10} KiB", "an environment is small")]
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        return [], [Fault(row, column, "a byte that is not UTF-8", "save the file as UTF-8")]
    entries: dict[str, Entry] = {}
    faults: list[Fault] = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            entry = _entry(line.removesuffix("\r"), number)
            if entry is not None and entry.name in entries:
                first = entries[entry.name].line
                raise _Wrong(0, f"the variable is here twice, first on line {first}")
        except _Wrong as wrong:
            faults.append(Fault(number, wrong.at + 1, wrong.message, wrong.help))
            continue
        if entry is not None:
            entries[entry.name] = entry
    return list(entries.values()), faults


def _entry(line: str, number: int) -> Entry | None:
    if not line.strip(" \t") or line.lstrip(" \t").startswith("#"):
        return None
    for at, char in enumerate(line):
        if char != "\t" and (char < " " or "\x7f" <= char < "\xa0"):
            raise _Wrong(at, f"the control character U+{ord(char):04X}", "leave it out")
    name, equals, rest = line.partition("=")
    _named(name)
    return Entry(name, _value(rest, len(name) + 1) if equals else None, number)


def _named(name: str) -> None:
    if name.startswith("export "):
        raise _Wrong(0, "`export` is a shell's word", "write NAME=VALUE")
    if name != name.strip(" \t"):
        at = 0 if name[0] in " \t" else len(name.rstrip(" \t"))
        raise _Wrong(at, "a blank beside a variable's name", "write NAME=VALUE, without blanks")
    first, rest = name[:1], name.replace("_", "a")
    if not (rest.isascii() and rest.isalnum()) or first.isdigit():
        raise _Wrong(
            0, "this begins with no variable's name", "NAME=VALUE: letters, digits and `_`"
        )


def _value(text: str, begin: int) -> str:
    """A value as written after `=`, which is at the column before `begin`."""
    quote = text[:1]
    if quote not in ("'", '"') or not quote:
        return _bare(text, begin)
    value, at = "", 1
    while at < len(text) and text[at] != quote:
        if quote == '"' and text[at] == "\\":
            value += _escape(text, at, begin)
            at += 2
            continue
        if quote == '"' and text[at] == "$":
            raise _Wrong(begin + at, "a `$` in double quotes", "nothing is filled in: write \\$")
        value += text[at]
        at += 1
    if at >= len(text):
        raise _Wrong(
            begin, "a quote that does not end on its line", "a newline is \\n, in double quotes"
        )
    if text[at + 1 :]:
        raise _Wrong(
            begin + at + 1, "something after the closing quote", "a comment has its own line"
        )
    return value


def _escape(text: str, at: int, begin: int) -> str:
    found = _ESCAPES.get(text[at + 1 : at + 2])
    if found is None:
        known = " ".join("\\" + each for each in _ESCAPES)
        raise _Wrong(begin + at, "an unknown escape in double quotes", f"known: {known}")
    return found


def _bare(text: str, begin: int) -> str:
    for mark, what, remedy in (
        ("$", "a `$` outside of quotes", "nothing is filled in: put the value in single quotes"),
        (" #", "a blank and `#` outside of quotes",
         "quote the value if that belongs to it; a comment has its own line"),
        ("\t#", "a tab and `#` outside of quotes",
         "quote the value if that belongs to it; a comment has its own line"),
    ):  # fmt: skip
        at = text.find(mark)
        if at >= 0:
            raise _Wrong(begin + at, what, remedy)
    if text != text.strip(" \t"):
        at = 0 if text[0] in " \t" else len(text.rstrip(" \t"))
        raise _Wrong(
            begin + at, "a blank at an end of the value", "quote the value if it belongs to it"
        )
    return text
