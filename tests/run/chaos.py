"""One of several who start, signal, stop, kill and forget boxes at random, and check what they see.

`python -m tests.run.chaos SPEC NAMES SECONDS SEED KILLED`: boxes are called b0 … b(NAMES - 1). Every
command is toyspec's own, in a fork of this process. Before anything is killed that cannot know it, that is
written down: the directory KILLED has a file for the incarnation. What is seen of a box that has ended must be
what it said itself: it prints the status that it is about to exit with. Whatever is wrong goes to stdout.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from toyspec.cli.main import main
from toyspec.run import afar, alive, boxes, files, log, state

SCRIPT = (
    "trap 'echo 20; exit 20' TERM; trap 'echo 30; exit 30' USR1; "
    "n=0; while [ $n -lt {} ]; do sleep 0.05; n=$((n+1)); done; echo {}; exit {}"
)
ALLOWED = {
    "up": (0, 125),
    "restart": (0, 1, 125),
    "kill": (0, 1),
    "down": (0, 1, 2),
    "stop": (0, 1),
}


class Chaos:
    """One worker."""

    def __init__(self, spec: str, names: int, seed: int, killed: Path) -> None:
        self.spec, self.killed = spec, killed
        self.names = [f"b{count}" for count in range(names)]
        self.random = random.Random(seed)
        self.said = killed / f"said-{os.getpid()}"
        held = boxes.open_boxes(os.environ["XDG_RUNTIME_DIR"], make=True)
        assert held is not None
        self.boxes = held
        self.done: dict[str, int] = {}

    def once(self) -> None:
        """One thing, whatever it is."""
        name = self.random.choice(self.names)
        what = self.random.choices(
            (
                self.up,
                self.signal,
                self.stop,
                self.down,
                self.restart,
                self.shoot,
                self.look,
                self.die,
            ),
            (40, 12, 8, 8, 4, 12, 12, 8),
        )[0]
        self.done[what.__name__] = self.done.get(what.__name__, 0) + 1
        what(name)

    def up(self, name: str) -> None:
        self.run("up", *self.words(name))

    def words(self, name: str) -> list[str]:
        status = self.random.randrange(0, 126)
        script = SCRIPT.format(self.random.choice((0, 2, 20, 400)), status, status)
        path = Path(self.spec).parent / f"{name}.yaml"
        return ["-d", str(path), "--", "sh", "-c", script]

    def signal(self, name: str) -> None:
        number = self.random.choice(("TERM", "USR1", "KILL"))
        if number == "KILL":
            self.mark(name)
        self.run("kill", "-s", number, name)

    def stop(self, name: str) -> None:
        self.mark(name)
        self.run("stop", "-t", self.random.choice(("0", "0.1", "3")), name)

    def down(self, name: str) -> None:
        self.mark(name)
        self.run("down", "-t", "0", name)

    def restart(self, name: str) -> None:
        self.mark(name)
        self.run("restart", "-t", "0", name)

    def shoot(self, name: str) -> None:
        """kill -9 of any process of ours."""
        seen = state.look(self.boxes, name)
        if seen is None or not seen.lives or not seen.status.child:
            return
        self.mark(name)
        fd = self.random.choice((afar.init_of, afar.monitor_of))(seen.status)
        if fd is None:
            return
        setup = seen.status.setup
        if self.random.random() < 0.3 and alive.start_time(setup) is not None:
            try:  # while its monitor lives, the number is setup's
                os.kill(setup, signal.SIGKILL)
            except ProcessLookupError:
                pass
        else:
            alive.send(fd, signal.SIGKILL)
        os.close(fd)

    def die(self, name: str) -> None:
        """The launcher is killed, at any moment."""
        pid = self.fork("up", *self.words(name))
        time.sleep(self.random.random() * 0.15)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def look(self, name: str) -> None:
        """A box that has ended says the same as its status."""
        directory = boxes.open_box(self.boxes, name)
        if directory is None:
            return
        try:
            found = state.look(self.boxes, name)
            data = files.read(directory, "status")
            reader = log.Reader(directory)
            printed = b"".join(r.data for r in reader.read() if r.stream == log.OUT)
            reader.close()
            again = state.look(self.boxes, name)
            if found is None or again != found or not found.is_over or data is None:
                return
        finally:
            os.close(directory)
        said = printed.decode().split()
        code = found.status.exit_code
        shot = (self.killed / self.incarnation(name, found.status)).exists()
        if code is not None and said and code == int(said[-1]) and len(said) == 1:
            return
        if shot and code in (None, 137):
            return
        if not found.status.ran and code is None:
            return  # its launcher was killed before it stood
        print(f"{name} {found.status} printed {said}, killed: {shot}", flush=True)

    def mark(self, name: str) -> None:
        seen = state.look(self.boxes, name)
        if seen is not None:
            (self.killed / self.incarnation(name, seen.status)).touch()

    def incarnation(self, name: str, status: state.Status) -> str:
        return f"{name}-{status.monitor}-{status.monitor_began}"

    def fork(self, *words: str) -> int:
        pid = os.fork()
        if pid == 0:
            out = os.open(self.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(out, 1)
            os.dup2(out, 2)
            try:
                status = main(list(words))
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
            finally:
                os._exit(99)
        return pid

    def run(self, *words: str) -> None:
        status = os.waitstatus_to_exitcode(os.waitpid(self.fork(*words), 0)[1])
        said = self.said.read_text()
        if status not in ALLOWED[words[0]] or "a bug in toyspec" in said or "Traceback" in said:
            print(f"{words[:4]}: status {status}: {said}", flush=True)


def chaos(spec: str, names: str, seconds: str, seed: str, killed: str) -> int:
    """Until the time is up; then what was done, and whether a descriptor is left open."""
    worker = Chaos(spec, int(names), int(seed), Path(killed))
    before = len(os.listdir("/proc/self/fd"))
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        worker.once()
    if len(os.listdir("/proc/self/fd")) != before:
        held = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")[:-1]]
        print(f"descriptors are left open: {held}", flush=True)
    print(f"done: {worker.done}", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(chaos(*sys.argv[1:]))
