"""The command `toyspec`: picks the verb, and turns every error into words and a status.

Imports nothing but builtins before it knows the verb: `toyspec --version` is as fast as Python.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from collections.abc import Callable

    from toyspec.cli.error import FatalError
    from toyspec.start.again import Kept

TOYSPEC_FAILED = 125  # and never 1 or 2 from `up` and `run`, which may be the command's own
USAGE = 2
INTERRUPTED = 130

RUNNING = ("up", "run", "exec", "wait", "restart")
"""Verbs whose status is that of a command in a box."""
BRINGING_UP = ("up", "run")
"""Those of them that make the box for it."""

VERBS = {
    "up": "bring up the box that a spec describes",
    "run": "run one command in a fresh box",
    "exec": "run a command in a box that is up",
    "plan": "print the system calls that `up` would make",
    "check": "say whether a spec is valid",
    "compile": "write a box as one static executable",
    "ps": "list the boxes that were left to themselves (up -d)",
    "logs": "print what such a box printed",
    "stop": "ask one to end, and kill it where it does not",
    "kill": "send one a signal",
    "down": "end one, and forget it",
    "wait": "wait until one has ended, and exit with its status",
    "restart": "stop one, and begin it anew",
    "facts": "print what a plan may know of this machine",
    "emit": "print a plan as a C program: what no way of running it can beat",
    "schema": "print a JSON Schema: the spec's or the plan's",
}


_ON_BOXES = ("ps", "logs", "stop", "kill", "down", "wait", "restart")


def main(argv: list[str] | None = None, kept: Kept | None = None) -> int:
    """Run the command. `argv`: the words after `toyspec`, sys.argv's where None.

    Returns the exit status; never raises for what a person did. `kept`: where the box of a command
    that is a process of its own may be kept.
    """
    args = sys.argv[1:] if argv is None else list(argv)
    ours = args[: args.index("--")] if "--" in args else args
    first = ours[0] if ours else ""
    if first in ("--version", "-V"):
        return _guarded("", lambda: _put(_version()))
    if first == "help" and ours[1:] and ours[1] in VERBS:
        return _guarded(ours[1], lambda: _verb(ours[1], ["--help"], None))
    if first in ("-h", "--help", "help"):
        return _guarded("", lambda: _put(_help()))
    if first not in VERBS:
        return _guarded("", lambda: _no_verb(first, args))
    if argv is None and first in BRINGING_UP and kept is None:
        from toyspec.start.again import Kept

        kept = Kept(args)
    if argv is None:
        import gc

        gc.disable()  # a plan is a hundred thousand small values, all of them needed to the end
    status = _guarded(first, lambda: _verb(first, args[1:], kept), verbose=_is_verbose(ours))
    if kept is not None:
        _leave(status)
    return status


def _leave(status: int) -> None:
    """End at once: taking the interpreter down would cost 6 ms."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # closed by the caller: nothing of ours is in it
    os._exit(status)


def _is_verbose(ours: list[str]) -> bool:
    return any(
        word == "--verbose" or (word[:1] == "-" and word[1:2] != "-" and "v" in word)
        for word in ours
    )


def _put(text: str) -> int:
    from toyspec.cli.streams import put

    put(text)
    return 0


def _version() -> str:
    from toyspec.version import VERSION

    return f"toyspec {VERSION}\n"


def _help() -> str:
    wide = max(map(len, VERBS))
    lines = ["usage: toyspec VERB [OPTIONS] [SPEC] [NAME] [-- ARGV…]", ""]
    lines += [f"  {verb:<{wide}}  {summary}" for verb, summary in VERBS.items()]
    lines += ["", "toyspec VERB --help says more; toyspec --version says which one this is."]
    return "\n".join(lines) + "\n"


