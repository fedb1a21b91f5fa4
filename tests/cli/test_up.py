"""`toyspec up` from outside, as an ordinary user: statuses, streams, the trace, the terminal."""

from __future__ import annotations

import os
import re
import select
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from tests import tools
from tests.product import Product
from toyspec.cli.main import main

SPEC = "version: 1\nname: dev\nsystem: host\ninit: [echo, hello]\n"
SUM = re.compile(r"dev: [0-9]+ steps in [0-9.]+ m?s")


@pytest.fixture
def here(product: Product) -> Path:
    path = product.directory()
    product.write(path / "dev.yaml", SPEC)
    return path


@pytest.mark.parametrize(
    ("words", "status", "out"),
    [
        ([], 0, "hello\n"),
        (["--", "sh", "-c", "exit 7"], 7, ""),
        (["--", "sh", "-c", "kill -9 $$; echo alive"], 0, "alive\n"),  # PID 1 is not to be killed
        (["-e", "A=1", "-e", "B", "--", "sh", "-c", "echo $A $B"], 0, "1 two\n"),
        (["-w", "/tmp", "--", "pwd"], 0, "/tmp\n"),
        (["dev", "--", "echo", "-q", "--", "x"], 0, "-q -- x\n"),
    ],
)
def test_the_box_has_the_last_word(
    product: Product, here: Path, words: list[str], status: int, out: str
) -> None:
    done = product.run(["up", "-q", "dev.yaml", *words], cwd=here, env={"B": "two"})
    assert (done.returncode, done.stdout, done.stderr) == (status, out, "")


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--", "/nowhere"], 127, ["error: no /nowhere in the box", "ENOENT", "execve("]),
        (["--", "/etc/passwd"], 126, ["EACCES", "execve("]),
        (["-w", "/nowhere"], 125, ["working directory /nowhere", 'chdir("/nowhere")', "ENOENT"]),
    ],
)
def test_a_failure_is_one_error(
    product: Product, here: Path, words: list[str], status: int, says: list[str]
) -> None:
    done = product.run(["up", "-q", "dev.yaml", *words], cwd=here)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.count("error:") == 1
    for text in (*says, "    step: ", "    what to do: "):
        assert text in done.stderr


def test_a_failure_names_the_line(product: Product, here: Path) -> None:
    product.write(here / "dev.yaml", SPEC.replace("echo, hello", "/nowhere"))
    done = product.run(["up", "-q", "dev.yaml"], cwd=here)
    assert done.stderr.startswith("dev.yaml:4:7: error: no /nowhere in the box\n")


def test_without_a_terminal_the_trace_is_one_plain_line(product: Product, here: Path) -> None:
    done = product.run(["up", "dev.yaml"], cwd=here)
    (line,) = done.stderr.splitlines()
    assert done.stdout == "hello\n"
    assert re.fullmatch(SUM.pattern + r"( · [a-z]+ [0-9.]+)*", line)


def test_an_executable_spec(product: Product, here: Path) -> None:
    shebang = f"#!/usr/bin/env -S {product.toyspec[0]} up -q\n"
    path = product.write(here / "run.yaml", shebang + SPEC, 0o755)
    assert path.stat().st_mode & stat.S_IXUSR
    assert product.as_user([str(path)], cwd="/").stdout == "hello\n"
    assert product.as_user([str(path), "--", "echo", "other"], cwd="/").stdout == "other\n"
    done = product.as_user([str(path), "one", "two"], cwd="/")
    assert done.returncode == 125
    assert f"toyspec up -q {path} -- one two" in done.stderr


