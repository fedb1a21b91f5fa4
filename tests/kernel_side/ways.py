"""The ways to run a plan: toyspec itself, and what it makes of a plan for others to run.

A `Way` gives the words that run a spec for one caller. Where something is built for that, it is
built by the product's user, in a fresh directory. A static program has no excuse for a call of its
own between two steps; what each may do before its first is listed here.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests import tools
from tests.kernel_side.encode import Call
from tests.kernel_side.match import Allows, Checker, nothing, quiet, whatever
from tests.kernel_side.names import NAMES
from tests.kernel_side.tracer import Seen
from tests.product import Product, Word
from toyspec.emit.c import BUILD

REPLAY: Final = Path("tests/kernel_side/replay.py")

WARNINGS: Final = ("-Wall", "-Wextra", "-Werror")
_MAP_ANONYMOUS: Final = 0x20
_F_GETFD: Final = 1
_F_GETFL: Final = 3
_F_ADD_SEALS: Final = 1033
_F_GET_SEALS: Final = 1034
_O_CLOEXEC: Final = 0o2000000
_AT_EMPTY_PATH: Final = 0x1000
_PR_GET_PDEATHSIG: Final = 2
_TCGETS: Final = 0x5401
_TIOCGPGRP: Final = 0x540F

Build = Callable[[Product, Path, Sequence[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Way:
    """One way. `before` and `between` are what `match.Checker` allows besides the steps.

    `carries`: with `--plan` it prints the plan that it was made of. `programs`: as many does the
    first process execute.
    """

    name: str
    words: Build
    before: Allows
    between: Allows
    carries: bool = False
    programs: int = 1

    def checker(self, calls: list[Call]) -> Checker:
        """What sees that a run in this way makes these calls."""
        return Checker(calls, before=self.before, between=self.between, programs=self.programs)

    def build(self, product: Product, spec: Path, command: Sequence[str] = ()) -> list[str]:
        """What runs `spec`, with `command` in its init's place where there is one."""
        return self.words(product, spec, ("--", *command) if command else ())

    def __str__(self) -> str:
        return self.name


def _executor(product: Product, spec: Path, command: Sequence[str]) -> list[str]:
    return [*product.toyspec, "up", "-q", "--no-cache", str(spec), *command]


def _cached(product: Product, spec: Path, command: Sequence[str]) -> list[str]:
    """As Python serves a box. The first run makes what mount points are missing, so that the second is
    planned anew. Its box is kept.
    """
    words = ["up", "-q", str(spec), *command]
    for _ in range(2):
        done = product.run(words, cwd=spec.parent)
        assert done.returncode == 0, done.stderr
    return [str(product.python), "-B", product.script, *words]


def _fronted(product: Product, spec: Path, command: Sequence[str]) -> list[str]:
    """As the front serves it; where it leaves that to Python, as Python does."""
    kept = product.home / ".cache" / "toyspec"
    before = set(kept.glob("*.front"))
    words = _cached(product, spec, command)
    if set(kept.glob("*.front")) <= before:
        return words
    return [*product.toyspec, "up", "-q", str(spec), *command]


def _replayer(product: Product, spec: Path, command: Sequence[str]) -> list[str]:
    plan = _output(product, ["plan", "--json", spec, *command], spec.parent)
    saved = product.write(product.directory() / "plan.json", plan)
    return [str(product.python), "-B", str(product.checkout / REPLAY), str(saved)]


def _c_program(product: Product, spec: Path, command: Sequence[str]) -> list[str]:
    tools.need("gcc")
    text = _output(product, ["emit", "c", spec, *command], spec.parent)
    source = product.write(product.directory() / "box.c", text)
    program = source.with_suffix("")
    made = product.as_user([*BUILD.split(), *WARNINGS, "-o", program, source])
    assert (made.returncode, made.stderr) == (0, "")
    return [str(program)]


def _compiled(product: Product, spec: Path, command: Sequence[str]) -> list[str]:
    """The command is for the file itself: it was not known when that was made."""
    file = product.directory() / "box"
    _output(product, ["compile", "-q", spec, "-o", file], spec.parent)
    return [str(file), *command]


