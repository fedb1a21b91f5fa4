"""The ways to run a plan: toyspec itself, and what it makes of a plan for others to run.

A `Way` gives the words that run a spec for one caller. Where something is built for that, it is
built by the product's user, in a fresh directory. A static program has no excuse for a call of its
own between two steps; what each may do before its first is listed here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests import tools
from tests.kernel_side.match import Allows, nothing, quiet, whatever
from tests.product import Product, Word
from toyspec.emit.c import BUILD

REPLAY: Final = Path("tests/kernel_side/replay.py")

WARNINGS: Final = ("-Wall", "-Wextra", "-Werror")

Build = Callable[[Product, Path, Sequence[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Way:
    """One way. `before` and `between` are what `match.Checker` allows besides the steps."""

    name: str
    words: Build
    before: Allows
    between: Allows

    def build(self, product: Product, spec: Path, command: Sequence[str] = ()) -> list[str]:
        """What runs `spec`, with `command` in its init's place where there is one."""
        return self.words(product, spec, ("--", *command) if command else ())

    def __str__(self) -> str:
        return self.name


def _executor(product: Product, spec: Path, command: Sequence[str]) -> list[str]:
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
    _output(product, ["compile", spec, "-o", file], spec.parent)
    return [str(file), *command]


def _output(product: Product, words: Sequence[Word], directory: Path) -> str:
    done = product.run(words, cwd=directory)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


EXECUTOR: Final = Way("executor", _executor, whatever, quiet)
REPLAYER: Final = Way("replayer", _replayer, whatever, quiet)
C_PROGRAM: Final = Way("c", _c_program, nothing, nothing)
COMPILED: Final = Way("compiled", _compiled, nothing, nothing)

WAYS: Final = (EXECUTOR, C_PROGRAM)
"""Those whose every call is checked; the replayer is a test's own."""
