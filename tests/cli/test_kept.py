"""`up` of a spec seen before: always the box that would be planned now, whatever lies in the cache."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import sleep

import pytest

from tests import tools
from tests.installation import HAS_FRONT
from tests.product import Product, Word
from toyspec.emit.front import record

SPEC = """\
version: 1
system: host
environment: {{GREETING: "{greeting}"}}
init: [sh, -c, 'echo $GREETING']
"""
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Caller:
    """A user with a spec, and a cache of their own."""

    product: Product
    here: Path
    cache: Path

    def up(
        self, *words: str, env: dict[str, str | None] | None = None, cwd: Path | None = None
    ) -> Done:
        """`up -q WORDS`."""
        return self.product.run(
            ["up", "-q", *words], cwd=cwd or self.here, env=self.environment(env)
        )

    def traced(self, *words: str) -> Done:
        """`up WORDS`, the trace as a line."""
        return self.product.run(["up", *words], cwd=self.here, env=self.environment())

    def on_terminal(self, *words: Word) -> tuple[int, str]:
        """The exit status of any command, and what its terminal was sent: without colours, so that a
        run that is slow has one line too.
        """
        env = self.environment({"NO_COLOR": "1"})
        process, master = self.product.terminal(words, cwd=self.here, env=env, program=True)
        said = b""
        try:
            while piece := os.read(master, 1 << 16):
                said += piece
        except OSError:
            pass  # nobody is on it any more
        finally:
            os.close(master)
        return process.wait(timeout=60), said.decode().replace("\r\n", "\n")

    def environment(self, env: dict[str, str | None] | None = None) -> dict[str, str | None]:
        return {"XDG_CACHE_HOME": str(self.cache.parent), **(env or {})}

    def write(self, text: str, name: str = "box.yaml") -> Path:
        return self.product.write(self.here / name, text)

    def entries(self) -> list[Path]:
        return sorted(self.cache.glob("*.box"))

    def fronts(self) -> list[Path]:
        return sorted(self.cache.glob("*.front"))

    def served(self, *words: str, env: dict[str, str | None] | None = None) -> bool:
        """Whether the front serves `up -q WORDS`, of which there is a file: Python would make both anew."""
        before = {path: path.stat().st_ino for path in (*self.fronts(), *self.entries())}
        good(self.up(*words, env=env))
        after = {path: path.stat().st_ino for path in (*self.fronts(), *self.entries())}
        return before == after

    def planned(self, *words: str, env: dict[str, str | None] | None = None) -> bool:
        """Whether `up -q WORDS` reads the spec: what it imports before it becomes a box says so."""
        argv: list[Word] = [
            self.product.python,
            "-X",
            "importtime",
            self.product.script,
            "up",
            "-q",
            *words,
        ]
        done = self.product.as_user(argv, cwd=self.here, env=self.environment(env))
        assert done.returncode == 0, done.stderr
        found = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        assert "toyspec.start.again" in found
        return "yaml" in found


@pytest.fixture
def caller(product: Product) -> Caller:
    directory = product.directory()
    made = Caller(product, directory, directory / "cache" / "toyspec")
    made.write(SPEC.format(greeting="hello"))
    return made


def good(done: Done) -> str:
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_second_time_nothing_is_planned(caller: Caller) -> None:
    assert good(caller.up("box.yaml")) == "hello\n"
    (entry,) = caller.entries()
    before = entry.read_bytes()
    assert not caller.planned("box.yaml")
    assert good(caller.up("box.yaml")) == "hello\n"
    assert entry.read_bytes() == before


def test_a_warm_start_imports_its_own_room_only(caller: Caller) -> None:
    good(caller.up("box.yaml"))
    words = ["up", "-q", "box.yaml"]
    argv: list[Word] = [caller.product.python, "-X", "importtime", caller.product.script, *words]
    done = caller.product.as_user(argv, cwd=caller.here, env=caller.environment())
    found = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    own = {name for name in found if name.startswith("toyspec")}
    assert {name for name in own if not name.startswith("toyspec.start")} == {"toyspec"}
    dear = {"re", "argparse", "json", "ctypes", "dataclasses", "typing", "enum", "hashlib", "yaml"}
    assert not found & dear


def replace_toyspec_yaml(caller: Caller) -> None:
    caller.write(SPEC.format(greeting="searched"), "toyspec.yaml")


def test_a_spec_that_is_searched_for_is_kept_too(caller: Caller) -> None:
    below = caller.here / "below"
    below.mkdir()
    caller.product.own(below)
    replace_toyspec_yaml(caller)
    for _ in range(2):
        assert good(caller.up(cwd=below)) == "searched\n"
    assert len(caller.entries()) == 1
    caller.product.write(below / "toyspec.yaml", SPEC.format(greeting="nearer"))
    assert good(caller.up(cwd=below)) == "nearer\n"


CHANGES: dict[str, Callable[[Caller], tuple[dict[str, str | None], str]]] = {
    "the spec": lambda c: (c.write(SPEC.format(greeting="bye")), ({}, "bye\n"))[1],
    "the value of a variable": lambda _: ({"WORD": "two"}, "two\n"),
    "whether a variable is set": lambda _: ({"WORD": None}, "none\n"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changed_is_planned_anew(caller: Caller, what: str) -> None:
    caller.write(SPEC.format(greeting="${{WORD:-none}}".format()))
    for _ in range(2):
        assert good(caller.up("box.yaml", env={"WORD": "one"})) == "one\n"
    env, says = CHANGES[what](caller)
    for _ in range(2):
        assert good(caller.up("box.yaml", env={"WORD": "one", **env})) == says


def test_a_directory_that_became_a_symlink(caller: Caller) -> None:
    for name in ("one", "two"):
        caller.product.write(caller.here / name / "word", f"{name}\n")
    link = caller.here / "data"
    link.symlink_to("one")
    caller.write("version: 1\nsystem: host\nbinds: ['./data:/data']\ninit: [cat, /data/word]\n")
    for _ in range(2):
        assert good(caller.up("box.yaml")) == "one\n"
    link.unlink()
    link.symlink_to("two")
    assert good(caller.up("box.yaml")) == "two\n"
    link.unlink()
    caller.product.write(link / "word", "a directory\n")
    assert good(caller.up("box.yaml")) == "a directory\n"


def test_a_file_that_the_spec_includes(caller: Caller) -> None:
    profile = '{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{}]}}'
    refuse = '{"names": ["uname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}'
    caller.write(profile.format(""), "profile.json")
    caller.write("version: 1\nsystem: host\nseccomp: profile.json\ninit: [uname]\n")
    for _ in range(2):
        assert good(caller.up("box.yaml")) == "Linux\n"
    caller.write(profile.format(refuse), "profile.json")
    done = caller.up("box.yaml")
    assert done.returncode != 0
    assert "Input/output error" in done.stderr


def test_a_working_directory_that_is_mounted_over(plain: Caller) -> None:
    """Its path leads to another spec than the one that is read there."""
    unshare = tools.need("unshare")
    other = plain.here / "other"
    other.mkdir()
    plain.product.own(other)
    plain.product.write(other / "box.yaml", PLAIN.format(greeting="by its path"))
    run = f"{plain.product.toyspec[0]} up -q box.yaml"
    by_path = f'(cd "$PWD"; {run}; {run})'
    script = f'mount --bind other "$PWD"; {by_path}; {run}; {run}; {by_path}'
    argv: list[Word] = [unshare, "-c", "-m", "--keep-caps", "sh", "-c", script]
    done = plain.product.as_user(argv, cwd=plain.here, env=plain.environment())
    assert good(done).splitlines() == [*["by its path"] * 2, *["hello"] * 2, *["by its path"] * 2]


@pytest.mark.parametrize("umask", ["0777", "0177"])
def test_a_umask_does_not_shut_the_cache(caller: Caller, umask: str) -> None:
    script = f'umask {umask}; exec "$@"'
    words: list[Word] = [*caller.product.toyspec, "up", "-q", "box.yaml"]
    env = caller.environment({"XDG_CACHE_HOME": str(caller.here / "made/here")})
    done = caller.product.as_user(["sh", "-c", script, "sh", *words], caller.here, env)
    assert good(done) == "hello\n"
    for made in ("made", "made/here", "made/here/toyspec"):
        assert (caller.here / made).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("words", [("--no-cache",), ()], ids=["executor", "kept"])
def test_a_directory_that_no_file_can_be_in_is_passed_over(
    caller: Caller, words: tuple[str, ...]
) -> None:
    """PATH may name one that is too long for the kernel, or whose name is."""
    long = f"/{'/'.join(['x' * 200] * 20)}/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    path = f"{long}:/{'y' * 300}:/usr/bin"
    text = f"version: 1\nsystem: host\nenvironment: {{PATH: '{path}'}}\ninit: [echo, found]\n"
    caller.write(text)
    assert good(caller.up(*words, "box.yaml")) == "found\n"


def test_other_modules_are_another_toyspec_s_box(caller: Caller) -> None:
    """What was planned with PYTHONPATH, by whatever lies there, is served to nobody who has none."""
    modules = caller.product.directory()
    caller.product.write(modules / "sitecustomize.py", "")
    env: dict[str, str | None] = {"PYTHONPATH": str(modules)}
    good(caller.up("box.yaml", env=env))
    assert not caller.planned("box.yaml", env=env)
    assert caller.planned("box.yaml")
    assert len(caller.entries()) == 2


def test_other_words_are_another_box(caller: Caller) -> None:
    for words, says in (
        ((), "hello\n"), (("--", "echo", "a"), "a\n"), (("--", "echo", "b"), "b\n"),
        (("-e", "GREETING=x"), "x\n"), (("-w", "/tmp", "--", "pwd"), "/tmp\n"),
    ) * 2:  # fmt: skip
        assert good(caller.up("box.yaml", *words)) == says
    assert len(caller.entries()) == 3  # no value of `-e` is kept, and no command of a quiet box


def test_a_box_that_is_kept_takes_any_command(caller: Caller) -> None:
    """Where no trace is shown, which knows of the command."""
    for index, argv in enumerate(
        (["echo", "a"], ["/bin/echo", "b c", ""], ["sh", "-c", "echo $0", "d"])
    ):
        assert caller.up("box.yaml", "--", *argv).stdout == ("a\n", "b c \n", "d\n")[index]
        assert len(caller.entries()) == 1
        assert index == 0 or not caller.planned("box.yaml", "--", *argv)
    for argv, status in (
        (["nonesuch"], 127),
        (["/etc/hostname"], 126),
        (["sh", "-c", "exit 6"], 6),
    ):
        want = caller.up("--no-cache", "box.yaml", "--", *argv)
        done = caller.up("box.yaml", "--", *argv)
        assert (done.returncode, done.stdout, done.stderr) == (status, want.stdout, want.stderr)
    assert caller.up("box.yaml", "--", "").returncode == 125
    for words in ((), ("--",)) * 2:
        assert good(caller.up("box.yaml", *words)) == "hello\n"
    assert len(caller.entries()) == 2


def test_a_spec_without_a_command_of_its_own_is_kept_too(caller: Caller) -> None:
    caller.write("version: 1\nsystem: host\nenvironment: [PATH]\n")
    for path, argv, says in (
        ("/usr/bin:/bin", ["echo", "a"], "a\n"), ("/usr/bin:/bin", ["/bin/echo", "b"], "b\n"),
        ("/usr/bin:/bin", ["printf", "c"], "c"),
    ):  # fmt: skip
        assert good(caller.up("box.yaml", "--", *argv, env={"PATH": path})) == says
    done = caller.up("box.yaml", "--", "echo", "a", env={"PATH": "/nowhere"})
    assert done.returncode == 127
    done = caller.up("box.yaml")
    assert (done.returncode, done.stdout) == (125, "")
    assert "no `init`: nothing to run" in done.stderr


def test_a_changed_toyspec_plans_anew(caller: Caller, tmp_path: Path) -> None:
    """In place, with the same length and the same time: a version alone would not tell."""
    copy = caller.product.directory() / "copy"
    shutil.copytree(caller.product.checkout / "toyspec", copy / "toyspec")
    caller.product.own(copy)
    code = "import sys; from toyspec.start.again import begin; from toyspec.cli.main import main; "
    argv: list[Word] = [
        caller.product.python,
        "-P",
        "-c",
        f"{code}sys.exit(main(kept=begin()))",
        "up",
        "-q",
    ]
    env = {**caller.environment(), "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}

    def up() -> Done:
        return caller.product.as_user([*argv, "box.yaml"], cwd=caller.here, env=env)

    caller.write("version: 1\nsystem: host\ninit: [sh, -c, 'echo $PATH']\n")
    assert good(up()) == good(up())
    assert len(caller.entries()) == 1
    module = copy / "toyspec/spec/environment.py"
    seen = module.stat()
    text = module.read_text()
    with module.open("r+") as file:
        file.write(text.replace('PATH = "/usr/local/sbin:', 'PATH = "/usr/local/SBIN:'))
    os.utime(module, ns=(seen.st_atime_ns, seen.st_mtime_ns + 10**9))  # for its .pyc's sake
    assert good(up()).startswith("/usr/local/SBIN:")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda at: os.truncate(at, at.stat().st_size // 2),
    "emptied": lambda at: os.truncate(at, 0),
    "longer": lambda at: at.write_bytes(at.read_bytes() + b"\0"),
    "a byte of the head": lambda at: flip(at, 20),
    "a byte of the sums": lambda at: flip(at, 150),
    "a byte of the questions": lambda at: flip(at, 300),
    "a byte of the box": lambda at: flip(at, -100),
    "open to others": lambda at: at.chmod(0o644),
}


def flip(at: Path, place: int) -> None:
    data = bytearray(at.read_bytes())
    data[place] ^= 4
    at.write_bytes(data)


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_entry_costs_time_only(caller: Caller, how: str) -> None:
    assert good(caller.up("box.yaml")) == "hello\n"
    (entry,) = caller.entries()
    DAMAGE[how](entry)
    for file in caller.fronts():
        file.unlink()  # it needs no entry
    assert good(caller.up("box.yaml")) == "hello\n"
    assert not caller.planned("box.yaml")  # and it is whole again


def test_another_commands_entry_under_this_ones_name(caller: Caller) -> None:
    assert good(caller.up("box.yaml")) == "hello\n"
    (entry,) = caller.entries()
    assert good(caller.up("box.yaml", "--", "echo", "foreign")) == "foreign\n"
    (foreign,) = set(caller.entries()) - {entry}
    entry.write_bytes(foreign.read_bytes())
    assert good(caller.up("box.yaml")) == "hello\n"


@pytest.mark.parametrize("how", ["a file", "not to be written", "open to others", "a symlink"])
def test_without_a_cache_it_takes_its_time(caller: Caller, how: str) -> None:
    elsewhere = caller.here / "elsewhere"
    elsewhere.mkdir(0o700)
    caller.cache.parent.mkdir()
    if how == "a file":
        caller.cache.write_text("")
    elif how == "a symlink":
        caller.cache.symlink_to(elsewhere)
    else:
        caller.cache.mkdir(0o755 if how == "open to others" else 0o500)
    for path in (elsewhere, caller.cache.parent):
        caller.product.own(path)
    if caller.product.uid == 0 and how == "not to be written":
        pytest.skip("root writes everywhere")
    for _ in range(2):
        assert good(caller.up("box.yaml")) == "hello\n"
    assert not list(elsewhere.iterdir())


def test_no_cache_keeps_nothing(caller: Caller) -> None:
    assert good(caller.up("--no-cache", "box.yaml")) == "hello\n"
    assert not caller.cache.exists()
    good(caller.up("box.yaml"))
    assert caller.planned("--no-cache", "box.yaml")
    assert len(caller.entries()) == 1


def test_plan_and_check_keep_nothing(caller: Caller) -> None:
    for verb in ("plan", "check", "facts"):
        good(
            caller.product.run([verb, "-q", "box.yaml"], cwd=caller.here, env=caller.environment())
        )
    assert not caller.cache.parent.exists()


def test_secrets_do_not_reach_the_disk(caller: Caller) -> None:
    caller.write(SPEC.format(greeting="${TOKEN}"))
    for token in ("correct-horse", "correct-horse", "battery"):
        assert good(caller.up("box.yaml", env={"TOKEN": token})) == f"{token}\n"
    kept = b"".join(path.read_bytes() for path in caller.cache.iterdir())
    assert b"TOKEN" in kept
    assert b"correct-horse" not in kept
    assert b"battery" not in kept


def test_a_variable_in_the_bytes_of_a_file_is_not_kept(caller: Caller) -> None:
    caller.write(
        "version: 1\nsystem: host\ninit: [cat, /f]\nfiles: [{target: /f, content: '<${TOKEN}>'}]\n"
    )
    for token in ("correct-horse", "battery"):
        assert good(caller.up("box.yaml", env={"TOKEN": token})) == f"<{token}>"
    assert caller.entries() == []


def test_what_cannot_be_known_again_is_not_kept(caller: Caller) -> None:
    spec = SPEC.format(greeting="hello")
    caller.product.write(caller.here / "values", "GREETING=from a file\n")
    caller.write(
        SPEC.format(greeting="x").replace("environment", "x-no") + "env_file: values\n", "f.yaml"
    )
    for _ in range(2):
        assert good(caller.up("f.yaml")) == "from a file\n"
        done = caller.product.run(
            ["up", "-q", "-"], input=spec, cwd=caller.here, env=caller.environment()
        )
        assert good(done) == "hello\n"
    assert good(caller.up("box.yaml", "-e", "GREETING=secret")) == "secret\n"
    assert caller.entries() == []


def test_a_caller_under_a_filter_of_calls(caller: Caller) -> None:
    """A filter may answer for the kernel: whoever has one plans anew, and keeps nothing."""
    old = caller.product.checkout / "tests/hosts/old_kernel.py"
    argv: list[Word] = [caller.product.python, old, *caller.product.toyspec, "up", "-q", "box.yaml"]
    for _ in range(2):
        done = caller.product.as_user(argv, cwd=caller.here, env=caller.environment())
        assert good(done) == "hello\n"
        assert caller.entries() == []
    good(caller.up("box.yaml"))
    assert len(caller.entries()) == 1
    done = caller.product.as_user(argv, cwd=caller.here, env=caller.environment())
    assert good(done) == "hello\n"


@pytest.mark.parametrize(
    "words", [("--", "nonesuch"), ("--", "/etc/hostname"), ("-w", "/gone"), ("-w", "/etc/passwd")]
)
def test_what_fails_is_explained_as_ever(caller: Caller, words: Sequence[str]) -> None:
    want = caller.up("--no-cache", "box.yaml", *words)
    assert want.returncode in (125, 126, 127)
    for _ in range(2):
        done = caller.up("box.yaml", *words)
        assert (done.returncode, done.stdout, done.stderr) == (
            want.returncode, want.stdout, want.stderr,
        )  # fmt: skip


TRACE = re.compile(r"^(box: \d+ steps in) \d.*\n", re.MULTILINE)


def test_a_box_with_a_trace_is_kept_as_well(caller: Caller) -> None:
    def plain(text: str) -> list[str]:
        return TRACE.sub("\\1\n", text).splitlines()

    want = caller.traced(
        "--no-cache", "box.yaml", "--", "sh", "-c", "echo out; echo err >&2; exit 9"
    )
    for time in range(3):
        done = caller.traced("box.yaml", "--", "sh", "-c", "echo out; echo err >&2; exit 9")
        assert (done.returncode, done.stdout) == (want.returncode, want.stdout) == (9, "out\n")
        assert sorted(plain(done.stderr)) == sorted(plain(want.stderr))
        if time > 0:  # kept, it waits for the line, which the executor's comes with
            assert re.fullmatch(TRACE.pattern + "err\n", done.stderr)
        assert len(caller.entries()) == 1
    assert caller.up("box.yaml", "--", "true").stderr == ""
    assert len(caller.entries()) == 2  # of a quiet one it is another


def test_what_changed_is_planned_anew_with_a_trace_too(caller: Caller) -> None:
    for greeting in ("one", "one", "two", "two", "one"):
        caller.write(SPEC.format(greeting=greeting))
        done = caller.traced("box.yaml")
        assert (done.returncode, done.stdout) == (0, greeting + "\n")


def test_a_trace_on_a_terminal_needs_no_plan(caller: Caller) -> None:
    words: list[Word] = [*caller.product.toyspec, "up", "box.yaml"]
    timed: list[Word] = [caller.product.python, "-X", "importtime", caller.product.script]
    argv = [*timed, *words[1:]]
    for _ in range(3):
        status, said = caller.on_terminal(*words)
        assert (status, TRACE.sub("TRACE ", said)) == (0, "TRACE hello\n")
        assert len(caller.entries()) == 1
        status, said = caller.on_terminal(*argv)
        assert status == 0
        assert " yaml\n" not in said
        assert " toyspec.show.view\n" in said  # in the child


@pytest.mark.parametrize("words", [("--", "nonesuch"), ("-w", "/gone")])
def test_what_fails_is_explained_with_a_trace_too(caller: Caller, words: Sequence[str]) -> None:
    """The same but for times. A trace ends before `go`: its line never knows that there is no such
    command, kept or not.
    """

    def timeless(text: str) -> str:
        return re.sub(r" (in|after) \d.*", "", text)

    want = caller.traced("--no-cache", "box.yaml", *words)
    assert want.returncode in (125, 127)
    for _ in range(3):
        done = caller.traced("box.yaml", *words)
        assert (done.returncode, done.stdout) == (want.returncode, "")
        assert timeless(done.stderr) == timeless(want.stderr)
        assert re.match(
            r"box: (\d+ steps|stopped at step [^\n]*)\nbox.yaml: error: ", timeless(done.stderr)
        )
    command: list[Word] = [*caller.product.toyspec, "up"]
    status, text = caller.on_terminal(*command, "--no-cache", "box.yaml", *words)
    assert (status, text.count(" steps in ") + text.count("stopped")) == (want.returncode, 1)
    for _ in range(2):
        again, said = caller.on_terminal(*command, "box.yaml", *words)
        assert again == status
        assert timeless(said) == timeless(text)


def test_what_more_is_said_is_not_kept(caller: Caller) -> None:
    for _ in range(2):
        assert "box: namespaces: " in caller.traced("-v", "box.yaml").stderr
    assert caller.entries() == []


def test_many_at_once(caller: Caller) -> None:
    """Writers, readers, and somebody who damages what they write."""
    good(caller.up("box.yaml"))
    (entry,) = caller.entries()

    def one(number: int) -> str:
        if number % 4 == 3:
            try:
                os.truncate(entry, 1000 + number)
            except OSError:
                pass
        return good(caller.up("box.yaml"))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(32))) == {"hello\n"}


def test_a_box_cannot_write_to_the_cache(caller: Caller) -> None:
    """Also where there was none when the box was planned."""
    home = caller.product.directory()
    (home / "project").mkdir()
    caller.product.own(home)
    script = "touch .cache/toyspec/x; mv .cache/toyspec .cache/y; mv .cache z; ls -A .cache"
    caller.write(
        f"version: 1\nsystem: host\nbinds: ['{home}:/h:rw']\nworking_dir: /h\n"
        f"init: [sh, -c, '{script}']\n"
    )
    env: dict[str, str | None] = {"HOME": str(home), "XDG_CACHE_HOME": None}
    for options in ((), (), ("--no-cache",)):
        done = caller.product.run(["up", "-q", *options, "box.yaml"], cwd=caller.here, env=env)
        assert (done.returncode, done.stdout) == (0, "toyspec\n"), done.stderr
        assert "Read-only file system" in done.stderr
        assert done.stderr.count("busy") >= 2 or done.stderr.count("cannot") >= 3
    names = {path.suffix for path in (home / ".cache/toyspec").iterdir()}
    assert names - {".front"} == {".box"}


needs_front = pytest.mark.skipif(not HAS_FRONT, reason="no front is made for this machine")
PLAIN = SPEC.replace("init:", "etc: none\ninit:")
"""Asks nobody for the caller's name: who answers that is not always known to a front."""