class Terminal:
    """A `toyspec up` on a terminal of its own."""

    def __init__(self, product: Product, here: Path, *words: str, **env: str) -> None:
        self.process, self.master = product.terminal(["up", "dev.yaml", *words], cwd=here, env=env)
        self.text = ""

    def read(self, until: str, seconds: float = 20) -> str:
        """What the terminal got, as soon as it holds `until`, or at the end."""
        deadline = time.monotonic() + seconds
        while until not in self.text and time.monotonic() < deadline:
            if not select.select([self.master], [], [], 0.05)[0]:
                if self.process.poll() is not None:
                    break
                continue
            try:
                self.text += os.read(self.master, 4096).decode()
            except OSError:
                break
        return self.plain

    @property
    def plain(self) -> str:
        """Without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.text)

    def type(self, text: str) -> None:
        """Keys."""
        os.write(self.master, text.encode())

    def end(self) -> int:
        """Init's status."""
        self.read("\0")
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            os.close(self.master)


def test_on_a_terminal_one_line_and_then_the_box(product: Product, here: Path) -> None:
    terminal = Terminal(product, here)
    assert terminal.end() == 0
    first, second = terminal.plain.splitlines()
    assert SUM.match(first)
    assert second == "hello"
    assert "\x1b[?25" not in terminal.text


def test_quiet_on_a_terminal(product: Product, here: Path) -> None:
    terminal = Terminal(product, here, "-q")
    assert terminal.end() == 0
    assert terminal.text == "hello\r\n"


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours(product: Product, here: Path, env: dict[str, str]) -> None:
    terminal = Terminal(product, here, **env)
    assert terminal.end() == 0
    assert "\x1b" not in terminal.text


def test_after_inits_first_byte_nothing_is_ours(product: Product, here: Path) -> None:
    terminal = Terminal(product, here, "--", "sh", "-c", "echo begin; sleep 0.5; stty -a; echo end")
    assert terminal.end() == 0
    after = terminal.plain.split("begin\r\n")[1]
    assert "dev:" not in after
    assert after.endswith("end\r\n")


def test_a_terminal_that_stops_background_output_stops_nothing(
    product: Product, here: Path
) -> None:
    """stty tostop stops no job that is in the foreground."""
    for _ in range(5):
        shell = 'stty tostop; exec "$@"'
        argv = ["sh", "-c", shell, "sh", *product.toyspec, "up", "dev.yaml"]
        process, master = product.terminal(argv, cwd=here, program=True)
        text = ""
        while select.select([master], [], [], 20)[0]:
            try:
                text += os.read(master, 4096).decode()
            except OSError:
                break
        assert process.wait(20) == 0
        os.close(master)
        assert text.endswith("hello\r\n")


def test_the_box_reads_what_is_typed(product: Product, here: Path) -> None:
    terminal = Terminal(product, here, "--", "sh", "-c", "echo ready; read x; echo got $x")
    terminal.read("ready")
    terminal.type("words\r")
    assert terminal.end() == 0
    assert "got words" in terminal.text


