"""Words of docker's, podman's and compose's command lines: the command that is meant, as it is typed here."""

from __future__ import annotations

from toyspec.cli.words import as_typed, is_spec
from toyspec.spec.habits import VERBS
from toyspec.start.places import is_name

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from collections.abc import Iterable


def foreign_verb(args: list[str]) -> str | None:
    """What to type in place of a verb of theirs and its words; None for any other."""
    if args[0] == "compose" and args[1:]:
        return "leave the word out: toyspec " + as_typed(args[1:])
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
