"""Where the command begins. `up` or `run` of a spec that was planned before: its box is kept compiled,
and is executed as it is.

Before anything dear is imported, even the parser of the command line. What is kept counts only
where this very command would plan the same again: the key holds its words and where it is given, the
entry every question that led to the box (the spec's bytes and toyspec's own files among them) and
the sum of the answers. In doubt there is no box here, and the command goes the long way.
"""

from __future__ import annotations

import os
import sys
import time
from errno import ESTALE

from toyspec.start import entry, memory, store
from toyspec.start.command import front, is_other_python
from toyspec.start.look import Look, account, ids, status, terminal, variable
from toyspec.start.places import cache_directory

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from collections.abc import Sequence

    from toyspec.start.drawn import Viewer

    Question = tuple[str, str]


def begin() -> Kept | None:
    """The first thing that a command does; `up` and `run` may do no other. Gives what `cli.main` wants to know."""
    _open_streams()
    if sys.argv[1:2] not in (["up"], ["run"]):
        return None
    kept = Kept(sys.argv[1:])
    kept.execute()
    return kept


def _open_streams() -> None:
    """Closed standard streams become /dev/null: 0 to 2 cross into the box, and whatever is opened
    later (the spec, a pipe between our processes) would take their numbers.
    """
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:  # so `fd` is the lowest that is free, and open's own
            os.set_inheritable(os.open("/dev/null", os.O_RDWR), True)


class Kept:
    """Where the box of one command is kept, or will be. `key` is None where nothing may be kept.

    `began`: when the command did, in nanoseconds of the clock that files' times are of. `viewer`:
    this process is none that runs a box, but the child that shows the trace of one. `refused`: the
    file that a front found wrong before us, while we found right what is kept. `words` are those that
    count; `replaces`: the command after them is not one, as the box takes any.
    """

    __slots__ = ("began", "directory", "key", "look", "refused", "replaces", "viewer", "words")

    def __init__(self, words: list[str]) -> None:
        """`words` are the verb and those after it. Raises nothing."""
        self.began = time.time_ns()
        self.look = Look()
        self.directory = ""
        self.key: bytes | None = None
        self.refused: bytes | None = None
        self.viewer: Viewer | None = None
        self.words, self.replaces = counting(words)
        try:
            directory = _directory(self.look)
            if directory is not None:
                self.directory = directory
                self.key = entry.sum_of(_command(self.look, self.words))
        except (OSError, ValueError):
            pass  # no working directory, no /proc

    def execute(self) -> None:
        """Become the box that is kept; returns where there is none that is right, and as `viewer`."""
        held = store.open_store(self.directory) if self.key is not None else None
        if self.key is None or held is None:
            return
        data = store.get(held, self.key)
        found = entry.read(data, self.key) if data is not None else None
        right = found is not None and self._answers(found.questions) == found.answers
        refused = right and self._was_refused(held)
        os.close(held)
        if found is None or not right or refused or not _is_open(found.words):
            return
        box, words = found.box, found.words
        if not found.phases:
            become(box, words)
            return
        from toyspec.start.drawn import become_drawn

        self.viewer = become_drawn(found.phases, lambda shown: become(box, words, shown))

    def front_name(self) -> bytes:
        """The name of the front's file for this command. Raises OSError."""
        return entry.front_name(self.words, os.getcwd(), self.look.ask(terminal))

    def _was_refused(self, held: int) -> bool:
        """Whether a front was asked before us, and found its own file wrong: both are to be made anew.

        Where it may not look at all, it has not said so.
        """
        plain = len(sys.orig_argv) == len(sys.argv) + 1  # no option of Python's: a front gives none
        if not plain or is_other_python() or front() is None:
            return False
        name = self.front_name()
        if not store.has(held, name, store.FRONT):
            return False
        self.refused = store.get(held, name, store.FRONT)
        store.drop(held, name, store.FRONT)
        return True

    def prepare(self) -> None:
        """Have the directory there before anybody asks whether it is: else each answer of the first
        start would be another one's in the second.
        """
        held = store.make_store(self.directory)
        if held is not None:
            os.close(held)

    def _answers(self, questions: tuple[Question, ...]) -> bytes | None:
        """The sum over what the host answers now; None where it cannot be asked."""
        try:
            for asked in questions:
                self.look.again(asked)
        except (KeyError, OSError, ValueError):
            return None
        return sum_of(self.look, questions)


