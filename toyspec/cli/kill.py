"""`toyspec kill`: a signal to a box that was left to itself."""

from __future__ import annotations

from toyspec.cli.boxes import BY_NAME, NO_BOX, SEVERAL, boxes_of, common, seen
from toyspec.cli.error import FatalError
from toyspec.cli.signals import as_option, signal_number
from toyspec.cli.streams import put
from toyspec.cli.which import for_each
from toyspec.cli.words import Option, Syntax, help_text, parse
from toyspec.start.look import Look

SYNTAX = Syntax(
    "kill",
    "Send a signal to PID 1 of a box that was left to itself, KILL if nothing else is said.\n"
    "With a reaper that is toyspec's own: it hands on to the command what can be handed on.",
    (
        *BY_NAME,
        Option(
            ("-s", "--signal"), "which one: HUP, SIGHUP, 1 or RTMIN+3; also as -HUP or -1", "SIGNAL"
        ),
        *common("do not say which spec was found"),
    ),
    words=SEVERAL,
    argv=False,
)


def kill(args: list[str]) -> int:
    """Returns at once; `wait` tells when the box has ended."""
    words = parse(as_option(args), SYNTAX)
    if words.flag("help"):
        put(help_text(SYNTAX))
        return 0
    number = signal_number(words.one("signal") or "KILL")
    look = Look()
    return for_each(words, SYNTAX, look, lambda name: _send(boxes_of(look, name), name, number))


def _send(boxes: int, name: str, number: int) -> int:
    found = seen(boxes, name)
    from toyspec.run.afar import send

    try:
        sent = send(found, number)
    except PermissionError:
        raise FatalError(
            f"`{name}`: no permission to signal its PID 1", "it runs a set-uid program"
        ) from None
    if not sent:
        what = "does not run its command yet" if found.state == "starting" else "has ended"
        raise FatalError(f"`{name}` {what}", "toyspec ps -a shows it", status=NO_BOX)
    return 0
