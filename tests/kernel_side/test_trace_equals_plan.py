"""What ran is exactly what `toyspec plan --json` printed: seen from the kernel's side."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.kernel_side import traced
from tests.kernel_side.driver import PLANTED
from tests.kernel_side.encode import encode_plan
from tests.kernel_side.isolation import isolated
from tests.kernel_side.match import ending, nothing
from tests.kernel_side.operands import Json
from tests.kernel_side.specs import NEWER, RANGES, fresh, to_trace
from tests.kernel_side.traced import Traced, follow, trace
from tests.kernel_side.ways import CACHED, COMPILED, EXECUTOR, FRONTED, WAYS, Way
from tests.product import Product, Word

pytestmark = traced.pytestmark

Checked = tuple[Traced, list[str], list[int]]


def printed(product: Product, argv: Sequence[Word], directory: Path) -> str:
    """What a program prints that has nothing to complain of."""
    done = product.as_user(argv, cwd=directory)
    assert done.returncode == 0, done.stderr
    return done.stdout


def plan_of(product: Product, spec: Path, before: Sequence[Word] = (), *command: str) -> Json:
    """The plan that `toyspec plan --json` prints; `before` are words before the command's."""
    argv = [*before, *product.toyspec, "plan", "--json", spec, *command]
    plan: Json = json.loads(printed(product, argv, spec.parent))
    return plan


def check(
    product: Product,
    plan: Json,
    argv: list[str],
    directory: Path,
    variables: dict[str, str] | None = None,
    way: Way = EXECUTOR,
) -> Checked:
    """Run `argv` under the tracer; also what was not as planned, and the steps that were done.

    `variables` are those of the plan that the caller's environment does not have.
    """

    def work() -> Checked:
        calls = encode_plan(plan, {**product.environ(), **(variables or {})})
        checker = way.checker(calls)
        ran = trace(product, argv, checker, cwd=directory)
        return ran, checker.problems + checker.missing(), checker.done

    return isolated(work)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("name", to_trace())
def test_every_call_is_a_step(caller: Product, name: str, way: Way) -> None:
    """What a plan makes on the host, empty mount points, is there when it is planned again."""
    spec = fresh(caller, name)
    for _ in range(2 if way is EXECUTOR else 1):
        argv = way.build(caller, spec)
        text = printed(caller, [*caller.toyspec, "plan", "--json", spec], spec.parent)
        plan = json.loads(text)
        if way.carries:
            assert printed(caller, [*argv, "--plan"], spec.parent) == text
        ran, problems, done = check(caller, plan, argv, spec.parent, way=way)
        assert not problems, "\n".join([*problems, ran.stderr])
        assert ran.status == "exit 0", ran.stderr
        left = {step["id"] for step in plan["steps"]} - set(done)
        unmade = [step for step in plan["steps"] if step["id"] in left]
        assert all(step["call"] in ("supervise", "execve") for step in unmade), unmade


@pytest.mark.parametrize("name", to_trace(*NEWER, *RANGES))
def test_every_call_is_a_step_on_an_old_kernel(caller: Product, name: str) -> None:
    """As Linux 5.10: bind and remount take the place of the newer calls.

    Its calls are kept away by a filter, and so with no_new_privs: ranges are refused there.
    """
    spec = fresh(caller, name)
    old = (str(caller.python), str(caller.checkout / "tests/hosts/old_kernel.py"))
    plan = plan_of(caller, spec, old)
    calls = {step["call"] for step in plan["steps"]}
    assert "mount" in calls
    assert not calls & {"mount_setattr", "open_tree_attr"}
    argv = [*old, *caller.toyspec, "up", "-q", "--no-cache", str(spec)]
    ran, problems, _ = check(caller, plan, argv, spec.parent)
    assert not problems, "\n".join([*problems, ran.stderr])
    assert ran.status == "exit 0", ran.stderr


@pytest.mark.parametrize("what", PLANTED)
def test_one_call_more_is_found(product: Product, what: str) -> None:
    spec = fresh(product, "hello.yaml")
    driver = product.checkout / "tests/kernel_side/driver.py"
    argv = [str(product.python), str(driver), "plant", what, str(spec)]
    ran, problems, _ = check(product, plan_of(product, spec), argv, spec.parent)
    assert len(problems) == 1, problems
    assert problems[0].startswith("setup ("), problems
    assert f"makes {what}(" in problems[0], problems
    if what == "mkdir":
        assert "'planted'" in problems[0], problems
    assert ran.status == "exit 0", ran.stderr


