"""The grammar of the command line: `VERB [OPTIONS] [SPEC] [NAME] [-- ARGV…]`.

A parser of our own: argparse would cost 10 ms of every start, and knows no SPEC rule.
"""

from __future__ import annotations

from toyspec.cli.error import UsageError
from toyspec.start.places import is_name
from toyspec.values import dataclass, replace

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `value` names what follows it; a flag has none."""

    names: tuple[str, ...]
    help: str
    value: str = ""
    choices: tuple[str, ...] = ()
    repeats: bool = False

    @property
    def key(self) -> str:
        """The longest name, without dashes."""
        return max(self.names, key=len).lstrip("-")


@dataclass(frozen=True, slots=True)
class Syntax:
    """What a verb understands. `words`: names of its positional words; `argv`: takes `-- ARGV`.

    `about`: what a word is to this verb, where that is not what it is to most.
    """

    verb: str
    summary: str
    options: tuple[Option, ...]
    words: tuple[str, ...] = ("SPEC", "NAME")
    argv: bool = True
    about: tuple[tuple[str, str], ...] = ()

    def usage(self) -> str:
        """One line."""
        words = "".join(f" [{word}]" for word in self.words)
        return f"toyspec {self.verb} [OPTIONS]{words}{' [-- ARGV…]' if self.argv else ''}"


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one command, sorted out. `argv` is None where there was no `--`.

    `typed`: all that followed the verb of `syntax`, as it was.
    """

    options: dict[str, list[str]]
    words: tuple[str, ...]
    argv: tuple[str, ...] | None
    typed: tuple[str, ...] = ()
    syntax: Syntax | None = None

    def flag(self, key: str) -> bool:
        """Whether the option was given."""
        return key in self.options

    def one(self, key: str) -> str | None:
        """The option's value; the last one counts."""
        return self.options[key][-1] if key in self.options else None

    def every(self, key: str) -> tuple[str, ...]:
        """All values of an option that may be repeated."""
        return tuple(self.options.get(key, ()))


ENDINGS = (".yaml", ".yml", ".json")
"""What a spec's name ends with."""
HELP = Option(("-h", "--help"), "this text")
FILE = Option(("-f", "--file"), "the spec, whatever its name looks like", "SPEC")
ENV = Option(
    ("-e", "--env"), "set a variable in the box; alone: the caller's own", "KEY[=VALUE]", (), True
)
DIRECTORY = Option(("-w", "--working-dir"), "where init starts, inside the box", "DIR")
NO_TERMINAL = Option(
    ("-T", "--no-terminal"),
    "no terminal for the box: its streams as they are, own session",
)
QUIET = Option(
    ("-q", "--quiet"), "no trace: errors, and what a box left behind that the host would run"
)
VERBOSE = Option(
    ("-v", "--verbose"),
    "every call (plan), warnings and phases (up), tracebacks",
)
COLOR = Option(("--color",), "colours: auto, always or never", "WHEN", ("auto", "always", "never"))
FORMAT = Option(("--format",), "how data is printed: text or json", "FORMAT", ("text", "json"))
_LOOKS = "a spec is `-`, holds a / or ends in .yaml, .yml or .json (-f SPEC names any other)"
PLANNING = (FILE, ENV, DIRECTORY, NO_TERMINAL)
"""The options that change the plan: `up`, `plan`, `check` and `facts` all take them."""
JUDGING = (
    FILE,
    replace(ENV, help="as for up: a variable in the box; alone: the caller's"),
    replace(DIRECTORY, help="as for up: where init starts, inside the box"),
    replace(NO_TERMINAL, help="as for up: no terminal for the box"),
)
"""The same for verbs that show nothing of what they change."""
COMMON = (QUIET, VERBOSE, COLOR, HELP)
NO_CACHE = Option(("--no-cache",), "plan anew, and keep nothing for the next time")
RUNS = Option(("--run",), "as `run` does it: a reaper is PID 1 where the spec says nothing of it")
DETACH = Option(("-d", "--detach"), "leave it to itself: no terminal, its output in `toyspec logs`")
STATUS = Option(("--status-fd",), "where a supervisor is told of the box, in lines of JSON", "N")
RUNNING = (*PLANNING, STATUS, NO_CACHE, *COMMON)
"""What `up` and `run` take."""
UP = Syntax(
    "up",
    "Bring up the box of a spec, and run its init, or the command after `--`: as PID 1, or\n"
    "with `reaper: true`, the default of -d, as a child of toyspec's own.",
    (*PLANNING, DETACH, *RUNNING[len(PLANNING) :]),
)
RUN = Syntax(
    "run",
    "Run one command (the one after `--`, else the spec's init) in a fresh box, as `up -q` does,\n"
    "and with a reaper as PID 1 where the spec says nothing of it. `-v` shows the trace.",
    RUNNING,
)