@pytest.fixture
def plain(caller: Caller) -> Caller:
    """With a spec that a front can serve."""
    caller.write(PLAIN.format(greeting="hello"))
    return caller


@needs_front
def test_the_front_serves_without_python(plain: Caller) -> None:
    assert good(plain.up("box.yaml")) == "hello\n"
    assert len(plain.fronts()) == 1
    assert plain.served("box.yaml")
    done = plain.product.as_user(
        ["strace", "-f", "-e", "trace=execve", *plain.product.toyspec, "up", "-q", "box.yaml"],
        cwd=plain.here,
        env=plain.environment(),
    )
    assert good_output(done) == "hello\n"
    assert "python" not in "".join(line for line in done.stderr.splitlines() if "execve(" in line)


def good_output(done: Done) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python_stands_in_where_the_front_may_not(plain: Caller) -> None:
    """PYTHONPATH may make it another toyspec; the file stays for those who do not say so."""
    assert good(plain.up("box.yaml")) == "hello\n"
    for name in ("PYTHONPATH", "PYTHONSAFEPATH"):
        (before,) = (path.stat().st_ino for path in plain.fronts())
        assert good(plain.up("box.yaml", env={name: "1"})) == "hello\n"
        assert [path.stat().st_ino for path in plain.fronts()] == [before]
    assert plain.served("box.yaml", env={"PYTHONUNBUFFERED": "1"})
    assert plain.served("box.yaml")


