"""The product as an ordinary user meets it: installed, in a checkout, with a home of its own.

Whoever runs pytest, the product runs without privileges. Where pytest is root, an unprivileged uid
without a passwd entry, without groups and without capabilities takes its place, with an interpreter
and a checkout that this uid can reach (see `installation.py`).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Final

STANDARD_PATH: Final = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

IGNORED: Final = frozenset(
    number for number in signal.valid_signals() if signal.getsignal(number) is signal.SIG_IGN
) - {signal.SIGPIPE, signal.SIGXFSZ}
"""Signals that whoever started pytest ignores; two more are Python's own, and subprocess restores them."""

_TIOCGPTPEER: Final = 0x5441  # ioctl_tty(2): opens the side of a terminal that programs have

Word = str | bytes | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Product:
    """toyspec, installed for one user. Every process that it starts is that user's.

    Processes get a clean environment, a session of their own (pytest's terminal is not theirs),
    no signal that is ignored, umask 022 and, unless told otherwise, the checkout as working directory and an empty stdin.
    """

    uid: int
    gid: int
    switch: bool
    """Whether starting a process means leaving pytest's own uid (only root can)."""
    python: Path
    checkout: Path
    home: Path
    directories: Path
    toyspec: list[str]
    script: str
    """What the command hands over to where nothing is kept; a Python program."""
    environment: Mapping[str, str] = field(repr=False)

    def run(
        self,
        args: Sequence[Word],
        *,
        cwd: Word | None = None,
        env: Mapping[str, str | None] | None = None,
        input: str | None = None,
        timeout: float = 60,
        stdin: int | IO[Any] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run `toyspec ARGS` to its end. Both streams are captured; bytes that are no UTF-8 survive.

        `env` adds to the clean environment; None takes a variable away. Raises
        subprocess.TimeoutExpired after `timeout` seconds, the process killed.
        """
        return self.as_user([*self.toyspec, *args], cwd, env, input, timeout, stdin)

    def as_user(
        self,
        argv: Sequence[Word],
        cwd: Word | None = None,
        env: Mapping[str, str | None] | None = None,
        input: str | None = None,
        timeout: float = 60,
        stdin: int | IO[Any] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run any program to its end as the product's user; otherwise like `run`."""
        if input is not None and stdin is not None:
            raise ValueError("input and stdin exclude each other")
        process = self.popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE if input is not None else stdin,
            program=True,
        )
        with process:
            try:
                out, err = process.communicate(input, timeout=timeout)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(list(argv), process.returncode, out, err)

    def popen(
        self,
        args: Sequence[Word],
        *,
        cwd: Word | None = None,
        env: Mapping[str, str | None] | None = None,
        stdin: int | IO[Any] | None = None,
        stdout: int | IO[Any] | None = subprocess.PIPE,
        stderr: int | IO[Any] | None = subprocess.PIPE,
        pass_fds: Sequence[int] = (),
        program: bool = False,
    ) -> subprocess.Popen[str]:
        """Start `toyspec ARGS` (with `program`: ARGS itself is the program) and do not wait."""
        return subprocess.Popen(
            list(args) if program else [*self.toyspec, *args],
            cwd=self.checkout if cwd is None else cwd,
            env=self.environ(env),
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=tuple(pass_fds),
            encoding="utf-8",
            errors="surrogateescape",
            start_new_session=True,
            umask=0o022,
            user=self.uid if self.switch else None,
            group=self.gid if self.switch else None,
            extra_groups=[] if self.switch else None,
            preexec_fn=heed_signals if IGNORED else None,
        )

    def terminal(
        self,
        args: Sequence[Word],
        *,
        cwd: Word | None = None,
        env: Mapping[str, str | None] | None = None,
        size: tuple[int, int] = (24, 80),
        program: bool = False,
        screen: int | None = None,
    ) -> tuple[subprocess.Popen[bytes], int]:
        """Start `toyspec ARGS` on a new terminal that is its controlling one, owned by the user.

        Gives the process and the terminal's other end: read and write there, close it at the end.
        `size` is rows and columns. `screen`: the other end of a terminal that nobody is on any
        more; it is used again, and keeps its name.
        """
        if screen is None:
            master, slave = os.openpty()
        else:
            master, slave = screen, fcntl.ioctl(screen, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY)
        try:
            if self.switch:
                os.fchown(slave, self.uid, self.gid)
            termios.tcsetwinsize(slave, size)
            process = subprocess.Popen(
                list(args) if program else [*self.toyspec, *args],
                cwd=self.checkout if cwd is None else cwd,
                env=self.environ({"TERM": "xterm-256color"} | dict(env or {})),
                stdin=slave,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
                umask=0o022,
                user=self.uid if self.switch else None,
                group=self.gid if self.switch else None,
                extra_groups=[] if self.switch else None,
                preexec_fn=take_terminal,
            )
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        return process, master

    def environ(self, changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """The clean environment with changes; None takes a variable away."""
        merged: dict[str, str | None] = {**self.environment, **(changes or {})}
        return {name: value for name, value in merged.items() if value is not None}

    def directory(self) -> Path:
        """A fresh directory, the user's own, 0755, below one that everybody can enter."""
        path = Path(tempfile.mkdtemp(prefix="", dir=self.directories))
        path.chmod(0o755)
        self.own(path)
        return path

    def moved(self) -> Product:
        """The same user with another home, in which there is nothing yet."""
        home = self.directory() / "home"
        make_home(home)
        self.own(home)
        return replace(self, home=home, environment=environment(home))

    def own(self, path: Path) -> None:
        """Give `path` and everything below it to the user (symlinks themselves, not their ends)."""
        if not self.switch:
            return
        os.lchown(path, self.uid, self.gid)
        for parent, directories, files in os.walk(path):
            for name in (*directories, *files):
                os.lchown(os.path.join(parent, name), self.uid, self.gid)

    def write(self, path: Path, content: str | bytes, mode: int = 0o644) -> Path:
        """Write a file as the user's own, with its parent directories."""
        missing = [parent for parent in path.parents if not parent.exists()]
        for parent in reversed(missing):
            parent.mkdir()
            self.own(parent)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        self.own(path)
        return path


def take_terminal() -> None:
    """Between fork and exec: the terminal on descriptor 0 becomes the session's own."""
    heed_signals()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def heed_signals() -> None:
    """Between fork and exec: what nohup or a shell's & has pytest ignore is no matter of the product's."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_DFL)


def environment(home: Path) -> dict[str, str]:
    """What a user has after logging in, and nothing of pytest's."""
    return {
        "PATH": STANDARD_PATH,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "XDG_RUNTIME_DIR": str(home / "run"),
    }


def make_home(path: Path) -> None:
    """A home as `useradd -m` leaves it, with the XDG directories there."""
    for name in (".cache", ".config", ".local/share", ".local/state", "run"):
        (path / name).mkdir(parents=True)
    path.chmod(0o700)
    (path / "run").chmod(0o700)


def check_unprivileged(product: Product) -> None:
    """Raises AssertionError unless the product's processes are really those of an ordinary user."""
    done = product.as_user(["cat", "/proc/self/status"])
    status = dict(line.split(":", 1) for line in done.stdout.splitlines() if ":" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0, f"{name} is {status[name].strip()}"
    assert set(status["Uid"].split()) == {str(product.uid)}, status["Uid"]
    assert set(status["Gid"].split()) == {str(product.gid)}, status["Gid"]
    if product.switch:
        assert status["Groups"].split() == [], status["Groups"]


def no_new_privileges() -> bool:
    """Whether pytest inherited no_new_privs, which no process of its can shed."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("NoNewPrivs:"):
            return line.split()[1] == "1"
    return False


def mounts_below(path: Path) -> list[str]:
    """The mount points at or below `path` that pytest can see."""
    prefix = os.path.realpath(path)
    points = []
    for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
        point = os.fsdecode(line.split()[4].decode("unicode_escape").encode("latin-1"))
        if point == prefix or point.startswith(prefix + "/"):
            points.append(point)
    return points


def remove(path: Path) -> None:
    """Remove a tree whatever its modes.

    Raises AssertionError, and removes nothing, where something is mounted inside: it could be the
    host's own tree.
    """
    mounted = mounts_below(path)
    assert not mounted, f"still mounted, so nothing was removed: {mounted}"
    for parent, directories, _ in os.walk(path):
        for name in directories:
            inner = os.path.join(parent, name)
            if stat.S_ISDIR(os.lstat(inner).st_mode):
                os.chmod(inner, 0o700)
    shutil.rmtree(path)


def processes_of(uid: int) -> dict[int, str]:
    """The command lines of the processes of `uid`, by pid; zombies are left out."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            status = (entry / "status").read_text()
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        if str(uid) in fields["Uid"].split() and not fields["State"].startswith("Z"):
            found[int(entry.name)] = words.decode(errors="replace").strip() or fields["Name"]
    return found


def free_uid() -> int:
    """An id that nobody has: TOYSPEC_TEST_UID, or one of those that systemd leaves unused.

    It varies with pytest's pid, so that two runs beside each other do not share limits.
    Raises AssertionError where TOYSPEC_TEST_UID is 0.
    """
    chosen = os.environ.get("TOYSPEC_TEST_UID")
    if chosen:
        assert int(chosen) != 0, "TOYSPEC_TEST_UID must be an ordinary user's id"
        return int(chosen)
    start, count = 60706, 478  # systemd's UIDS-GIDS.md: 60706..61183 is unused
    busy = {os.stat(entry).st_uid for entry in ("/proc", "/tmp")}
    for step in range(count):
        uid = start + (os.getpid() + step) % count
        if uid not in busy and not processes_of(uid):
            return uid
    sys.exit("no unused uid left between 60706 and 61183")