def _detached(product: Product, spec: Path, command: Sequence[str]) -> list[str]:
    """What `up -d` leaves to itself; here nobody did, so that it has no log to write to."""
    assert not command
    file = product.directory() / "box"
    driver = product.checkout / "tests/kernel_side/driver.py"
    made = product.as_user([product.python, driver, "detached", spec, file], cwd=spec.parent)
    assert (made.returncode, made.stderr) == (0, "")
    return [str(file)]


def _output(product: Product, words: Sequence[Word], directory: Path) -> str:
    done = product.run(words, cwd=directory)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def _looks_around(seen: Seen) -> bool:
    """What a compiled file does before its first step: it finds out whether it is at home here."""
    name = NAMES.get(seen.number, "")
    if name == "mmap":
        return bool(seen.args[3] & _MAP_ANONYMOUS)  # the page that its processes share
    if name == "rt_sigaction" and seen.args[0] == signal.SIGXFSZ:
        return True  # memory in which it begins again is a file to a limit on their size
    if name not in _LOOKS:
        return False
    at, values = _LOOKS[name]
    return not values or seen.args[at] in values


def _puts_right(seen: Seen) -> bool:
    """The same after Python, which ignores two signals; or by a file that copies itself, and one meanwhile."""
    put_right = NAMES.get(seen.number) == "rt_sigaction" and seen.args[0] in _IGNORED
    return put_right or _looks_around(seen)


_IGNORED: Final = (signal.SIGPIPE, signal.SIGXFSZ)

_LOOKS: Final[dict[str, tuple[int, tuple[int, ...]]]] = {
    "fcntl": (
        1,
        (_F_GETFD, _F_GETFL, _F_GET_SEALS, _F_ADD_SEALS),
    ),  # are the streams open, and for what?
    "openat": (2, (_O_CLOEXEC,)),  # its own file, which begins again as a copy in memory
    "memfd_create": (0, ()),
    "readlinkat": (0, ()),  # where it lies, and whether that is covered in the box
    "statx": (
        0,
        (),
    ),  # is a stream a directory? What is there, and did something come that the box would not protect?
    "sendfile": (2, (0,)),
    "execveat": (4, (_AT_EMPTY_PATH,)),
    "close": (0, ()),
    "getppid": (0, ()),  # did a box start it?
    "prctl": (0, (_PR_GET_PDEATHSIG,)),
    "ioctl": (1, (_TCGETS, _TIOCGPGRP)),  # is this a terminal, and whose?
    "getpgid": (0, ()),
    "rt_sigprocmask": (0, ()),  # signals wait from here on
    "rt_sigaction": (1, (0,)),  # which of them are ignored?
}
"""Calls, each with the position of an argument and what that may be; nothing: whatever it is."""

EXECUTOR: Final = Way("executor", _executor, whatever, quiet)
REPLAYER: Final = Way("replayer", _replayer, whatever, quiet)
C_PROGRAM: Final = Way("c", _c_program, nothing, nothing)
COMPILED: Final = Way("compiled", _compiled, _puts_right, nothing, carries=True)
DETACHED: Final = Way("detached", _detached, _looks_around, nothing)
CACHED: Final = Way("cached", _cached, _puts_right, nothing, programs=2)


def _nobody(product: Product, spec: Path, command: Sequence[str]) -> list[str]:
    raise NotImplementedError("a box that runs is entered by its name: see test_exec.py")


ENTERING: Final = Way("entering", _nobody, _puts_right, nothing, programs=2)
ENTERED: Final = Way("entered", _nobody, _looks_around, nothing)
"""`exec`, from Python on; and what it executes from memory."""

FRONTED: Final = Way("fronted", _fronted, _puts_right, nothing, programs=2)

WAYS: Final = (EXECUTOR, COMPILED, CACHED, FRONTED, C_PROGRAM)
"""Those whose every call is checked; the replayer is a test's own."""
