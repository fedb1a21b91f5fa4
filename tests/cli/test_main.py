"""The command as a process: statuses, streams, and what it imports."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.product import Product
from toyspec.cli.main import VERBS, main
from toyspec.version import VERSION

SPEC = "version: 1\nname: dev\nsystem: host\ninit: [echo, hello]\n"
FILE = "exe"  # a spec whose name does not look like one

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Command:
    """The product in a directory of its user's with the spec `dev.yaml` in it."""

    product: Product
    here: Path

    def __call__(
        self,
        *args: str,
        cwd: Path | None = None,
        code: str | None = None,
        env: Mapping[str, str] = MappingProxyType({}),
        input: str | None = None,
    ) -> Done:
        """Run `toyspec ARGS`; with `code`, that as a program with ARGS."""
        begin = self.product.toyspec if code is None else [self.product.python, "-c", code]
        argv = [*begin, *args]
        return self.product.as_user(argv, cwd=cwd or self.here, env=env, input=input)

    def write(self, text: str, name: str = "dev.yaml") -> Path:
        """A file of the user's."""
        return self.product.write(self.here / name, text)

    def modules(self, *args: str) -> set[str]:
        """What a command has imported when it is done."""
        code = (
            "import os, sys; from toyspec.cli.main import main\n"
            "status = main(sys.argv[1:]); os.write(2, ' '.join(sys.modules).encode())\n"
            "sys.exit(status)"
        )
        done = self(*args, code=code)
        assert done.returncode == 0, done.stderr
        return set(done.stderr.split())


@pytest.fixture
def toyspec(product: Product) -> Command:
    command = Command(product, product.directory())
    command.write(SPEC)
    return command


