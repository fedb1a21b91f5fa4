"""`toyspec kill`: a signal to a box that was left to itself."""

from __future__ import annotations

from toyspec.cli.absent import existing
from toyspec.cli.boxes import BY_NAME, NO_BOX, SEVERAL, boxes_of, common, seen
from toyspec.cli.error import FatalError, UsageError
from toyspec.cli.signals import as_option, looks_like_signal, signal_number
from toyspec.cli.streams import put
from toyspec.cli.which import for_each
from toyspec.cli.words import Option, Syntax, Words, as_typed, help_text, parse
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
    look = Look()
    given = words.one("signal")
    if given is None:
        _refuse_signals_as_names(words, look)
    number = signal_number("KILL" if given is None else given)
    return for_each(words, SYNTAX, look, lambda name: _send(boxes_of(look, name), name, number))


def _refuse_signals_as_names(words: Words, look: Look) -> None:
    """Raises UsageError for `kill HUP box`, before anything is sent KILL. A box may be called `hup`."""
    likely = [each for each in words.words if looks_like_signal(each)]
    known = existing(look) if likely else []
    meant = next((each for each in likely if each not in known), None)
    if meant is None:
        return
    file = words.one("file")
    boxes = [each for each in words.words if each != meant]
    which = [*([] if file is None else ["-f", file]), *boxes] or ["NAME"]
    raise UsageError(
        f"`{meant}` looks like a signal, and no box has that name: nothing was sent",
        f"toyspec {as_typed(['kill', '-s', meant.upper(), *which])}",
    )


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