def sum_of(look: Look, questions: tuple[Question, ...]) -> bytes:
    """The sum over questions and what `look` got for answers."""
    return entry.sum_of(each for asked in questions for each in (asked, look.answers[asked]))


def counting(words: list[str]) -> tuple[list[str], bool]:
    """The words by which a box is kept, and whether its command is left out of them: any command may
    take its place where no trace is shown, which would know of one. As emit/front/begin.py has it.
    """
    if "--" not in words:
        return words, False
    end = words.index("--")
    if words[end:] == ["--"]:
        return words[:end], False  # no command after it
    if words[0] == "run" or "-q" in words[:end] or "--quiet" in words[:end]:
        return words[: end + 1], True
    return words, False


def given(status: int | None, *, replaces: bool) -> tuple[str, ...]:
    """The words that a kept box is started with: who is told what becomes of it, and whether the
    command is the one of the words that it was started by.
    """
    command = ("--command",) if replaces else ()
    return command if status is None else (*command, "--status", str(status))


def _is_open(words: Sequence[str]) -> bool:
    """Whether the descriptor that they name is: what we open is not to be taken for it."""
    if "--status" not in words:
        return True
    try:
        os.fstat(int(words[words.index("--status") + 1]))
    except OSError:
        return False
    return True


def become(box: bytes | memoryview, told: Sequence[str], shown: Sequence[str] = ()) -> None:
    """Execute a compiled box from memory; returns where this kernel does not execute memory.

    `told` are the words that it is started with, `shown` are the words that tell it who draws its trace.
    It is told the command that says what went wrong should one of its steps fail: the long way.
    """
    words = sys.argv[1:]
    before = sys.orig_argv[1 : len(sys.orig_argv) - len(words)]
    silent = ["-q"] if shown else []  # the trace says where it stopped
    command = [sys.executable, *before, words[0], "--no-cache", *silent, *words[1:]]
    argv = [f"toyspec {words[0]}", *told, *shown, "--again", *command]  # so that pgrep finds it
    try:
        memory.execute("toyspec", memoryview(box), argv, os.environ)
    except OSError:
        return


def _command(look: Look, words: list[str]) -> tuple[object, ...]:
    """What tells this command from others: its verb and words, where it is given, and by which interpreter.

    Raises OSError where the path of the working directory leads elsewhere: what is asked by that path
    would be about other files than the command's. The terminal and the host are among the questions too; here they keep each a box of their own.
    """
    here = os.getcwd()
    if not os.path.samefile(here, "."):
        raise OSError(ESTALE, "something is mounted over the working directory", here)
    place = (here, os.uname().nodename, look.ask(terminal))
    return (tuple(words), place, sys.version, sys.prefix, tuple(sys.path), __file__)


def _directory(look: Look) -> str | None:
    """toyspec's own directory for what can be made anew; None where nothing is kept for this caller.

    A filter of system calls could change what the kernel answers, and nobody would ask for it. And a
    compiled box refuses to be the init of another one, lest one be told to start itself.
    """
    if os.getppid() == 0:
        return None
    uid, effective_uid, gid, effective_gid, _ = look.ask(ids)
    if (uid, gid) != (effective_uid, effective_gid) or look.ask(status)[2] != "0":
        return None
    home = look.ask(variable, "HOME")
    if not home:
        home = (look.ask(account, str(uid)) or ("", "/"))[1]
    if not sys.executable or not home.startswith("/"):
        return None
    return cache_directory(lambda name: look.ask(variable, name), home)