@pytest.mark.parametrize(
    ("args", "status", "says"),
    [
        (
            [],
            2,
            "one of: up, run, exec, plan, check, compile, ps, logs, stop, kill, down, wait, restart, facts",
        ),
        (["pln"], 2, "did you mean plan?"),
        (["dev.yaml"], 2, "did you mean: toyspec up dev.yaml"),
        (["-q", "up"], 2, "options come after the verb"),
        (["--", "up"], 2, "what shall it do?"),
        (["up", "--what"], 125, "unknown option --what"),
        (["run", "--what"], 125, "unknown option --what"),
        (["run", "-q", "-v"], 125, "-q and -v contradict each other"),
        (["run", "-d", "dev.yaml"], 125, "unknown option -d"),
        (["up", "-d", "--status-fd", "2"], 125, "0, 1 and 2 are the box's"),
        (["run", "dev.yaml", "echo", "hi"], 125, "toyspec run dev.yaml -- echo hi"),
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
        (["check", "./"], 2, "./: Is a directory\n  no toyspec.yaml or toyspec.yml is in it"),
        (["check", "/dev/zero"], 1, "/dev/zero is larger than 8 MiB, and was not read"),
        (["check", "dev.yaml", "web"], 2, "no box `web` in dev.yaml: it describes `dev`"),
        (["up", "dev.yaml", "web"], 125, "a command to run in it goes after `--`"),
        (["up", "dev.yaml", "echo", "hi"], 125, "toyspec up dev.yaml -- echo hi"),
        (["check", "dev.yaml", "b.yaml"], 2, "two specs: dev.yaml and b.yaml"),
        (["facts"], 2, "toyspec facts ./dev.yaml"),
        (["up", FILE], 125, "`exe` is a file"),
        (["up", FILE], 125, "./exe or -f exe"),
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
def test_what_a_person_got_wrong(toyspec: Command, args: list[str], status: int, says: str) -> None:
    toyspec.write("version: none of yours\n", "bad.yaml")
    toyspec.write(SPEC, FILE)
    done = toyspec(*args)
    assert says in done.stderr
    assert (done.returncode, done.stdout) == (status, "")
    assert "Traceback" not in done.stderr


def test_a_spec_in_a_directory_is_named(toyspec: Command) -> None:
    toyspec.write(SPEC, "toyspec.yml")
    done = toyspec("check", "./")
    assert (
        done.stderr == "toyspec: error: ./: Is a directory\n  name the spec in it: ./toyspec.yml\n"
    )


def test_a_name_that_is_only_as_short_is_not_suggested(toyspec: Command) -> None:
    toyspec.write(SPEC, "m.yaml")
    done = toyspec("check", "nope.yaml")
    assert done.stderr == "toyspec: error: nope.yaml: No such file or directory\n"
    assert "did you mean m.yaml?" in toyspec("check", "m.yml").stderr


@pytest.mark.parametrize("verb", [*VERBS])
def test_every_verb_has_help(toyspec: Command, verb: str) -> None:
    done = toyspec(verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: toyspec {verb} ")


@pytest.mark.parametrize("most", range(5, 9))
def test_without_a_descriptor_to_spare_it_is_no_bug(toyspec: Command, most: int) -> None:
    words = [*toyspec.product.toyspec, "run", "dev.yaml"]
    script = f'ulimit -n {most}; exec "$@"'
    done = toyspec.product.as_user(["sh", "-c", script, "sh", *words], cwd=toyspec.here)
    assert done.returncode == 125 and "bug in toyspec" not in done.stderr
    assert "open" in done.stderr


def test_help_names_every_verb(toyspec: Command) -> None:
    done = toyspec("--help")
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in VERBS)


def test_version_is_printed_by_next_to_nothing(toyspec: Command) -> None:
    done = toyspec("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"toyspec {VERSION}\n", "")
    heavy = {"yaml", "jsonschema", "rich", "argparse", "typing", "re", "dataclasses", "ctypes"}
    assert not heavy & toyspec.modules("--version")


def test_a_valid_spec_is_checked_without_rich_and_without_a_look_at_the_machine(
    toyspec: Command,
) -> None:
    found = toyspec.modules("check", "-q", "dev.yaml")
    assert not {"rich", "argparse", "ctypes", "toyspec.host.probe"} & found


def test_plan_to_a_pipe_needs_no_rich(toyspec: Command) -> None:
    assert not {"rich", "argparse"} & toyspec.modules("plan", "dev.yaml")


def test_check_says_so(toyspec: Command) -> None:
    done = toyspec("check", "dev.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "dev.yaml: valid, the box `dev`\n"
    assert toyspec("check", "-q", "dev.yaml").stdout == ""


def test_check_for_tools(toyspec: Command) -> None:
    assert json.loads(toyspec("check", "--format", "json", "dev.yaml").stdout)["problems"] == []
    toyspec.write("version: 1\nread_olny: true\ninit: [x]\n")
    done = toyspec("check", "--format=json", "dev.yaml")
    assert done.returncode == 1
    assert json.loads(done.stdout)["problems"][0]["line"] == 2


def test_tools_are_told_what_is_not_there_as_well(toyspec: Command) -> None:
    done = toyspec("check", "--format", "json", "gone.yaml")
    assert (done.returncode, done.stderr) == (2, "")
    (problem,) = json.loads(done.stdout)["problems"]
    assert (problem["path"], problem["line"]) == ("gone.yaml", 0)
    assert problem["message"] == "gone.yaml: No such file or directory"


def test_a_plan_in_a_pipe_is_whole_unless_columns_says_how_wide(toyspec: Command) -> None:
    toyspec.write(SPEC + f"binds: [/usr/bin:/{'x' * 200}]\n")
    whole = toyspec("plan", "dev.yaml").stdout
    assert "…" not in whole
    assert "x" * 200 in whole
    narrow = toyspec("plan", "dev.yaml", env={"COLUMNS": "80"}).stdout
    *lines, last = narrow.splitlines()
    assert all(len(line) <= 80 for line in lines if not line.startswith("warning"))
    assert last == whole.splitlines()[-1]


def test_a_spec_on_standard_input(toyspec: Command) -> None:
    done = toyspec("check", "-", input=SPEC)
    assert done.stdout == "<stdin>: valid, the box `dev`\n"


def test_a_spec_found_above_is_named(toyspec: Command) -> None:
    toyspec.write(SPEC, "toyspec.yaml")
    deep = toyspec.here / "a" / "b"
    toyspec.write("", "a/b/c")
    done = toyspec("check", cwd=deep)
    assert done.stderr == "toyspec: using ../../toyspec.yaml\n"
    assert done.stdout == "../../toyspec.yaml: valid, the box `dev`\n"
    assert toyspec("check", cwd=toyspec.here).stderr == ""


def test_facts_are_enough_for_the_same_plan(toyspec: Command) -> None:
    facts = toyspec("facts", "dev.yaml")
    assert facts.returncode == 0, facts.stderr
    toyspec.write(facts.stdout, "facts.json")
    for form in ("--json", "--syscalls", "--format=text", "-v"):
        here = toyspec("plan", form, "dev.yaml")
        saved = toyspec("plan", form, "--facts", "facts.json", "dev.yaml")
        assert here.returncode == 0, here.stderr
        assert here.stdout == saved.stdout


def test_facts_of_another_spec_are_not_enough(toyspec: Command) -> None:
    toyspec.write(toyspec("facts", "dev.yaml").stdout, "facts.json")
    toyspec.write(SPEC + "binds: [/opt:/opt]\n")
    done = toyspec("plan", "--facts", "facts.json", "dev.yaml")
    assert done.returncode == 2
    assert "facts.json does not say: " in done.stderr
    assert "record facts for this very spec" in done.stderr


def test_options_change_the_plan(toyspec: Command) -> None:
    words = ["-e", "A=1", "-e", "B", "-w", "/tmp", "dev.yaml", "--", "sh", "-c", "true"]
    text = toyspec("plan", "--syscalls", *words, env={"B": "two"}).stdout
    assert '["sh", "-c", "true"]' in text
    assert '"A=1"' in text
    assert '"B=' in text
    assert 'chdir("/tmp")' in text


def test_a_plan_as_data_is_one_object(toyspec: Command) -> None:
    one, two = (toyspec("plan", form, "dev.yaml").stdout for form in ("--json", "--format=json"))
    assert one == two
    assert json.loads(one)["format"] == "toyspec-plan"


def test_facts_as_text_are_one_line_each(toyspec: Command) -> None:
    lines = toyspec("facts", "--format", "text", "dev.yaml").stdout.splitlines()
    assert f"uid {toyspec.product.uid}" in lines
    assert any(line.startswith("paths./usr.kind ") for line in lines)


@pytest.mark.parametrize("which", ["spec", "plan"])
def test_schemas(toyspec: Command, which: str) -> None:
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
def test_colour(toyspec: Command, args: list[str], env: dict[str, str], coloured: bool) -> None:
    done = toyspec("plan", *args, "dev.yaml", env=env)
    assert ("\x1b[" in done.stdout) is coloured


def test_nobody_reads_on(toyspec: Command) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with (
        os.fdopen(writer) as out,
        toyspec.product.popen(["plan", "dev.yaml"], cwd=toyspec.here, stdout=out) as process,
    ):
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (141, "")


def test_a_full_disk_is_an_error(toyspec: Command) -> None:
    with (
        open("/dev/full", "w") as full,
        toyspec.product.popen(["--version"], stdout=full) as process,
    ):
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "cannot write to standard output: No space left on device" in err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_bug(toyspec: Command, closed: str) -> None:
    """What is opened later must not take their numbers: 0 to 2 cross into the box."""
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *toyspec.product.toyspec, "plan", "dev.yaml"]
    done = toyspec.product.as_user(shell, cwd=toyspec.here)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("prepare\n") is (">&-" not in closed.split())


@pytest.mark.parametrize(("verbose", "traceback"), [([], False), (["-v"], True)])
def test_a_bug_says_that_it_is_one(toyspec: Command, verbose: list[str], traceback: bool) -> None:
    code = (
        "import sys; from toyspec.spec import load\n"
        "def broken(*_): raise KeyError('\\x1b[2J')\n"
        "load.load = broken\n"
        "from toyspec.cli.main import main; sys.exit(main())"
    )
    done = toyspec("check", *verbose, "dev.yaml", code=code)
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
