"""`toyspec wait`: until a box that was left to itself has ended; with its status."""

from __future__ import annotations

from toyspec.cli.boxes import BY_NAME, SEVERAL, boxes_of, cannot, common, tell_changes, watch
from toyspec.cli.error import FatalError
from toyspec.cli.streams import put
from toyspec.cli.which import for_each
from toyspec.cli.words import Syntax, help_text, parse
from toyspec.run.boxes import StateError
from toyspec.start.look import Look

TOYSPEC_FAILED = 125
SYNTAX = Syntax(
    "wait",
    "Wait until a box that was left to itself has ended, and exit with its status.",
    (*BY_NAME, *common("do not say which spec was found")),
    words=SEVERAL,
    argv=False,
)


def wait(args: list[str]) -> int:
    """The box's own exit status, also of one that had ended before."""
    words = parse(args, SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    look = Look()
    return for_each(words, SYNTAX, look, lambda name: _end(look, name), TOYSPEC_FAILED)


def _end(look: Look, name: str) -> int:
    boxes = boxes_of(look, name)
    box = watch(boxes, name)
    try:
        box.ends()
        status = box.status().exit_code
        tell_changes(boxes, name)
    except StateError as error:
        raise cannot(error) from None
    finally:
        box.close()
    if status is None:
        raise FatalError(
            f"`{name}` is gone, and with which status nobody knows: its monitor, which writes that down, was killed",
            f"toyspec logs {name} has what it printed",
        )
    return status
