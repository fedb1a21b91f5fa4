"""`toyspec kill`: a signal to a box that was left to itself."""

from __future__ import annotations

from toyspec.cli.boxes import BY_NAME, NO_BOX, SEVERAL, boxes_of, common, seen
from toyspec.cli.error import FatalError, UsageError
from toyspec.cli.streams import put
from toyspec.cli.which import for_each
from toyspec.cli.words import Option, Syntax, help_text, parse
from toyspec.kernel.flags import flags
from toyspec.start.look import Look

SYNTAX = Syntax(
    "kill",
    "Send a signal to PID 1 of a box that was left to itself, KILL if nothing else is said.\n"
    "With a reaper that is toyspec's own: it hands on to the command what can be handed on.",
    (
        *BY_NAME,
        Option(("-s", "--signal"), "which one: HUP, SIGHUP or 1", "SIGNAL"),
        *common("do not say which spec was found"),
    ),
    words=SEVERAL,
    argv=False,
)
_MOST = 64  # _NSIG (asm-generic/signal.h)


def kill(args: list[str]) -> int:
    """Returns at once; `wait` tells when the box has ended."""
    words = parse(args, SYNTAX)
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


def signal_number(text: str) -> int:
    """HUP, SIGHUP, sighup or 1; raises UsageError."""
    if text.isascii() and text.isdecimal() and 0 < len(text) < 4 and 0 < int(text) <= _MOST:
        return int(text)
    known = flags("signal", "x86_64")  # the same on aarch64
    name = text.upper()
    number = known.get(name) or known.get(f"SIG{name}")
    if number is None:
        from toyspec.cli.near import near

        guess = near(name.removeprefix("SIG"), [each.removeprefix("SIG") for each in known])
        remedy = f"did you mean {guess}?" if guess else "as in: -s HUP, -s SIGUSR1, -s 10"
        raise UsageError(f"no signal `{text}`", remedy)
    return number