@needs_front
@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_of_the_front_costs_time_only(plain: Caller, how: str) -> None:
    assert good(plain.up("box.yaml")) == "hello\n"
    (file,) = plain.fronts()
    DAMAGE[how](file)
    assert good(plain.up("box.yaml")) == "hello\n"
    assert plain.served("box.yaml")  # and it is whole again


@needs_front
def test_no_byte_of_the_front_s_file_may_differ(plain: Caller) -> None:
    good(plain.up("box.yaml"))
    (file,) = plain.fronts()
    whole = file.read_bytes()
    chance = random.Random(4)
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 1, 3))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        replace(plain, file, bytes(data))
        assert not plain.served("box.yaml") or data == whole
        assert plain.fronts() == [file]


def replace(caller: Caller, file: Path, data: bytes) -> None:
    file.unlink()
    file.write_bytes(data)
    file.chmod(0o600)
    caller.product.own(file.parent)


@needs_front
def test_another_command_s_file_under_this_one_s_name(plain: Caller) -> None:
    """Whole as it is: two names that are one by chance look like that."""
    good(plain.up("box.yaml"))
    (file,) = plain.fronts()
    for words in (("--", "echo", "foreign"), ("-w", "/tmp", "--", "pwd")):
        good(plain.up("box.yaml", *words))
        (foreign,) = set(plain.fronts()) - {file}
        replace(plain, file, foreign.read_bytes())
        foreign.unlink()
        assert good(plain.up("box.yaml")) == "hello\n"
    elsewhere = plain.here / "elsewhere"
    elsewhere.mkdir()
    plain.product.own(elsewhere)
    plain.product.write(elsewhere / "box.yaml", PLAIN.format(greeting="elsewhere"))
    assert good(plain.up("box.yaml", cwd=elsewhere)) == "elsewhere\n"
    (foreign,) = set(plain.fronts()) - {file}
    replace(plain, file, foreign.read_bytes())
    assert good(plain.up("box.yaml")) == "hello\n"