def _no_verb(word: str, args: list[str]) -> int:
    from toyspec.cli.error import UsageError
    from toyspec.cli.habits import foreign_verb, verb_first

    if not word:
        raise UsageError("what shall it do?", "one of: " + ", ".join(VERBS))
    if word.startswith("-"):
        right = verb_first(args, VERBS) or "toyspec --help"
        raise UsageError(f"unknown option {word}", f"options come after the verb: {right}")
    if "/" in word or word.endswith((".yaml", ".yml", ".json")):
        raise UsageError(f"`{word}` is no verb", f"did you mean: toyspec up {word}")
    from toyspec.cli.near import near

    if (known := foreign_verb(args)) is not None:
        raise UsageError(f"`{word}` is no verb here", known)
    guess = near(word, VERBS)
    remedy = f"did you mean {guess}?" if guess else "one of: " + ", ".join(VERBS)
    raise UsageError(f"`{word}` is no verb", remedy)


def _verb(verb: str, args: list[str], kept: Kept | None) -> int:
    if verb in BRINGING_UP:
        from toyspec.cli.up import up
        from toyspec.cli.words import RUN, UP

        return up(args, RUN if verb == "run" else UP, kept)
    if verb in _ON_BOXES:
        return _on_box(verb)(args)
    if verb == "plan":
        from toyspec.cli.plan import plan as run
    elif verb == "exec":
        from toyspec.cli.entered import exec_in_box as run
    elif verb == "check":
        from toyspec.cli.check import check as run
    elif verb == "compile":
        from toyspec.cli.compile import compile_box as run
    elif verb == "facts":
        from toyspec.cli.facts import facts as run
    elif verb == "emit":
        from toyspec.cli.emit import emit as run
    else:
        from toyspec.cli.schema import schema as run
    return run(args)


def _on_box(verb: str) -> Callable[[list[str]], int]:
    """The verbs on boxes that were left to themselves."""
    if verb == "ps":
        from toyspec.cli.ps import ps as run
    elif verb == "logs":
        from toyspec.cli.logs import logs as run
    elif verb == "stop":
        from toyspec.cli.stop import stop as run
    elif verb == "kill":
        from toyspec.cli.kill import kill as run
    elif verb == "down":
        from toyspec.cli.stop import down as run
    elif verb == "wait":
        from toyspec.cli.wait import wait as run
    else:
        from toyspec.cli.restart import restart as run
    return run


def _guarded(verb: str, action: Callable[[], int], verbose: bool = False) -> int:
    """The one place where exceptions end."""
    from toyspec.cli.error import FatalError, Reported

    try:
        return action()
    except Reported as reported:
        return failed(verb, reported)
    except FatalError as error:
        from toyspec.cli.streams import tell

        tell(error.message, error.remedy)
        return failed(verb, error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  # whatever it is, a person gets a sentence
        if not _no_descriptor_left(error):
            _bug(error, verbose)
        return TOYSPEC_FAILED


def failed(verb: str, error: FatalError) -> int:
    """The exit status that an error comes to: its own, else the verb's."""
    if error.status is not None:
        return error.status
    return TOYSPEC_FAILED if verb in RUNNING else USAGE


def _no_descriptor_left(error: Exception) -> bool:
    """Whether it is that, which is then said."""
    from errno import EMFILE, ENFILE

    if not isinstance(error, OSError) or error.errno not in (EMFILE, ENFILE):
        return False
    from toyspec.cli.streams import tell

    if error.errno == EMFILE:
        tell("too many descriptors are open (RLIMIT_NOFILE)", "raise it: ulimit -n $(ulimit -Hn)")
    else:
        tell("the machine has no descriptor left (ENFILE)", "sysctl fs.file-max, fs.file-nr")
    return True


def _bug(error: Exception, verbose: bool) -> None:
    from toyspec.cli.streams import say
    from toyspec.show.text import escape

    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = "?"
    if where is not None:
        file = where.tb_frame.f_code.co_filename
        place = f"{'/'.join(file.split('/')[-2:])}:{where.tb_lineno}"
    text = escape(f"{type(error).__name__}: {error}")
    say(f"toyspec: this is a bug in toyspec, not in your spec: {text} ({place})\n")
    if verbose:
        import traceback

        say("".join(traceback.format_exception(error)))
    else:
        say("  -v shows the traceback, which a report needs\n")
