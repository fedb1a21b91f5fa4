"""The C of a plan: built without a warning, the same each time, and a box when it runs."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import tools
from tests.kernel_side.specs import fresh
from tests.kernel_side.ways import C_PROGRAM, WARNINGS
from tests.product import Product, Word
from tests.program.samples import box, clone, close, execve, plan, read, step, supervise, write
from toyspec.emit.c import BUILD, UNCHECKED, c_program
from toyspec.plan.step import Expect, Flags, Int, Null, Plan, Step, Struct
from toyspec.program.lower import lower
from toyspec.spec.model import Origin

VARIABLES = {"TERM": "dumb"}


def text(made: Plan) -> str:
    return c_program(made, lower(made, VARIABLES))


def run(steps: list[Step], directory: Path) -> tuple[int, str, str]:
    """Status, output and errors of the steps' program, on this machine."""
    tools.need("gcc")
    source, program = directory / "box.c", directory / "box"
    source.write_text(text(plan(steps)))
    made = subprocess.run(
        [*BUILD.split(), *WARNINGS, "-o", program, source],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (made.returncode, made.stderr) == (0, "")
    done = subprocess.run(
        [program], check=False, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL
    )
    return done.returncode, done.stdout, done.stderr


def shell(script: str, **fields: Any) -> Step:
    return execve("/bin/sh", "sh", "-c", script, **fields)


BLOCKED = step(  # as every plan begins: setup takes its signals one by one
    "rt_sigprocmask",
    ("how", Flags(("SIG_SETMASK",))),
    ("set", Struct("sigset_t", (("signals", Flags(("ALL",))),))),
    ("oldset", Null()),
    ("sigsetsize", Int(8)),
)
FORKS = [
    BLOCKED,
    clone("setup", "monitor"),
    supervise("setup", "monitor"),
    clone("init", "setup"),
    supervise("init", "setup"),
]


@pytest.mark.parametrize(("script", "status"), [("exit 7", 7), ("kill -9 $$", 137)])
def test_init_s_end_is_the_program_s(tmp_path: Path, script: str, status: int) -> None:
    assert run([*FORKS, shell(script)], tmp_path) == (status, "", "")


def test_an_execve_that_is_tolerated_is_followed_by_the_next(tmp_path: Path) -> None:
    missing = execve("/nowhere/sh", "sh", tolerates=("ENOENT",))
    assert run([*FORKS, missing, shell("echo $TERM")], tmp_path) == (0, "dumb\n", "")


def test_init_waits_for_go(tmp_path: Path) -> None:
    """And reads its commands from an empty standard input."""
    assert run([BLOCKED, *box()], tmp_path) == (0, "", "")


def test_what_is_refused_names_its_step(tmp_path: Path) -> None:
    steps = [close(1), close(99), write(2, "never\n")]
    assert run(steps, tmp_path) == (125, "", "step 2: close: EBADF\n")


def judged(one: Step, **fields: Any) -> Step:
    return replace(one, **fields)


EBADF = close(99)
EMPTY = read(0, 1)  # of /dev/null: 0


@pytest.mark.parametrize(
    ("one", "fine"),
    [
        (judged(EBADF, tolerates=("EINTR", "EBADF")), True),
        (judged(EBADF, tolerates=("EINTR",)), False),
        (judged(EBADF, expects=Expect(errno="EBADF")), True),
        (judged(EBADF, expects=Expect(errno="EAGAIN")), False),
        (judged(EMPTY, expects=Expect(errno="EAGAIN")), False),
        (judged(EMPTY, expects=Expect(result=0)), True),
        (judged(EMPTY, expects=Expect(result=1)), False),
        (judged(EBADF, expects=Expect(result=0)), False),
        (judged(EBADF, retries=("EBADF",)), False),
        (judged(EMPTY, retries=("EINTR",)), True),
        (judged(write(1, "x"), expects=Expect(result="count")), True),
    ],
)
def test_a_step_is_judged_as_the_executor_judges_it(tmp_path: Path, one: Step, fine: bool) -> None:
    status, said, errors = run([one, write(1, "went on\n")], tmp_path)
    assert status == 125  # there is no init here
    assert ("went on\n" in said) is fine
    assert errors.startswith(f"step {2 if fine else 1}: ")


@pytest.mark.parametrize(("prefix", "fine"), [("ab", True), ("b", False), ("abcd", False)])
def test_memory_that_the_kernel_wrote_is_looked_at(tmp_path: Path, prefix: str, fine: bool) -> None:
    ends = box()[:1]
    wrote = write("go.write", "abc")
    seen = judged(read("go.read", 8), expects=Expect(prefix=prefix))
    _, said, _ = run([*ends, wrote, seen, write(1, "went on\n")], tmp_path)
    assert said == ("went on\n" if fine else "")


def test_it_is_the_same_each_time_and_says_where_each_step_is_from() -> None:
    made = plan(box())
    assert text(made) == text(plan(box()))
    assert "(init, line 7)" in text(made)
    assert "svc #0" in text(replace(made, arch="aarch64"))


def test_it_says_what_it_does_not_check(product: Product) -> None:
    said = product.run(["emit", "--help"]).stdout
    head = text(plan(box())).partition("*/")[0]
    for line in UNCHECKED:
        assert f"\n{line}\n" in said
        assert f"\n * {line}\n" in head


def test_no_item_ends_its_comment(tmp_path: Path) -> None:
    items = ["*/ #error", "/*/", "a\n#error\\", "\u202e*//", "bind /* at /*"]
    steps = [write(1, ".", item=item, origin=Origin(item, 1, 1)) for item in items]
    assert run(steps, tmp_path)[:2] == (125, ".....")


def test_hello_is_a_box(product: Product) -> None:
    (program,) = C_PROGRAM.build(product, fresh(product, "hello.yaml"))
    done = product.as_user([program])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("hello from a box: I am PID 1 on hello")


@pytest.mark.parametrize("there", [False, True])
def test_the_file_is_its_owner_s_alone(product: Product, there: bool) -> None:
    spec = fresh(product, "hello.yaml")
    made = spec.parent / "box.c"
    if there:
        made.touch()
        made.chmod(0o644)
        product.own(made)
    words: list[Word] = ["emit", "c", spec, "-o", "box.c", *(["--force"] if there else [])]
    done = product.run(words, cwd=spec.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert made.stat().st_mode & 0o777 == 0o600
    assert made.read_text() == product.run(["emit", "c", spec], cwd=spec.parent).stdout


@pytest.mark.parametrize("words", [("emit",), ("emit", "pascal", "x.yaml")])
def test_other_languages_are_refused(product: Product, words: tuple[str, ...]) -> None:
    done = product.run(words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("\n  toyspec emit c SPEC: a C program\n")