def test_no_view_is_left_while_the_box_runs(product: Product, here: Path) -> None:
    terminal = Terminal(product, here, "--", "sh", "-c", "echo ready; read x")
    terminal.read("ready")
    time.sleep(0.3)
    children = Path(f"/proc/{terminal.process.pid}/task/{terminal.process.pid}/children")
    alive = [
        pid
        for pid in children.read_text().split()
        if "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    ]
    assert len(alive) == 1  # setup
    terminal.type("\r")
    assert terminal.end() == 0


def test_a_failure_on_a_terminal(product: Product, here: Path) -> None:
    terminal = Terminal(product, here, "-w", "/nowhere")
    assert terminal.end() == 125
    text = terminal.plain
    assert text.startswith("dev: stopped at step ")
    assert ", in confine after " in text.splitlines()[0]
    assert "error: working directory /nowhere" in text


def test_an_invalid_spec_on_a_terminal_shows_no_trace(product: Product, here: Path) -> None:
    product.write(here / "dev.yaml", "version: 1\ninit: yes\n")
    terminal = Terminal(product, here)
    assert terminal.end() == 125
    assert "dev.yaml:2:7: error" in terminal.plain
    assert "steps" not in terminal.text


def test_a_killed_monitor_leaves_no_view(product: Product, here: Path) -> None:
    """Many files, so that there is a view for a while."""
    files = "".join(f"- {{target: /srv/{number}, content: x}}\n" for number in range(3000))
    product.write(
        here / "slow.yaml", f"version: 1\nsystem: host\nfiles:\n{files}init: [sleep, '1000']\n"
    )
    process, master = product.terminal(["up", "--no-cache", "slow.yaml"], cwd=here)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 30
    while not children.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    view = children.read_text().split()[0]
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    while os.path.exists(f"/proc/{view}") and time.monotonic() < deadline + 5:
        time.sleep(0.02)
    assert not os.path.exists(f"/proc/{view}")
    os.close(master)


def test_a_plan_that_no_run_has_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A million steps, as it is: nothing was begun."""
    from toyspec.cli import up

    monkeypatch.setattr(up, "MOST_STEPS", 10)
    (tmp_path / "box.yaml").write_text("version: 1\ninit: [/bin/true]\n")
    assert main(["up", "-q", str(tmp_path / "box.yaml")]) == 125
    error = capsys.readouterr().err
    assert "steps, and a run has room for 10" in error
    assert "bind a directory that holds" in error


@pytest.mark.parametrize("words", [["up", "-q"], ["up", "-q", "--no-cache"], ["run"]])
def test_a_variable_without_a_name_is_left_behind(
    product: Product, here: Path, words: list[str]
) -> None:
    """Which the kernel hands on, and Python's execve refuses."""
    argv = ["env", "=x", *product.toyspec, *words, "dev.yaml"]
    for _ in range(2):
        done = product.as_user(argv, cwd=here)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("verb", ["up", "plan", "facts"])
def test_a_machine_that_boxes_are_not_made_for(product: Product, here: Path, verb: str) -> None:
    tools.need("setarch")
    argv = ["setarch", "linux32", *product.toyspec, verb, "dev.yaml"]
    done = product.as_user(argv, cwd=here)
    assert (done.returncode, done.stdout) == (125 if verb == "up" else 2, "")
    said = "toyspec: error: boxes are made for x86_64 and aarch64, and this machine says it is '"
    assert done.stderr.startswith(said)
    assert done.stderr.endswith("'\n  if setarch(8) has it say so: do without\n")


@pytest.mark.parametrize("verb", ["plan", "compile -o x"])
def test_facts_of_a_machine_that_boxes_are_not_made_for(
    product: Product, here: Path, verb: str
) -> None:
    facts = product.run(["facts", "dev.yaml"], cwd=here).stdout
    product.write(here / "f.json", re.sub('"arch": "[^"]*"', '"arch": "riscv64"', facts))
    done = product.run([*verb.split(), "--facts", "f.json", "dev.yaml"], cwd=here)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        "boxes are made for x86_64 and aarch64, and this machine says it is 'riscv64'"
        in done.stderr
    )


def test_a_stem_leads_to_its_spec(product: Product) -> None:
    directory = product.directory()
    product.write(directory / "paste.yaml", "version: 1\nsystem: host\ninit: [sh]\n")
    for verb in ("up", "run", "plan", "check"):
        done = product.run([verb, "paste"], cwd=directory)
        assert done.returncode == (125 if verb in ("up", "run") else 2)
        assert "`paste` is no spec, but there is paste.yaml" in done.stderr
        assert f"\n  toyspec {verb} paste.yaml\n" in done.stderr
        done = product.run([verb, "past"], cwd=directory)
        assert "`past` can only be a box's name, and no toyspec.yaml" in done.stderr
    product.write(directory / "toyspec.yaml", "version: 1\nname: dev\ninit: [sh]\n")
    done = product.run(["up", "paste"], cwd=directory)
    assert done.returncode == 125
    assert "it describes `dev`\n  `paste` is no spec, but there is paste.yaml; name it whole" in (
        done.stderr
    )
    product.write(directory / "Upper.yml", "version: 1\ninit: [sh]\n")
    done = product.run(["up", "Upper"], cwd=directory)
    assert "there is Upper.yml\n  toyspec up Upper.yml\n" in done.stderr
