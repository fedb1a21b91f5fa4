"""`toyspec run`: one command in a fresh box, as a part of a script."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import tools
from tests.product import Product, Word, processes_of

SPEC = """\
version: 1
name: box
system: host
binds: [".:/work"]
working_dir: /work
init: [sh, -c, "echo by itself; exit 4"]
"""
MANY = 300
HOW = ("--no-cache", "kept")


class Caller:
    """Who has a spec, and what they run in its box."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.here = product.directory()
        product.write(self.here / "dev.yaml", SPEC)
        self.environment = {"XDG_CACHE_HOME": str(self.here / "cache")}

    def words(self, how: str, *words: str, verb: str = "run") -> list[Word]:
        option = [how] if how.startswith("-") else []
        return [*self.product.toyspec, verb, *option, "dev.yaml", *words]

    def run(self, how: str, *words: str, verb: str = "run") -> subprocess.CompletedProcess[str]:
        argv = self.words(how, *words, verb=verb)
        return self.product.as_user(argv, cwd=self.here, env=self.environment)

    def script(self, text: str, words: Sequence[Word]) -> subprocess.CompletedProcess[str]:
        """bash, where `box` stands for `words`."""
        argv: list[Word] = [
            "bash",
            "-c",
            f'box() {{ "${{words[@]}}" "$@"; }}; words=("$@"); {text}',
            "x",
        ]
        return self.product.as_user(
            [*argv, *words], cwd=self.here, env=self.environment, timeout=300
        )


@pytest.fixture
def caller(product: Product) -> Caller:
    return Caller(product)


def times(how: str) -> range:
    """What is kept is served by the front from the second time on."""
    return range(1 if how.startswith("-") else 3)


@pytest.mark.parametrize("how", HOW)
def test_nothing_is_said_and_the_status_is_the_command_s(caller: Caller, how: str) -> None:
    for _ in times(how):
        done = caller.run(how, "--", "sh", "-c", "echo out; echo err >&2; exit 3")
        assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
        done = caller.run(how)
        assert (done.returncode, done.stdout, done.stderr) == (4, "by itself\n", "")


def test_verbose_it_shows_the_trace(caller: Caller) -> None:
    done = caller.run("-v", "--", "true")
    assert (done.returncode, done.stdout) == (0, "")
    assert "box: prepare: " in done.stderr
    assert " steps in " in done.stderr


def test_a_spec_is_found_above_without_a_word(caller: Caller) -> None:
    (caller.here / "dev.yaml").rename(caller.here / "toyspec.yaml")
    below = caller.here / "below"
    below.mkdir()
    caller.product.own(below)
    for words in (["run"], ["run", "box"], ["run", "-w", "/", "box"]):
        done = caller.product.run([*words, "--", "pwd"], cwd=below)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == ("/\n" if "-w" in words else "/work\n")


@pytest.mark.parametrize("how", HOW)
def test_a_reaper_is_pid_1_unless_the_spec_has_none(caller: Caller, how: str) -> None:
    for _ in times(how):
        assert caller.run(how, "--", "sh", "-c", "echo $$").stdout != "1\n"
        assert caller.run(how, "-q", "--", "sh", "-c", "echo $$", verb="up").stdout == "1\n"
    caller.product.write(caller.here / "dev.yaml", f"{SPEC}reaper: false\n")
    for _ in times(how):
        assert caller.run(how, "--", "sh", "-c", "echo $$").stdout == "1\n"


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("terminal", [[], ["-T"]])
def test_in_a_pipe(caller: Caller, how: str, terminal: list[str]) -> None:
    tools.need("bash", "tar")
    (caller.here / "large").write_bytes(os.urandom(1 << 20) * 3)
    for _ in times(how):
        words = caller.words(how, *terminal, "--", "sha256sum")
        done = caller.script("tar c large | tee copy | box; echo ${PIPESTATUS[*]}", words)
        want = hashlib.sha256((caller.here / "copy").read_bytes()).hexdigest()
        assert done.stdout == f"{want}  -\n0 0 0\n", done.stderr


@pytest.mark.parametrize("how", HOW)
def test_a_pipe_that_nobody_reads_on(caller: Caller, how: str) -> None:
    pipe = 128 + signal.SIGPIPE
    for _ in times(how):
        done = caller.script("box | head -1; echo ${PIPESTATUS[*]}", caller.words(how, "--", "yes"))
        assert (done.stdout, done.stderr) == (f"y\n{pipe} 0\n", "")
        words = caller.words(how, "--", "head", "-1")
        done = caller.script("yes | box; echo ${PIPESTATUS[*]}", words)
        assert (done.stdout, done.stderr) == (f"y\n{pipe} 0\n", "")
        done = caller.script(
            "box | true; echo ${PIPESTATUS[0]}", caller.words(how, "--", "cat", "large")
        )
        assert done.stdout


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_that_ended_the_command(caller: Caller, how: str, number: signal.Signals) -> None:
    """With no handler, as a child of the reaper: `sleep` ends as it does outside."""
    for _ in times(how):
        done = caller.run(how, "--", "sh", "-c", f"kill -{number} $$; sleep 10")
        assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", "")


def test_words_that_make_no_sense(caller: Caller) -> None:
    for words, says in (
        (["--what"], "unknown option --what"), (["web"], "no box `web` in dev.yaml"),
        (["--status-fd", "9"], "--status-fd 9: not open for writing"), (["echo", "hi"], "one word too many"),
    ):  # fmt: skip
        done = caller.run("kept", *words)
        assert (done.returncode, done.stdout) == (125, "")
        assert says in done.stderr


def steps(product: Product, directory: Path, *words: str) -> list[tuple[object, ...]]:
    """Of a plan: each step's role, call and arguments."""
    done = product.run(["plan", "--json", *words], cwd=directory)
    assert done.returncode == 0, done.stderr
    return [(step["role"], step["call"], step["args"]) for step in json.loads(done.stdout)["steps"]]


def test_its_plan_is_that_of_a_box_with_a_reaper(caller: Caller) -> None:
    """Whose every step is failed and killed in tests/kernel_side."""
    product, here = caller.product, caller.here
    run = steps(product, here, "--run", "dev.yaml", "--", "true")
    assert run != steps(product, here, "dev.yaml", "--", "true")
    product.write(here / "dev.yaml", f"{SPEC}reaper: true\n")
    assert run == steps(product, here, "dev.yaml", "--", "true")
    assert run == steps(product, here, "--run", "dev.yaml", "--", "true")
    product.write(here / "dev.yaml", f"{SPEC}reaper: false\n")
    assert steps(product, here, "--run", "dev.yaml") == steps(product, here, "dev.yaml")


def test_many_runs_from_a_script_leave_nothing(caller: Caller) -> None:
    """No process, no file but those of one kept box, no descriptor of the script's."""
    tools.need("bash")
    product = caller.product
    assert caller.run("kept", "--", "true").returncode == 0
    before = processes_of(product.uid) if product.switch else {}
    count = f"""
        set -- /proc/$$/fd/*; echo $#
        for i in $(seq {MANY}); do
            box -- sh -c "sleep 100 & exit $((i % 100))"
            [ $? = $((i % 100)) ] || echo wrong
        done
        set -- /proc/$$/fd/*; echo $#"""
    done = caller.script(count, caller.words("kept"))
    first, *more = done.stdout.split()
    assert (more, done.stderr) == ([first], "")
    assert not product.switch or processes_of(product.uid) == before
    names = sorted(path.suffix for path in (caller.here / "cache/toyspec").iterdir())
    assert names in ([".box"], [".box", ".front"])