@needs_front
@pytest.mark.parametrize("name", ["early.pth", "sitecustomize.py"])
def test_what_python_executes_by_itself_is_looked_at_too(plain: Caller, name: str) -> None:
    """Written in place, it changes no directory."""
    (packages,) = plain.product.python.parent.parent.glob("lib/*/site-packages")
    file = plain.product.write(packages / name, "")
    try:
        sleep(0.1)  # what has just been changed is not trusted
        good(plain.up("box.yaml"))
        assert plain.served("box.yaml")
        with open(file, "a") as opened:
            opened.write("import sys\n")
        assert not plain.served("box.yaml")
    finally:
        file.unlink()


@needs_front
def test_a_limit_on_files_costs_time_only(plain: Caller) -> None:
    """Memory counts as a file too (RLIMIT_FSIZE), and what is longer is SIGXFSZ."""
    good(plain.up("box.yaml"))
    script = 'ulimit -f 1; exec "$@"'
    words: list[Word] = ["sh", "-c", script, "sh", *plain.product.toyspec, "up", "-q", "box.yaml"]
    done = plain.product.as_user(words, cwd=plain.here, env=plain.environment())
    assert good(done) == "hello\n"


@needs_front
def test_a_file_of_the_front_without_a_question(plain: Caller) -> None:
    """Its sum is right, and nothing in it could be wrong: it is nobody's."""
    good(plain.up("box.yaml"))
    (file,) = plain.fronts()
    data = file.read_bytes()
    end, box, most, given, givens = struct.unpack_from("<5Q", data, record.CHECKS_END)
    less = end - record.HEAD
    head = struct.pack("<6Q", record.HEAD, record.HEAD, box - less, most, given - less, givens)
    rest = head + data[end:]
    made = struct.pack("<3Q", record.MAGIC, record.CHECKS + len(rest), zlib.crc32(rest)) + rest
    replace(plain, file, made)
    plain.write(PLAIN.format(greeting="another"))
    assert good(plain.up("box.yaml")) == "another\n"


