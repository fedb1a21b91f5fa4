"""Boxes for these tests: a spec, the processes that a run of it has, and a shell on a terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pexpect import fdpexpect

from tests import tools
from tests.product import Product, Word

SPEC = """\
version: 1
system: host
init: [sh]
"""
JOINED = """\
version: 1
system: host
namespaces: {user: /proc/PID/ns/user, pid: /proc/PID/ns/pid}
init: [sh]
"""
PROMPT = "OUTSIDE> "
STATE, PARENT, GROUP, SESSION, TTY, FOREGROUND, USER_TIME = 0, 1, 2, 3, 4, 5, 11
SECONDS = 15.0  # until something that has to happen counts as never happening


def spec(product: Product, text: str = SPEC, name: str = "box.yaml") -> Path:
    return product.write(product.directory() / name, text)


COMPILED = "compiled"
WAYS = ("executor", COMPILED)
ways: list[str] = ["executor"]
"""The last one is how `up` brings a box up: the fixture `either_way` changes it."""


def up(product: Product, *argv: str, changes: Sequence[str] = (), quiet: bool = True) -> list[Word]:
    """The words that bring up a box that runs `argv`. What is compiled is always quiet."""
    if ways[-1] == COMPILED:
        words: list[Word] = [compiled(product, tuple(changes))]
    else:
        options = ["-q"] if quiet else []
        words = [*command_line(product, changes), "up", *options, "--no-cache", spec(product)]
    return [*words, "--", *argv] if argv else words


def command_line(product: Product, changes: Sequence[str]) -> list[Word]:
    """The command toyspec, with something about it changed."""
    if not changes:
        return [*product.toyspec]
    return [product.python, product.checkout / "tests/run/driver.py", *changes, "--"]


_made: dict[tuple[Path, tuple[str, ...]], Path] = {}


def compiled(product: Product, changes: tuple[str, ...]) -> Path:
    """The box as a file of its own, which any command may be given to; made once."""
    key = product.directories, changes
    if key not in _made:
        _made[key] = compile_box(product, spec(product), changes)
    return _made[key]


def compile_box(product: Product, source: Path, changes: Sequence[str] = ()) -> Path:
    """A file beside the spec."""
    file = source.with_suffix("")
    words = [*command_line(product, changes), "compile", "-q", source, "-o", file]
    made = product.as_user(words)
    assert (made.returncode, made.stderr) == (0, ""), made.stderr
    return file


def eventually(what: Callable[[], object], seconds: float = SECONDS) -> None:
    """Wait until `what` is true; AssertionError if that takes too long."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"never came true: {what}"
        time.sleep(0.005)


def state(pid: int) -> str:
    """R, S, T, Z …; nothing where the process is gone."""
    return stat(pid)[0] if exists(pid) else ""


def become(wanted: str, *pids: int) -> None:
    """Wait until the processes are in a state: T, S."""
    try:
        eventually(lambda: {state(pid) for pid in pids} == {wanted})
    except AssertionError:
        seen = [Path(f"/proc/{pid}/status").read_text() for pid in pids if exists(pid)]
        raise AssertionError("\n".join([f"not all of {pids} became {wanted}", *seen])) from None


def exists(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third, the state."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return [""] * 50


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants(pid: int) -> list[int]:
    """Breadth first: of a monitor, setup comes first, then init."""
    found = children(pid)
    for each in found:
        found += children(each)
    return found


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def pss(pid: int) -> int:
    """What a process costs, in kB (proc_pid_smaps_rollup(5)); no less than that, where only root may look:
    of a reaper, what it has in memory, shared or not (VmRSS, proc_pid_status(5)).
    """
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as rollup:
            (found,) = re.findall(r"^Pss: +(\d+) kB", rollup.read(), re.MULTILINE)
    except PermissionError:
        with open(f"/proc/{pid}/status", encoding="utf-8") as status:
            (found,) = re.findall(r"^VmRSS:\s+(\d+) kB", status.read(), re.MULTILINE)
    return int(found)


def family(monitor: int, running: str) -> list[int]:
    """Monitor, setup, init and the rest, once init executes a command that begins with `running`."""

    def stands() -> bool:
        return any(command(pid).startswith(running) for pid in descendants(monitor))

    eventually(stands)
    return [monitor, *descendants(monitor)]


def gone(pids: Sequence[int]) -> bool:
    """No process is left, and no zombie, save what the machine's own PID 1 has yet to reap."""
    return all(stat(pid)[:2] in ([""] * 2, ["Z", "1"]) for pid in pids)


@contextmanager
def started(product: Product, words: Sequence[Word]) -> Iterator[subprocess.Popen[str]]:
    """A program without a terminal; whatever the test leaves of it is killed."""
    with product.popen(words, program=True) as process:
        try:
            yield process
        finally:
            left = [process.pid, *descendants(process.pid)]
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@contextmanager
def joined(product: Product) -> Iterator[str]:
    """The spec of a box whose init is no PID 1: it joins a pid namespace that is there."""
    tools.need("unshare")
    own = ["-U", "-r", "-p", "--fork", "--mount-proc", "--kill-child"]
    with product.popen(["unshare", *own, "sleep", "1000"], program=True) as process:
        try:
            eventually(lambda: any(command(p) == "sleep 1000" for p in descendants(process.pid)))
            (pid,) = descendants(process.pid)
            yield JOINED.replace("PID", str(pid))
        finally:
            process.kill()


class Shell:
    """bash with job control on a terminal of its own, as the product's user."""

    def __init__(self, product: Product) -> None:
        argv = ["bash", "--norc", "--noprofile", "+o", "history"]
        env = {"PS1": PROMPT, "TERM": "dumb", "BASH_SILENCE_DEPRECATION_WARNING": "1"}
        self.process, self.master = product.terminal(argv, env=env, program=True)
        self.screen = fdpexpect.fdspawn(self.master, timeout=SECONDS, encoding="utf-8")
        self.screen.expect_exact(PROMPT)

    def type(self, text: str) -> None:
        self.screen.send(text)

    def expect(self, text: str) -> str:
        """Wait for `text`; gives what came before it."""
        self.screen.expect_exact(text.replace("\n", "\r\n"))
        return str(self.screen.before).replace("\r", "")

    def run(self, line: str, until: str = PROMPT) -> str:
        """Type a line and wait for the prompt; gives what was printed in between."""
        self.type(line + "\n")
        return self.expect(until).partition("\n")[2]

    def start(self, words: Sequence[Word], more: str = "") -> None:
        import shlex

        line = " ".join(shlex.quote(os.fsdecode(word)) for word in words)
        self.type(f"{line}{more}\n")

    def end(self) -> None:
        for pid in (*descendants(self.process.pid), self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        with suppress(OSError):
            os.close(self.master)


@contextmanager
def shell(product: Product) -> Iterator[Shell]:
    made = Shell(product)
    try:
        yield made
    finally:
        made.end()
