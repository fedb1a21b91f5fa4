"""A place on the host for one run: what may be changed, read, signalled or reached from outside.

`World.run` brings a box up, or runs its weakened plan from JSON; afterwards the world knows what
became of it, without asking the attacker.
"""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.box.boxes import Entry, tree
from tests.escape.weakened import Edit, weaken
from tests.product import Product

HERE: Final = Path(__file__).parent
VICTIMS: Final = ("signal_host", "trace_host")
OWN: Final = {
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "XDG_RUNTIME_DIR": "run",
}
"""Where toyspec keeps what is its own, below the caller's home; its cache lies in `rw`."""
WRITTEN: Final = ("ro", "bare", "rw/cache/toyspec", "rw/.git/hooks")
ANOTHER: Final = 1234
"""An id that is neither root's nor a caller's."""
Found = Mapping[str, Mapping[str, str]]


@dataclass(slots=True)
class World:
    """One directory, `top`, that the caller owns, and what lives beside it while a run lasts."""

    product: Product
    top: Path
    secret: str
    victims: dict[str, subprocess.Popen[str]]
    sockets: dict[str, socket.socket]
    memory: int
    before: dict[str, Entry] = field(default_factory=dict)

    def config(self, names: Sequence[str]) -> str:
        """What the attacker is told; more than any box would know."""
        return json.dumps({
            "names": list(names),
            "outside": str(self.top),
            "setuid": "/ro/setuid" if (self.top / "ro/setuid").exists() else "/usr/bin/su",
            "victims": {name: process.pid for name, process in self.victims.items()},
            "abstract": self.secret + "-abstract",
            "port": self.sockets["loopback"].getsockname()[1],
            "shm": self.memory,
        })  # fmt: skip

    def run(self, spec: str, names: Sequence[str], edits: Sequence[Edit] = ()) -> Found:
        """What the attacker says of each attempt. With `edits`, the weakened plan runs."""
        return found(self.box(spec, names, edits))

    def box(
        self, spec: str, names: Sequence[str], edits: Sequence[Edit] = ()
    ) -> subprocess.CompletedProcess[str]:
        """A run of the box to its end, however it ends."""
        self.product.write(self.top / "box.yaml", spec)
        self.before = tree(self.top)
        words: list[str] = [*self.product.toyspec, "up", "-q", "box.yaml"]
        command = ["--", "python3", "/dev/shm/attacker.py", self.config(names)]
        if edits:
            words = ["plan", "--json", "box.yaml", *command]
            done = self.product.run(words, cwd=self.top, env=self.environment())
            assert done.returncode == 0, done.stderr
            plan = weaken(json.loads(done.stdout), *edits)
            saved = self.product.write(self.product.directory() / "plan.json", json.dumps(plan))
            replay = self.product.checkout / "tests/kernel_side/replay.py"
            words, command = [str(self.product.python), "-B", str(replay), str(saved)], []
        return self.launched([*words, *command])

    def outside(self, names: Sequence[str]) -> Found:
        """The same attempts without a box."""
        self.before = tree(self.top)
        words = [str(self.product.python), str(self.top / "attacker.py"), self.config(names)]
        return found(self.launched(words))

    def launched(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        script = self.product.checkout / "tests/escape/launch.py"
        launch = [self.product.python, "-B", script, self.top, self.secret, *words]
        words = [str(word) for word in launch]
        return self.product.as_user(words, cwd=self.top, env=self.environment())

    def environment(self) -> dict[str, str | None]:
        """A home of the world's own, and toyspec's cache where a writable bind shows it."""
        home = self.top / "home"
        own = {name: str(home / place) for name, place in OWN.items()}
        return {"HOME": str(home), "XDG_CACHE_HOME": str(self.top / "rw/cache"), **own}

    # Proofs: what the host sees of it

    def changed(self) -> list[str]:
        """The paths below `top` that came, went or are not as they were."""
        after = tree(self.top)
        names = before = self.before
        return sorted(n for n in names.keys() | after.keys() if before.get(n) != after.get(n))

    def ended_by(self, victim: str) -> int | None:
        """The signal that ended a process of the host's, which sleeps otherwise."""
        process = self.victims[victim]
        try:
            return -process.wait(0.05)
        except subprocess.TimeoutExpired:
            return None

    def reached(self, name: str) -> bool:
        """Whether somebody connected to a socket of the host's."""
        try:
            self.sockets[name].accept()[0].close()
        except BlockingIOError:
            return False
        return True


def found(done: subprocess.CompletedProcess[str]) -> Found:
    """What the attacker said at its end."""
    last = done.stdout.splitlines()[-1:]
    assert last, f"no word of the attacker: exit {done.returncode}\n{done.stderr}"
    marker, _, text = last[0].partition(" ")
    assert marker == "attempts", done
    return dict(json.loads(text))


def listener(kind: int, address: Any) -> socket.socket:
    made = socket.socket(kind)
    made.setblocking(False)
    made.bind(address)
    made.listen()
    return made


@contextmanager
def world(product: Product) -> Iterator[World]:
    """A fresh one; its processes, sockets and memory are gone afterwards."""
    top = product.directory()
    secret = secrets.token_hex(8)
    with ExitStack() as stack:
        own = (f"home/{place}/toyspec" for place in OWN.values())
        shown = ("rw/inner", "rw/cache/toyspec", "rw/.git/hooks")
        for name in ("ro", *shown, "lower", "bare", *own, "home/.cache/toyspec"):
            (top / name).mkdir(parents=True)
        files = [f"{name}/{file}" for name in WRITTEN for file in ("file", "other")]
        for name in (*files, "lower/file"):
            (top / name).write_text("kept\n")
        for name in ("secret", "rw/inner/secret"):
            (top / name).write_text(secret)
        shutil.copy(HERE / "attacker.py", top / "attacker.py")
        product.own(top)
        if product.switch:
            shutil.copy(shutil.which("sleep") or "", top / "ro/setuid")
            os.chown(top / "ro/setuid", ANOTHER, ANOTHER)
            (top / "ro/setuid").chmod(0o4755)
        victims = {n: product.popen(["sleep", "60"], program=True) for n in VICTIMS}
        for process in victims.values():
            stack.callback(end, process)
        here = os.getcwd()
        os.chdir(top)  # a socket's path is short
        sockets = {
            "abstract_socket": listener(socket.AF_UNIX, f"\0{secret}-abstract"),
            "file_socket": listener(socket.AF_UNIX, "socket"),
            "loopback": listener(socket.AF_INET, ("127.0.0.1", 0)),
        }
        os.chdir(here)
        (top / "socket").chmod(0o666)
        for each in sockets.values():
            stack.callback(each.close)
        memory = shared_memory(secret)
        stack.callback(ctypes.CDLL(None).shmctl, memory, 0, None)  # IPC_RMID
        yield World(product, top, secret, victims, sockets, memory)


def end(process: subprocess.Popen[str]) -> None:
    with process:
        process.kill()


def shared_memory(text: str) -> int:
    """A System V segment that everybody may read, by id."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
    libc.shmdt.argtypes = [ctypes.c_void_p]
    number = int(libc.shmget(0, ctypes.c_size_t(4096), 0o1666))  # IPC_PRIVATE, IPC_CREAT
    address = libc.shmat(number, None, 0)
    ctypes.memmove(address, text.encode(), len(text))
    libc.shmdt(address)
    return number


SIGNALLED: Final = signal.SIGUSR1
TRACED: Final = signal.SIGUSR2
