"""Words of docker's, podman's and compose's command lines: the command that is meant, as it is typed here."""

from __future__ import annotations

from toyspec.cli.error import UsageError
from toyspec.cli.words import Syntax, as_typed, is_spec
from toyspec.spec.habits import VERBS
from toyspec.start.places import is_name

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from collections.abc import Iterable

_OF_TERMINALS = ("--interactive", "--tty")


def foreign_verb(args: list[str]) -> str | None:
    """What to type in place of a verb of theirs and its words; None for any other."""
    says = VERBS.get(args[0])
    if says is None:
        return None
    plain = [each for each in args[1:] if not each.startswith("-")]
    name = next((each for each in plain if is_name(each)), "NAME")
    spec = next((each for each in plain if is_spec(each)), "SPEC")
    return says.replace("NAME", name).replace("SPEC", spec)


def verb_first(args: list[str], verbs: Iterable[str]) -> str | None:
    """The command with its options behind the verb, where they stand before one."""
    at = next((at for at, word in enumerate(args) if word in verbs), None)
    if at is None:
        return None
    before = args[:at]
    if args[at] == "logs":  # whose -f is another
        before = ["--file" if each == "-f" else each for each in before]
    return "toyspec " + as_typed([args[at], *before, *args[at + 1 :]])


def refuse_bare_command(args: list[str], syntax: Syntax) -> None:
    """Raises UsageError for `exec NAME COMMAND`, and for `exec -it`, with the command as it is here."""
    dashes = "--" in args
    cut = args.index("--") if dashes else len(args)
    table = {name: option for option in syntax.options for name in option.names}
    options: list[str] = []
    terminal: list[str] = []
    boxes: list[str] = []
    at = 0
    while at < cut:
        word = args[at]
        if not word.startswith("-") or word == "-":
            if not dashes and (boxes or "-f" in options or "--file" in options):
                break
            boxes.append(word)
        elif word in _OF_TERMINALS or set(word[1:]) <= {"i", "t"}:
            terminal.append(word)
        elif (option := table.get(word.partition("=")[0])) is None:
            return  # the parser says what is wrong with it
        else:
            options.append(word)
            if option.value and "=" not in word and at + 1 < cut:
                at += 1
                options.append(args[at])
        at += 1
    command = args[cut + 1 :] if dashes else args[at:]
    if "-h" in options or "--help" in options or not (terminal or (command and not dashes)):
        return
    named = boxes or ([] if "-f" in options or "--file" in options else ["NAME"])
    right = as_typed(["exec", *options, *named, "--", *command])
    if terminal:
        message = f"exec has no {' '.join(terminal)}: on a terminal a command has one, and its input is yours"
    else:
        message = f"`{command[0]}` is one word too many: the command goes after `--`"
    raise UsageError(message, f"toyspec {right}{'' if command else ' COMMAND…'}")
