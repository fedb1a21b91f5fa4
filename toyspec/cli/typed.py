"""What was typed, put right: the whole command, so that a remedy drops nothing of it."""

from __future__ import annotations

from toyspec.cli.error import UsageError
from toyspec.cli.words import Syntax, Words, as_typed, is_spec
from toyspec.values import dataclass

LEFT_OUT = ("--interactive", "--tty", "--rm")
"""Options of theirs whose answer is to leave them out; -i and -t, too."""


@dataclass(frozen=True, slots=True)
class Typed:
    """The words before the command, by what they are; `command` begins where a word can be nothing else."""

    options: list[str]
    left_out: list[str]
    words: list[str]
    command: list[str]
    dashes: bool

    @property
    def has_file(self) -> bool:
        """Whether -f names the spec."""
        return any(each in ("-f", "--file") or each.startswith("--file=") for each in self.options)


def sorted_out(args: list[str], syntax: Syntax) -> Typed | None:
    """Without `--` the command begins after the box's words; None where an option before it is unknown."""
    dashes = "--" in args
    cut = args.index("--") if dashes else len(args)
    table = {name: option for option in syntax.options for name in option.names}
    found = Typed([], [], [], args[cut + 1 :], dashes)
    at = 0
    while at < cut:
        word = args[at]
        if not word.startswith("-") or word == "-":
            if not dashes and _begins_command(found, word, syntax):
                found.command[:] = args[at:]
                return found
            found.words.append(word)
        elif word in LEFT_OUT or set(word[1:]) <= {"i", "t"}:
            found.left_out.append(word)
        else:
            option = table.get(word.partition("=")[0] if word.startswith("--") else word[:2])
            if option is None:
                return None
            found.options.append(word)
            alone = "=" not in word if word.startswith("--") else len(word) == 2
            if option.value and alone and at + 1 < cut:
                at += 1
                found.options.append(args[at])
        at += 1
    return found


def _begins_command(found: Typed, word: str, syntax: Syntax) -> bool:
    """Whether a word is of the command: all of the box's stand before it."""
    if found.has_file or syntax.verb == "exec":
        return found.has_file or bool(found.words)
    if not found.words:
        return not is_spec(word) and _spec_of(word) is None
    return word != _stem(found.words[0]) or len(found.words) > 1


def _stem(spec: str) -> str:
    return spec.rpartition("/")[2].rpartition(".")[0]


def _spec_of(word: str) -> str | None:
    """The spec whose name without its ending was typed."""
    from os.path import isfile

    from toyspec.cli.find import NAMES
    from toyspec.cli.words import ENDINGS

    if "\0" in word:
        return None
    likely = [*(word + each for each in ENDINGS), *(f"{word}/{each}" for each in NAMES)]
    return next(filter(isfile, likely), None)


def refuse_bare_command(args: list[str], syntax: Syntax) -> None:
    """Raises UsageError for `VERB BOX COMMAND`, and for `VERB -it`, with the command as it is here."""
    found = sorted_out(args, syntax)
    if found is None or "-h" in found.options or "--help" in found.options:
        return
    if not (found.left_out or (found.command and not found.dashes)):
        return
    if is_spec((found.command or [""])[0]) and not found.dashes:
        return  # two specs, or docker's -v
    command = found.command
    if found.left_out:
        message = f"{syntax.verb} has no {' '.join(found.left_out)}: {_why(found.left_out)}"
    elif syntax.verb != "exec" and _is_image(found):
        message = f"`{command[0]}` is neither a spec nor a program, and there are no images here"
    else:
        message = f"`{command[0]}` is one word too many: the command goes after `--`"
    right = with_command(found, syntax)
    raise UsageError(message, right if command or syntax.verb != "exec" else f"{right} COMMAND…")


def _why(left_out: list[str]) -> str:
    if left_out == ["--rm"]:
        return "of a box that somebody waited for nothing is kept"
    return "on a terminal a command has one, and its input is yours"


def with_command(found: Typed, syntax: Syntax, *, has_spec: bool = False) -> str:
    """The whole command as it is right. `has_spec`: one is found where none is named."""
    words, command = list(found.words), list(found.command)
    if syntax.verb == "exec":
        words = words or ([] if found.has_file else ["NAME"])
        return "toyspec " + as_typed(["exec", *found.options, *words, "--", *command])
    if words and not is_spec(words[0]) and (spec := _spec_of(words[0])) is not None:
        words[0] = spec
    if not has_spec and _is_image(found):
        words, command = ["SPEC"], command[1:]
    ending = ["--", *command] if command else []
    return "toyspec " + as_typed([syntax.verb, *found.options, *words, *ending])


def _is_image(found: Typed) -> bool:
    """Whether the first word is no program, where no spec is: an image of theirs, perhaps."""
    from os.path import isfile
    from shutil import which

    from toyspec.cli.find import NAMES

    if found.words or found.has_file or found.dashes or not found.command:
        return False
    return not any(map(isfile, NAMES)) and which(found.command[0]) is None


def again(words: Words, syntax: Syntax, spec: str, drops: str = "") -> str:
    """The command that was typed, of another spec; `drops` is the word that stood in its place."""
    found = sorted_out(list(words.typed), syntax)
    others = [each for each in words.words if each != drops]
    ending = ["--", *words.argv] if words.argv else []
    options = found.options if found is not None else []
    return "toyspec " + as_typed([syntax.verb, *options, spec, *others, *ending])