@needs_front
@pytest.mark.parametrize("how", ["open to others", "a symlink", "somebody else's", "a directory"])
def test_a_file_that_others_could_have_written(plain: Caller, how: str) -> None:
    good(plain.up("box.yaml"))
    (file,) = plain.fronts()
    if how == "open to others":
        file.chmod(0o620)
    elif how == "a symlink":
        file.rename(file.with_name("away"))
        file.symlink_to("away")
    elif how == "a directory":
        file.unlink()
        file.mkdir()
    elif os.geteuid() != 0 or plain.product.uid == 0:
        pytest.skip("only root gives files away")
    else:
        os.chown(file, 4242, -1)
        file.chmod(0o644)
    assert good(plain.up("box.yaml")) == "hello\n"


@needs_front
def test_a_front_that_lost_its_other_half(plain: Caller) -> None:
    alone = plain.product.directory() / "toyspec"
    shutil.copy2(plain.product.toyspec[0], alone)
    done = plain.product.as_user([alone, "up"], cwd=plain.here)
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith(f"toyspec: error: cannot execute {alone}-python: it, or ")
    assert done.stderr.endswith("install toyspec again: this command is one half of it\n")
    blank = plain.product.directory() / "a blank" / "toyspec"
    blank.parent.mkdir()
    shutil.copy2(alone, blank)
    blank.with_name("toyspec-python").write_text(f"#!{blank.parent}/python\n")
    blank.with_name("toyspec-python").chmod(0o755)
    done = plain.product.as_user([blank, "up"], cwd=plain.here)
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr == (
        f"toyspec: error: cannot execute {blank}-python: no #! line can name an interpreter in a "
        "directory with a blank\nstart it by its interpreter: python -P -m toyspec ...\n"
    )


