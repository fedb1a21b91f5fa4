"""`toyspec logs`: what a box that was left to itself printed."""

from __future__ import annotations

import time
from itertools import groupby
from typing import TYPE_CHECKING

from toyspec.cli.boxes import WHICH, boxes_of, cannot, common, watch
from toyspec.cli.error import FatalError, UsageError
from toyspec.cli.streams import put, put_all, say
from toyspec.cli.which import for_one
from toyspec.cli.words import FILE, Option, Syntax, help_text, parse
from toyspec.run import readers
from toyspec.run.afar import Watcher
from toyspec.run.boxes import StateError
from toyspec.run.log import ERR, LOST, OUT, Reader, Record
from toyspec.start.look import Look

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from toyspec.cli.words import Words

SYNTAX = Syntax(
    "logs",
    "Print what a box that was left to itself has printed: its standard output on standard output,\n"
    "its standard error on standard error.",
    (
        Option(("--file",), FILE.help, "SPEC"),
        Option(("-f", "--follow"), "go on until the box ends"),
        Option(("-n", "--tail"), "only the last N lines", "N"),
        Option(("-t", "--timestamps"), "before each line, when its first byte came"),
        *common("nothing but what it printed, and what to look at on the host"),
    ),
    words=WHICH,
    argv=False,
)
_STEP = 0.05  # seconds between two looks


def logs(args: list[str]) -> int:
    """All of it, or its end; with -f until the box has ended."""
    words = parse(args, SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    tail = _tail(words)
    look = Look()
    return for_one(words, SYNTAX, look, lambda name: _print_all(look, name, words, tail))


def _print_all(look: Look, name: str, words: Words, tail: int | None) -> int:
    boxes = boxes_of(look, name)
    box: Watcher | None = watch(boxes, name)
    try:
        while box is not None:
            goes_on = _print(box, words, tail)
            box = _begun_anew(boxes, name, box) if goes_on else None
            tail = None
            if box is not None and not words.flag("quiet"):
                say(f"toyspec: `{name}` was begun anew\n")
    except StateError as error:
        raise cannot(error) from None
    return 0


def _print(box: Watcher, words: Words, tail: int | None) -> bool:
    """One box's log; whether it is followed, and another box in this one's place is to be expected."""
    readers.tell(box.said, readers.READS)
    reader = Reader(box.directory, box.said)
    writer = _Writer(stamps=words.flag("timestamps"), quiet=words.flag("quiet"))
    follows = words.flag("follow")
    lives = follows and box.lives()
    records = list(reader.read())
    if not follows:
        readers.take_back(box.said, readers.READS)
    writer.write(records if tail is None else last(records, tail))
    while lives:
        lives = box.lives()
        if not writer.write(list(reader.read())) and lives:
            time.sleep(_STEP)
    goes_on = follows and (
        readers.is_told(box.said, readers.BEGINS)
        or readers.is_there(box.directory, box.said) is False
    )
    readers.take_back(box.said, readers.READS)
    reader.close()
    seen = box.status()
    lost = follows and not goes_on and seen.ran and seen.exit_code is None
    if reader.skipped and not words.flag("quiet"):
        say("toyspec: the box was faster than its reader: a part is missing\n")
    if reader.cut and not words.flag("quiet"):
        say(
            "toyspec: the log was removed before its reader came to the end: a part may be missing\n"
        )
    if lost:
        raise FatalError(
            "the box is gone, and with which status nobody knows: its monitor was killed",
            "toyspec restart NAME begins it anew",
        )
    return goes_on


def _begun_anew(boxes: int, name: str, old: Watcher) -> Watcher | None:
    """The box that `restart` begins in place of one that has ended; None where nothing came of it."""
    while readers.is_told(old.said, readers.BEGINS):
        time.sleep(_STEP)
    found = None
    if readers.is_there(old.directory, old.said) is False:
        try:
            found = Watcher(boxes, name)
        except FileNotFoundError:
            pass  # removed again
    old.close()
    return found


def _tail(words: Words) -> int | None:
    text = words.one("tail")
    if text is None or text == "all":
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise UsageError(f"--tail {text}: a number of lines", "--tail 100")
    return int(text)


def last(records: list[Record], lines: int) -> list[Record]:
    """The records from where the last so many lines begin; of earlier lines nothing is left in them."""
    begins = list(_begins(records))
    if len(begins) <= lines:
        return records
    if not lines:
        return []
    index, at = begins[-lines]
    first = records[index]
    found = [first._replace(data=first.data[at:])]
    behind = {first.stream}
    open_ = {stream: _is_open(records, index, stream) for stream in (OUT, ERR)}
    for each in records[index + 1 :]:
        data = each.data
        if each.stream in (OUT, ERR) and each.stream not in behind:
            if open_[each.stream]:
                data = data.partition(b"\n")[2] if b"\n" in data else b""
            if data or b"\n" in each.data:
                behind.add(each.stream)
        found.append(each._replace(data=data))
    return found


def _begins(records: list[Record]) -> Iterator[tuple[int, int]]:
    """Where lines begin: which record, and how far in it. Each stream has lines of its own."""
    open_ = {OUT: False, ERR: False}
    for index, each in enumerate(records):
        if each.stream == LOST or not each.data:
            continue
        at = 0
        if open_[each.stream]:
            at = each.data.find(b"\n") + 1 or len(each.data)
        while at < len(each.data):
            yield index, at
            at = each.data.find(b"\n", at) + 1 or len(each.data)
        open_[each.stream] = not each.data.endswith(b"\n")


def _is_open(records: list[Record], end: int, stream: int) -> bool:
    """Whether the stream's last line before that record has no end there."""
    before = (records[at] for at in range(end - 1, -1, -1))
    data = next((r.data for r in before if r.stream == stream and r.data), b"\n")
    return not data.endswith(b"\n")


class _Writer:
    """To each stream what is its own; raises Reported where nobody reads on."""

    def __init__(self, *, stamps: bool, quiet: bool) -> None:
        self.stamps, self.quiet = stamps, quiet
        self.begins = {OUT: True, ERR: True}

    def write(self, records: Iterable[Record]) -> bool:
        """Whether there was anything. What is missing in one place is said in one line."""
        wrote = False
        for is_lost, group in groupby(records, lambda each: each.stream == LOST):
            wrote = True
            if is_lost:
                if not self.quiet:
                    missing = sum(each.lost for each in group)
                    say(f"toyspec: {missing} bytes found no room on the disk\n")
                continue
            for each in group:
                put_all(self._stamped(each) if self.stamps else each.data, each.stream)
        return wrote

    def _stamped(self, record: Record) -> bytes:
        stamp = when(record.time).encode() + b" "
        text = b"".join(
            stamp + line if at or self.begins[record.stream] else line
            for at, line in enumerate(_lines(record.data))
        )
        if record.data:
            self.begins[record.stream] = record.data.endswith(b"\n")
        return text


def _lines(data: bytes) -> list[bytes]:
    """With their ends; a carriage return is none."""
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def when(nanoseconds: int) -> str:
    """RFC 3339, UTC, nine digits of a second."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09}Z"