def test_a_call_before_the_first_step_is_found(product: Product) -> None:
    """Those that a compiled file makes are on a list; without it each is a problem."""
    spec = fresh(product, "hello.yaml")
    way = dataclasses.replace(COMPILED, before=nothing)
    _, problems, _ = check(
        product, plan_of(product, spec), way.build(product, spec), spec.parent, way=way
    )
    assert problems[0].startswith("fcntl("), problems
    assert problems[0].endswith("before the first step"), problems


def on_terminal(product: Product, argv: list[str], directory: Path) -> str:
    """What a program prints on a terminal: what is planned depends on there being one."""
    text, screen = on_kept_terminal(product, argv, directory)
    os.close(screen)
    return text


def on_kept_terminal(product: Product, argv: list[str], directory: Path) -> tuple[str, int]:
    """The same, and the terminal's other end: its name stays its own until that is closed."""
    started, screen = product.terminal(argv, cwd=directory, program=True)
    with started:
        shown: list[bytes] = []
        read_all(screen, shown)
        assert started.wait(timeout=60) == 0, shown
    return b"".join(shown).replace(b"\r\n", b"\n").decode(), screen


def check_on_terminal(
    product: Product,
    plan: Json,
    argv: list[str],
    directory: Path,
    way: Way = EXECUTOR,
    screen: int | None = None,
) -> tuple[Traced, list[str]]:
    """As `check`, on a terminal, that of `screen` or a new one; stdout is all that it showed."""
    gate = product.directory() / "gate"
    os.mkfifo(gate)
    product.own(gate)
    assert plan["exposure"]["terminal"] == ("-T" not in argv)

    def work() -> tuple[Traced, list[str]]:
        calls = encode_plan(plan, product.environ({"TERM": "xterm-256color"}))
        checker = way.checker(calls)
        process, other_end = product.terminal(
            ["sh", "-c", 'read -r go <"$0"; exec "$@"', gate, *argv],
            cwd=directory,
            program=True,
            screen=screen,
        )
        shown: list[bytes] = []
        reader = threading.Thread(target=read_all, args=(other_end, shown))
        reader.start()
        ended, ends = follow(process, checker, gate, 60)
        reader.join(timeout=10)
        os.close(other_end)
        ran = Traced(ending(ended.status), b"".join(shown).decode(), "", ends)
        return ran, checker.problems + checker.missing()

    return isolated(work)


def test_the_view_adds_no_call(product: Product) -> None:
    """On a terminal: another plan (the box has its own), and a process that is no part of it."""
    spec = fresh(product, "hello.yaml")
    words = [*product.toyspec, "plan", "--json", str(spec)]
    text, screen = on_kept_terminal(product, words, spec.parent)
    plan = json.loads(text)
    argv = [*product.toyspec, "up", "--no-cache", str(spec)]
    ran, problems = check_on_terminal(product, plan, argv, spec.parent, screen=screen)
    os.close(screen)
    assert not problems, "\n".join(problems)
    assert ran.status == "exit 0", ran.stdout
    assert len(ran.ends) >= 4, "no view was forked"


def test_run_on_a_terminal(product: Product) -> None:
    """Without a view, with a reaper, and the box's own terminal."""
    spec = fresh(product, "hello.yaml")
    words = [*product.toyspec, "plan", "--json", "--run", str(spec)]
    text, screen = on_kept_terminal(product, words, spec.parent)
    argv = [*product.toyspec, "run", "--no-cache", str(spec)]
    ran, problems = check_on_terminal(product, json.loads(text), argv, spec.parent, screen=screen)
    os.close(screen)
    assert not problems, "\n".join(problems)
    assert ran.status == "exit 0", ran.stdout


def test_a_terminal_that_is_not_the_boxs(product: Product) -> None:
    """`-T`: planned as where there is none."""
    spec = fresh(product, "hello.yaml")
    words = [*product.toyspec, "plan", "--json", "-T", str(spec)]
    text, screen = on_kept_terminal(product, words, spec.parent)
    plan = json.loads(text)
    argv = [*product.toyspec, "up", "--no-cache", "-T", str(spec)]
    ran, problems = check_on_terminal(product, plan, argv, spec.parent, screen=screen)
    os.close(screen)
    assert not problems, "\n".join(problems)
    assert ran.status == "exit 0", ran.stdout