@needs_front
def test_through_a_symlink_as_tools_make_them(plain: Caller) -> None:
    link = plain.product.directory() / "any-name"
    link.symlink_to(plain.product.toyspec[0])
    for _ in range(2):
        done = plain.product.as_user(
            [link, "up", "-q", "box.yaml"], cwd=plain.here, env=plain.environment()
        )
        assert good(done) == "hello\n"
    assert len(plain.fronts()) == 1
    assert plain.served("box.yaml")


@needs_front
def test_closed_streams_of_the_front(plain: Caller) -> None:
    for closed, says in (
        ("<&-", "hello\n"),
        (">&-", ""),
        ("2>&-", "hello\n"),
        ("<&- >&- 2>&-", ""),
    ):
        shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *plain.product.toyspec, "up", "-q"]
        for _ in range(3):
            done = plain.product.as_user(
                [*shell, "box.yaml"], cwd=plain.here, env=plain.environment()
            )
            assert (done.returncode, done.stdout, done.stderr) == (0, says, "")


def told(caller: Caller, *words: Word, shown: bool = False) -> tuple[int, list[str]]:
    """The status of `up WORDS`, and the keys that its --status-fd had of each line."""
    reader, writer = os.pipe()
    options: list[Word] = [] if shown else ["-q"]
    argv: list[Word] = [
        "up",
        *options,
        *words,
        "--status-fd",
        str(writer),
        "--",
        "sh",
        "-c",
        "exit 5",
    ]
    with caller.product.popen(
        argv, cwd=caller.here, env=caller.environment(), pass_fds=(writer,)
    ) as process:
        os.close(writer)
        with open(reader, encoding="ascii") as file:
            keys = [next(iter(json.loads(line))) for line in file]
        process.communicate(timeout=60)
    return process.returncode, keys


