"""`toyspec restart`: stop a box that was left to itself, and begin it anew."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toyspec.cli.absent import NoBoxError
from toyspec.cli.anew import by_hand, left
from toyspec.cli.boxes import BY_NAME, SEVERAL, boxes_of, common, seen
from toyspec.cli.error import FatalError, Reported
from toyspec.cli.source import STDIN
from toyspec.cli.stop import TIME, end, grace
from toyspec.cli.streams import put, say, tell
from toyspec.cli.which import for_each
from toyspec.cli.words import UP, Syntax, help_text, parse
from toyspec.run import files, readers
from toyspec.run.boxes import open_box
from toyspec.start.look import Look

if TYPE_CHECKING:
    from toyspec.run.state import Seen

SYNTAX = Syntax(
    "restart",
    "Stop a box that was left to itself, and begin it anew: the same spec, as it is now, with the\n"
    "options, the command and the variables that it was begun with. One that has ended begins, too.",
    (*BY_NAME, TIME, *common("say neither which spec was found nor its name")),
    words=SEVERAL,
    argv=False,
)


def restart(args: list[str]) -> int:
    """Planned before it is stopped: where that fails, the old box goes on."""
    words = parse(args, SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    seconds = grace(words)
    look, own = Look(), dict(os.environ)

    def anew(name: str) -> int:
        try:
            return _anew(boxes_of(look, name), name, seconds, quiet=words.flag("quiet"))
        finally:
            os.environ.clear()  # that of one box is nothing to the next
            os.environ.update(own)

    return for_each(words, SYNTAX, look, anew)


def _anew(boxes: int, name: str, seconds: float | None, *, quiet: bool) -> int:
    """What goes wrong is said here, and with it what has become of the old box."""
    before = seen(boxes, name)
    try:
        return _begin(boxes, before, seconds, quiet=quiet)
    except NoBoxError:
        raise
    except FatalError as error:
        if not isinstance(error, Reported):
            tell(error.message, error.remedy)
        said = left(before, seen(boxes, name))
        if said:
            say(f"toyspec: {said}\n")
        raise Reported(error.status) from None


def _planned_from(boxes: int, name: str) -> str | None:
    """The spec by what is kept of its plan."""
    from toyspec.emit.plan_json import FormatError, from_json

    directory = open_box(boxes, name)
    if directory is None:
        return None
    try:
        return from_json(files.read(directory, "plan.json") or b"").spec_path
    except FormatError:
        return None
    finally:
        os.close(directory)


def _begin(boxes: int, before: Seen, seconds: float | None, *, quiet: bool) -> int:
    name, about = before.name, before.about
    if not about:
        raise FatalError(
            f"what `{name}` was begun with is not written down yet",
            f"try again; where that does not help: {by_hand(name, about, _planned_from(boxes, name))}",
        )
    given, spec = about.get("words"), about.get("spec")
    if not isinstance(given, list) or not isinstance(spec, str):
        raise FatalError(
            f"`{name}` was begun with a spec from standard input: that is not there any more",
            f"with it again: {by_hand(name, about, STDIN)}",
        )
    if not os.path.lexists(spec):
        raise FatalError(
            f"{spec}, from which `{name}` was begun, is not there any more",
            f"put it back, or with it where it lies by now: {by_hand(name, about)}",
        )
    directory, status = open_box(boxes, name), -1
    if directory is not None:
        kept = files.environment(directory)
        status = readers.open_status(directory, os.O_RDWR)
        os.close(directory)
        os.environ.update({key: value for key, value in kept.items() if "[" not in key})
    from toyspec.cli.detach import begin, prepare

    options = ["--quiet"] if quiet else []
    again = parse([*options, f"--file={spec}", *map(str, given)], UP)
    try:
        ready = prepare(again, Look(), name)
        readers.tell(status, readers.BEGINS)
        end(boxes, name, seconds)
        return begin(ready, again)
    finally:
        readers.close(status)
