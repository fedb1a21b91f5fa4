"""`toyspec stop` and `toyspec down`: a box that was left to itself ends; `down` forgets it, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toyspec.cli.absent import NoBoxError
from toyspec.cli.boxes import (
    BY_NAME,
    SEVERAL,
    boxes_of,
    cannot,
    common,
    how_to_stop,
    seen,
    tell_changes,
    watch,
)
from toyspec.cli.error import FatalError, UsageError
from toyspec.cli.streams import put
from toyspec.cli.which import for_each
from toyspec.cli.words import Option, Syntax, help_text, parse
from toyspec.run import state
from toyspec.run.boxes import StateError, mend_box, where
from toyspec.run.readers import wait_for_readers
from toyspec.run.remains import make_way, what_lies_there
from toyspec.start.look import Look

if TYPE_CHECKING:
    from toyspec.cli.words import Words

TIME = Option(
    ("-t", "--time"),
    "how long it has before it is killed (30, or 1m30s); else as its spec says",
    "SECONDS",
)
STOP = Syntax(
    "stop",
    "Ask a box that was left to itself to end (stop_signal), and kill it where it does not.\n"
    "Its output and its status stay, for logs and wait, until down or the next up.",
    (*BY_NAME, TIME, *common("do not say which spec was found")),
    words=SEVERAL,
    argv=False,
)
DOWN = Syntax(
    "down",
    "End a box that was left to itself, as stop does, and remove what is kept of it.",
    (*BY_NAME, TIME, *common("do not say which spec was found")),
    words=SEVERAL,
    argv=False,
)
_LONGEST = 10**6  # seconds


def stop(args: list[str]) -> int:
    """Returns once it has ended; one that had ended before is no error."""
    words = parse(args, STOP)
    if words.flag("help"):
        put(help_text(STOP))
        return 0
    seconds = grace(words)
    look = Look()

    def stopped(name: str) -> int:
        boxes = boxes_of(look, name)
        end(boxes, name, seconds)
        try:
            tell_changes(boxes, name)
        except StateError as error:
            raise cannot(error) from None
        return 0

    return for_each(words, STOP, look, stopped)


def down(args: list[str]) -> int:
    """The same, and then nothing is left of it."""
    words = parse(args, DOWN)
    if words.flag("help"):
        put(help_text(DOWN))
        return 0
    seconds = grace(words)
    look = Look()
    return for_each(words, DOWN, look, lambda name: _forget(look, name, seconds))


def _forget(look: Look, name: str, seconds: float | None) -> int:
    boxes = boxes_of(look, name, mends=True)
    try:
        mend_box(boxes, name)
        try:
            end(boxes, name, seconds)
            tell_changes(boxes, name)
        except NoBoxError:
            if what_lies_there(boxes, name) is None:
                raise
        wait_for_readers(boxes, name)
        make_way(boxes, name)
        found = state.lock(boxes, name)
        if found is not None:
            state.remove(found)
    except state.TakenError:
        raise FatalError(f"`{name}` was begun anew meanwhile", f"toyspec down {name}") from None
    except StateError as error:
        raise cannot(error) from None
    return 0


def end(boxes: int, name: str, seconds: float | None) -> None:
    """Stop the box; `seconds` in place of its own grace period. Raises FatalError."""
    number, own = how_to_stop(seen(boxes, name).about)
    box = watch(boxes, name)
    try:
        if not box.stop(number, own if seconds is None else seconds):
            found = seen(boxes, name)
            if not found.about and not found.status.monitor:  # nobody's who begins one, by now
                raise FatalError(
                    what_lies_there(boxes, name) or f"`{name}` is gone",
                    f"fuser {where(boxes, name)}/lock names it: end it, then toyspec down {name}",
                )
            raise FatalError(
                f"`{name}` does not end: the kernel does not let go of one of its processes",
                "one waits for a disk or a network filesystem, perhaps: ps -eo pid,stat,wchan:30,args",
            )
    finally:
        box.close()


def grace(words: Words) -> float | None:
    """The seconds that -t gives; raises UsageError."""
    text = words.one("time")
    if text is None:
        return None
    if text[-1:] in ("h", "m", "s"):
        return min(_duration(text), _LONGEST)
    whole, _, part = text.partition(".")
    if not (text.isascii() and whole.isdecimal() and (not part or part.isdecimal())):
        raise _no_time(text)
    return min(float(text), _LONGEST)


def _duration(text: str) -> float:
    """As a spec's stop_grace_period is written; raises UsageError."""
    import re

    from toyspec.spec.durations import milliseconds

    if not re.fullmatch(r"([0-9]{1,18}(\.[0-9]{1,18})?(h|ms?|s))+", text):
        raise _no_time(text)
    return milliseconds(text) / 1000


def _no_time(text: str) -> UsageError:
    return UsageError(f"-t {text}: a number of seconds, or a duration", "-t 30, -t 1m30s")