@pytest.mark.parametrize("shown", [False, True])
def test_a_kept_box_tells_what_becomes_of_it(caller: Caller, shown: bool) -> None:
    want = (5, ["child-pid", "running", "exit-code"])
    assert told(caller, "--no-cache", "box.yaml", shown=shown) == want
    for _ in range(3):
        assert told(caller, "box.yaml", shown=shown) == want
    assert len(caller.entries()) == 1


@pytest.mark.parametrize("quiet", [[], ["-q"]])
@pytest.mark.parametrize("fd", range(3, 8))
def test_a_kept_box_that_has_nobody_to_tell_is_refused_as_ever(
    caller: Caller, fd: int, quiet: list[str]
) -> None:
    """Whatever is opened on the way may have the number that nobody opened."""

    def up(redirection: str) -> Done:
        words = [*caller.product.toyspec, "up", *quiet, "--status-fd", str(fd), "box.yaml"]
        argv: list[Word] = ["sh", "-c", f'exec "$0" "$@" {redirection}', *words]
        return caller.product.as_user(argv, cwd=caller.here, env=caller.environment())

    for _ in range(2):
        done = up(f"{fd}>/dev/null")
        assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr
    for _ in range(2):
        done = up("")
        assert (done.returncode, done.stdout) == (125, "")
        assert f"error: --status-fd {fd}: not open for writing" in done.stderr