def test_a_compiled_file_on_a_terminal(product: Product) -> None:
    """Another of its plans: the one for a terminal."""
    spec = fresh(product, "hello.yaml")
    facts = json.loads(printed(product, [*product.toyspec, "facts", spec], spec.parent))
    facts |= {"terminal": True, "terminal_errors": True, "tty": False, "inherited": []}
    saved = product.write(product.directory() / "facts.json", json.dumps(facts))
    words: list[Word] = [*product.toyspec, "plan", "--json", "--facts", saved, spec]
    text = printed(product, words, spec.parent)
    argv = COMPILED.build(product, spec)
    assert on_terminal(product, [*argv, "--plan"], spec.parent) == text
    ran, problems = check_on_terminal(product, json.loads(text), argv, spec.parent, COMPILED)
    assert not problems, "\n".join(problems)
    assert ran.status == "exit 0", ran.stdout


ON_TERMINALS = {
    "no-devpts": "binds: [/usr, /bin, /lib, {source: /lib64, target: /lib64, optional: true}]\n",
    "reaper": "system: host\nreaper: true\n",
    "without-new-privileges": "system: host\nno_new_privileges: false\nseccomp: none\n",
}


@pytest.mark.parametrize("more", ON_TERMINALS.values(), ids=ON_TERMINALS)
@pytest.mark.parametrize("way", [EXECUTOR, COMPILED], ids=str)
@pytest.mark.parametrize("old", [False, True], ids=["", "old-kernel"])
def test_a_terminal_of_its_own(product: Product, more: str, way: Way, old: bool) -> None:
    """Wherever its devpts is, and whoever takes it."""
    directory = product.directory()
    text = f"version: 1\n{more}init: [/bin/echo, said]\n"
    spec = product.write(directory / "box.yaml", text)
    before = (
        [str(product.python), str(product.checkout / "tests/hosts/old_kernel.py")] if old else []
    )
    argv = way.build(product, spec)
    plan = json.loads(
        on_terminal(product, [*before, *product.toyspec, "plan", "--json", str(spec)], directory)
    )
    if way is COMPILED:
        plan = json.loads(on_terminal(product, [*argv, "--plan"], directory))
    assert plan["exposure"]["terminal"]
    ran, problems = check_on_terminal(
        product, plan, [*([] if way is COMPILED else before), *argv], directory, way
    )
    assert not problems, "\n".join([*problems, ran.stdout])
    assert (ran.status, ran.stdout) == ("exit 0", "said\r\n")


@pytest.mark.parametrize("way", [CACHED, FRONTED], ids=str)
@pytest.mark.parametrize("command", [["/usr/bin/env", "true"], ["env"]], ids=["path", "name"])
def test_another_command_in_a_kept_box(product: Product, command: list[str], way: Way) -> None:
    """What was kept with one serves another, and nothing is planned."""
    spec = fresh(product, "hello.yaml")
    argv = [*way.build(product, spec, ["true"])[:-1], *command]
    plan = plan_of(product, spec, (), "--", *command)
    ran, problems, _ = check(product, plan, argv, spec.parent, way=way)
    assert not problems, "\n".join([*problems, ran.stderr])
    assert ran.status == "exit 0", ran.stderr


@pytest.mark.parametrize("name", ["hello.yaml", "dev.yaml", "reaper.yaml"])
@pytest.mark.parametrize("way", [EXECUTOR, CACHED, FRONTED], ids=str)
def test_run(caller: Product, name: str, way: Way) -> None:
    """Its plan is what `plan --run` prints, however it is run."""
    spec = fresh(caller, name)
    command = ["sh", "-c", "true & exit 0"]
    argv = ["run" if word == "up" else word for word in way.build(caller, spec, command)]
    if way is not EXECUTOR:
        for _ in range(2):
            done = caller.run(argv[argv.index("run") :], cwd=spec.parent)
            assert done.returncode == 0, done.stderr
    plan = plan_of(caller, spec, (), "--run", "--", *command)
    ran, problems, _ = check(caller, plan, argv, spec.parent, way=way)
    assert not problems, "\n".join([*problems, ran.stderr])
    assert ran.status == "exit 0", ran.stderr


@pytest.mark.parametrize("command", [["/usr/bin/env", "true"], ["env"]], ids=["path", "name"])
def test_another_command_in_a_compiled_file(product: Product, command: list[str]) -> None:
    """It is searched where `toyspec up SPEC -- COMMAND` would search it."""
    spec = fresh(product, "hello.yaml")
    argv = COMPILED.build(product, spec, command)
    plan = plan_of(product, spec, (), "--", *command)
    ran, problems, _ = check(product, plan, argv, spec.parent, way=COMPILED)
    assert not problems, "\n".join([*problems, ran.stderr])
    assert ran.status == "exit 0", ran.stderr


def read_all(screen: int, shown: list[bytes]) -> None:
    """What a terminal shows, until its last process has closed it."""
    while True:
        try:
            data = os.read(screen, 65536)
        except OSError:
            return
        if not data:
            return
        shown.append(data)
