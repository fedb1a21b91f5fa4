"""The command as a process: statuses, streams, and what it imports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from toyspec.cli.main import VERBS, main
from toyspec.version import VERSION

CODE = "import sys; from toyspec.cli.main import main; sys.exit(main())"
SPEC = "version: 1\nname: dev\nsystem: host\ninit: [echo, hello]\n"


def toyspec(
    *args: str,
    cwd: Path | None = None,
    code: str = CODE,
    env: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(Path(__file__).parents[2]), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "dev.yaml"
    path.write_text(SPEC)
    return path


@pytest.mark.parametrize(
    ("args", "status", "says"),
    [
        ([], 2, "one of: up, plan, check, facts, schema"),
        (["pln"], 2, "did you mean plan?"),
        (["dev.yaml"], 2, "did you mean: toyspec up dev.yaml"),
        (["-q", "up"], 2, "options come after the verb"),
        (["--", "up"], 2, "what shall it do?"),
        (["up", "--what"], 125, "unknown option --what"),
        (["plan", "--what"], 2, "unknown option --what"),
        (["check", "--what"], 2, "unknown option --what"),
        (["facts", "--what"], 2, "unknown option --what"),
        (["schema", "--what"], 2, "unknown option --what"),
        (["schema", "box"], 2, "no schema of `box`"),
        (["schema", "spec", "plan"], 2, "no schema of"),
        (["up", "dev.yaml", "Odd"], 125, "`Odd` is one word too many"),
        (["up", "gone.yaml"], 125, "gone.yaml: No such file or directory"),
        (["check", "gone.yaml"], 2, "gone.yaml: No such file or directory"),
        (["up", "dve.yaml"], 125, "did you mean dev.yaml?"),
        (["check", "./"], 2, "./: Is a directory"),
        (["check", "/dev/zero"], 1, "/dev/zero is larger than 8 MiB, and was not read"),
        (["check", "dev.yaml", "web"], 2, "no box `web` in dev.yaml: it describes `dev`"),
        (["up", "dev.yaml", "web"], 125, "a command to run in it goes after `--`"),
        (["plan", "-w", "work", "dev.yaml"], 2, "a path inside the box"),
        (["plan", "-e", "=1", "dev.yaml"], 2, "a variable needs a name"),
        (["plan", "--json", "--syscalls", "dev.yaml"], 2, "--syscalls is text"),
        (["plan", "--facts", "gone", "dev.yaml"], 2, "gone: No such file"),
        (["plan", "--facts", "dev.yaml", "dev.yaml"], 2, "record facts with: toyspec facts"),
        (["check", "bad.yaml"], 1, "bad.yaml:1:"),
        (["plan", "bad.yaml"], 1, "bad.yaml:1:"),
        (["up", "bad.yaml"], 125, "bad.yaml:1:"),
    ],
)
def test_what_a_person_got_wrong(spec: Path, args: list[str], status: int, says: str) -> None:
    (spec.parent / "bad.yaml").write_text("version: none of yours\n")
    done = toyspec(*args, cwd=spec.parent)
    assert says in done.stderr
    assert (done.returncode, done.stdout) == (status, "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", [*VERBS])
def test_every_verb_has_help(verb: str) -> None:
    done = toyspec(verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: toyspec {verb} ")


def test_help_names_every_verb() -> None:
    done = toyspec("--help")
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in VERBS)


def modules(*args: str, cwd: Path | None = None) -> set[str]:
    """What a command has imported when it is done."""
    code = (
        "import os, sys; from toyspec.cli.main import main\n"
        "status = main(sys.argv[1:]); os.write(2, ' '.join(sys.modules).encode())\n"
        "sys.exit(status)"
    )
    done = toyspec(*args, cwd=cwd, code=code)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_version_is_printed_by_next_to_nothing() -> None:
    done = toyspec("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"toyspec {VERSION}\n", "")
    heavy = {"yaml", "jsonschema", "rich", "argparse", "typing", "re", "dataclasses", "ctypes"}
    assert not heavy & modules("--version")


def test_a_valid_spec_is_checked_without_rich_and_without_a_look_at_the_machine(spec: Path) -> None:
    found = modules("check", "-q", "dev.yaml", cwd=spec.parent)
    assert not {"rich", "argparse", "ctypes", "toyspec.host.probe"} & found


def test_plan_to_a_pipe_needs_no_rich(spec: Path) -> None:
    assert not {"rich", "argparse"} & modules("plan", "dev.yaml", cwd=spec.parent)


def test_check_says_so(spec: Path) -> None:
    done = toyspec("check", "dev.yaml", cwd=spec.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "dev.yaml: valid, the box `dev`\n"
    assert toyspec("check", "-q", "dev.yaml", cwd=spec.parent).stdout == ""


def test_check_for_tools(spec: Path) -> None:
    assert json.loads(toyspec("check", "--format", "json", str(spec)).stdout)["problems"] == []
    spec.write_text("version: 1\nread_olny: true\ninit: [x]\n")
    done = toyspec("check", "--format=json", str(spec))
    assert done.returncode == 1
    assert json.loads(done.stdout)["problems"][0]["line"] == 2


def test_a_spec_on_standard_input() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, "check", "-"],
        input=SPEC,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "<stdin>: valid, the box `dev`\n"


def test_a_spec_found_above_is_named(spec: Path) -> None:
    spec.rename(spec.parent / "toyspec.yaml")
    deep = spec.parent / "a" / "b"
    deep.mkdir(parents=True)
    done = toyspec("check", cwd=deep)
    assert done.stderr == "toyspec: using ../../toyspec.yaml\n"
    assert done.stdout == "../../toyspec.yaml: valid, the box `dev`\n"
    assert toyspec("check", cwd=spec.parent).stderr == ""


def test_facts_are_enough_for_the_same_plan(spec: Path) -> None:
    facts = toyspec("facts", "dev.yaml", cwd=spec.parent)
    assert facts.returncode == 0, facts.stderr
    (spec.parent / "facts.json").write_text(facts.stdout)
    for form in ("--json", "--syscalls", "--format=text", "-v"):
        here = toyspec("plan", form, "dev.yaml", cwd=spec.parent)
        saved = toyspec("plan", form, "--facts", "facts.json", "dev.yaml", cwd=spec.parent)
        assert here.returncode == 0, here.stderr
        assert here.stdout == saved.stdout


def test_facts_of_another_spec_are_not_enough(spec: Path) -> None:
    (spec.parent / "facts.json").write_text(toyspec("facts", str(spec)).stdout)
    spec.write_text(SPEC + "binds: [/opt:/opt]\n")
    done = toyspec("plan", "--facts", "facts.json", "dev.yaml", cwd=spec.parent)
    assert done.returncode == 2
    assert "facts.json does not say: " in done.stderr
    assert "record facts for this very spec" in done.stderr


def test_options_change_the_plan(spec: Path) -> None:
    words = ["-e", "A=1", "-e", "B", "-w", "/tmp", "dev.yaml", "--", "sh", "-c", "true"]
    text = toyspec("plan", "--syscalls", *words, cwd=spec.parent, env={"B": "two"}).stdout
    assert '["sh", "-c", "true"]' in text
    assert '"A=1"' in text
    assert '"B=' in text
    assert 'chdir("/tmp")' in text


def test_a_plan_as_data_is_one_object(spec: Path) -> None:
    one, two = (toyspec("plan", form, str(spec)).stdout for form in ("--json", "--format=json"))
    assert one == two
    assert json.loads(one)["format"] == "toyspec-plan"


def test_facts_as_text_are_one_line_each(spec: Path) -> None:
    lines = toyspec("facts", "--format", "text", str(spec)).stdout.splitlines()
    assert f"uid {os.getuid()}" in lines
    assert any(line.startswith("paths./usr.kind ") for line in lines)


@pytest.mark.parametrize("which", ["spec", "plan"])
def test_schemas(which: str) -> None:
    done = toyspec("schema", which)
    assert json.loads(done.stdout)["$schema"].startswith("http://json-schema.org/draft-07/")
    if which == "spec":
        assert toyspec("schema").stdout == done.stdout


@pytest.mark.parametrize(
    ("args", "env", "coloured"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "0"}, False),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour(spec: Path, args: list[str], env: dict[str, str], coloured: bool) -> None:
    done = toyspec("plan", *args, str(spec), env=env)
    assert ("\x1b[" in done.stdout) is coloured


def test_nobody_reads_on(spec: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", CODE, "plan", str(spec)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_full_disk_is_an_error() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", CODE, "--version"],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "cannot write to standard output: No space left on device" in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_bug(spec: Path, closed: str) -> None:
    """What is opened later must not take their numbers: 0 to 2 cross into the box."""
    shell = f'exec "$0" -c "$1" plan "$2" {closed}'
    done = subprocess.run(
        ["sh", "-c", shell, sys.executable, CODE, str(spec)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("prepare\n") is (">&-" not in closed.split())


@pytest.mark.parametrize("verb", ["up", "plan"])
def test_an_interrupt_is_quiet(spec: Path, verb: str) -> None:
    os.mkfifo(spec.parent / "slow.yaml")
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, verb, "slow.yaml"],
        cwd=spec.parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process, open(spec.parent / "slow.yaml", "wb"):  # it reads now, and gets nothing
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"")


@pytest.mark.parametrize(("verbose", "traceback"), [([], False), (["-v"], True)])
def test_a_bug_says_that_it_is_one(spec: Path, verbose: list[str], traceback: bool) -> None:
    code = (
        "import sys; from toyspec.spec import load\n"
        "def broken(*_): raise KeyError('\\x1b[2J')\n"
        "load.load = broken\n"
        "from toyspec.cli.main import main; sys.exit(main())"
    )
    done = toyspec("check", *verbose, str(spec), code=code)
    assert done.returncode == 125
    assert "this is a bug in toyspec, not in your spec: KeyError" in done.stderr
    assert ("Traceback" in done.stderr) is traceback
    assert "\x1b[2J" not in done.stderr


def test_main_returns_a_status(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert main(["nothing"]) == 2
    assert main(["up", "--nothing"]) == 125
    assert capfd.readouterr().out == f"toyspec {VERSION}\n"


@pytest.mark.parametrize(
    "word", ["", "a\0b.yaml", "\udcff.yaml", "x" * 5000 + ".yaml", "\x1b[2J/x"]
)
def test_any_word_is_answered_on_two_short_lines(
    capfd: pytest.CaptureFixture[str], word: str
) -> None:
    assert main(["check", word]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert 1 <= len(lines) <= 2
    assert all(line.isprintable() and len(line) < 700 for line in lines)