def parse(args: list[str], syntax: Syntax) -> Words:
    """Sort `args` (what follows the verb) out; raises UsageError. `--help` wins over errors."""
    cut = args.index("--") if "--" in args else len(args)
    argv = tuple(args[cut + 1 :]) if cut < len(args) else None
    ours = args[:cut]
    table = {name: option for option in syntax.options for name in option.names}
    options: dict[str, list[str]] = {}
    words: list[str] = []
    while ours:
        word = ours.pop(0)
        if word == "-" or not word.startswith("-"):
            words.append(word)
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            _take(table, options, name, value if equals else None, ours, syntax)
        else:
            _letters(table, options, word, ours, syntax)
    if "help" in options:
        return Words(options, (), None)
    if argv is not None and not syntax.argv:
        raise UsageError(f"{syntax.verb} takes no command after `--`", syntax.usage())
    if "quiet" in options and "verbose" in options:
        raise UsageError("-q and -v contradict each other")
    return Words(options, tuple(words), argv or None, tuple(args), syntax)


def as_run(words: Words) -> Words:
    """The words of `run` as those of `up`: quiet unless it is verbose, and planned as RUNS says."""
    said = {RUNS.key: [""]} | ({} if words.flag("verbose") else {QUIET.key: [""]})
    return replace(words, options={**words.options, **said})


def _letters(
    table: dict[str, Option],
    options: dict[str, list[str]],
    word: str,
    ours: list[str],
    syntax: Syntax,
) -> None:
    """`-qe A=1` and `-eA=1`: the first letter with a value takes the rest of the word."""
    at = 1
    while at < len(word):
        name = "-" + word[at]
        option = table.get(name)
        rest = word[at + 1 :]
        if option is not None and option.value and rest:
            _take(table, options, name, rest, ours, syntax)
            return
        _take(table, options, name, None, ours, syntax)
        at += 1


def _take(
    table: dict[str, Option],
    options: dict[str, list[str]],
    name: str,
    value: str | None,
    ours: list[str],
    syntax: Syntax,
) -> None:
    option = table.get(name)
    if option is None:
        from toyspec.spec.habits import OPTIONS

        known = OPTIONS.get(f"{syntax.verb} {name}") or OPTIONS.get(name)
        helps = known or _nearest(name, table) or syntax.usage()
        raise UsageError(f"unknown option {name}", helps)
    if not option.value:
        if value is not None:
            raise UsageError(f"{name} takes no value")
        options.setdefault(option.key, []).append("")
        return
    if value is None:
        if not ours:
            raise UsageError(f"{name} needs a value: {name} {option.value}")
        value = ours.pop(0)
    if option.choices and value not in option.choices:
        raise UsageError(f"{name} takes {' or '.join(option.choices)}, not `{value}`")
    if not option.repeats and option.key in options and options[option.key] != [value]:
        raise UsageError(f"{name} is given twice, with different values")
    options.setdefault(option.key, []).append(value)


def _nearest(name: str, table: dict[str, Option]) -> str | None:
    from toyspec.cli.near import near

    words = {option.lstrip("-"): option for option in table if option.startswith("--")}
    guess = near(name.lstrip("-"), words)
    return f"did you mean {words[guess]}?" if guess else None


def is_spec(word: str) -> bool:
    """Whether a word is a SPEC by its looks."""
    return word == "-" or "/" in word or word.endswith(ENDINGS)


def spec_and_name(words: Words, syntax: Syntax) -> tuple[str | None, str | None]:
    """Which of the positional words is which; raises UsageError."""
    left = list(words.words)
    spec = words.one("file")
    if spec is not None and left and is_spec(left[0]):
        raise UsageError(f"two specs: {spec} by -f, and {left[0]}")
    if spec is None and left and is_spec(left[0]):
        spec = left.pop(0)
    name = left.pop(0) if left and is_name(left[0]) else None
    if spec is not None and ":" in spec and words.flag("verbose"):
        _refuse_volume(spec)
    if left:
        raise _stray(left, spec, name, syntax)
    return spec, name


def _refuse_volume(word: str) -> None:
    """Raises UsageError for `-v SOURCE:TARGET`, of which docker makes a mount."""
    from os.path import exists

    if exists(word):
        return
    bind = word.removesuffix(":ro")
    raise UsageError(
        f"`{word}` is no spec, and -v is `--verbose` here",
        f'binds stand in the spec: `binds: ["{bind}"]`, read-only unless :rw says otherwise',
    )


def _stray(left: list[str], spec: str | None, name: str | None, syntax: Syntax) -> UsageError:
    """What is wrong with the words that are `left` after the spec and the name."""
    word = left[0]
    if spec is None and name is None:
        if (remedy := a_file(word, lambda spec: f"toyspec {syntax.verb} {spec}")) is not None:
            return UsageError(*remedy)
        return UsageError(
            f"`{word}` is neither a spec nor a name",
            f"{_LOOKS}; a name is of a-z, 0-9, _ and -",
        )
    if is_spec(word) and spec is not None:
        return UsageError(
            f"two specs: {spec} and {word}", f"one at a time: toyspec {syntax.verb} {word}"
        )
    if is_spec(word):
        right = f"toyspec {syntax.verb} {word} {name}"
        return UsageError(f"`{word}` is one word too many", f"the spec comes first: {right}")
    if not syntax.argv:
        one_by_one = f"one box at a time: toyspec {syntax.verb} {as_typed([word])}"
        about_one = name is not None and "NAME|SPEC" in syntax.words
        return UsageError(
            f"`{word}` is one word too many", one_by_one if about_one else syntax.usage()
        )
    command = as_typed([*([name] if name is not None else []), *left])
    shown = f"{spec} -- {command}" if spec is not None else f"-- {command}"
    return UsageError(
        f"`{word}` is one word too many",
        f"a command to run instead of the spec's init goes after `--`: toyspec {syntax.verb} {shown}",
    )


def as_typed(words: list[str]) -> str:
    """The words as a shell takes them."""
    from shlex import join

    return join(words)


def a_file(word: str, right: Callable[[str], str] | None = None) -> tuple[str, str] | None:
    """Message and remedy where `word` is a file here that could be meant as the spec, or its stem.

    `right`: the whole command with that spec.
    """
    from os.path import isfile

    from toyspec.cli.find import NAMES

    try:
        if isfile(word):
            return f"`{word}` is a file", f"as a spec: ./{word} or -f {word}"
        likely = [*(word + each for each in ENDINGS), *(f"{word}/{each}" for each in NAMES)]
        whole = next(filter(isfile, likely), None)
    except ValueError:
        return None
    if whole is None:
        return None
    remedy = right(whole) if right is not None else f"name it whole: {whole}"
    return f"`{word}` is no spec, but there is {whole}", remedy


_WORDS = {
    "SPEC": "without it: toyspec.yaml, here or above, up to your home",
    "NAME": "what the box must be called, else the spec is refused",
    "NAME|SPEC": "the box, or the spec that names it; without it: toyspec.yaml, here or above",
    "NAME|SPEC…": "boxes, or specs that name them, each a box; without: toyspec.yaml, here or above",
    "NAME…": "those of these names, ended or not",
    "ARGV": "a command to run in place of the spec's init",
}


def help_text(syntax: Syntax) -> str:
    """What `toyspec VERB --help` prints."""
    rows = []
    for option in syntax.options:
        names = ", ".join(option.names) + (f" {option.value}" if option.value else "")
        rows.append((names, option.help))
    known = _WORDS | dict(syntax.about)
    words = [(word, known[word]) for word in syntax.words if word in known]
    words += [("ARGV", known["ARGV"]), ("", "")] if syntax.argv else []
    rows = words + rows
    wide = max(len(names) for names, _ in rows)
    lines = [f"usage: {syntax.usage()}", "", syntax.summary, ""]
    lines += [f"  {names:<{wide}}  {text}".rstrip() for names, text in rows]
    return "\n".join(lines) + "\n"
