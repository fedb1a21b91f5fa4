"""Boxes that run, for `toyspec exec` to enter: each with the state that a detached box keeps."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.product import Product, Word
from tests.run.boxes import descendants, stat
from toyspec.run import state

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
READY = "=== stands ==="


@dataclass
class Box:
    """A box that runs. `out` is what it printed before it stood."""

    product: Product
    name: str
    spec: Path
    process: subprocess.Popen[str]
    out: str
    plan: dict[str, object] = field(repr=False, default_factory=dict)

    @property
    def init(self) -> int:
        """As the host counts."""
        return descendants(self.process.pid)[1]

    def exec(
        self,
        *argv: str,
        options: Sequence[str] = (),
        env: Mapping[str, str | None] | None = None,
        input: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it, to its end."""
        words = ["exec", *options, self.name, "--", *argv]
        return self.product.run(words, cwd=self.spec.parent, env=env, input=input)

    def words(self, *argv: str, options: Sequence[str] = ()) -> list[Word]:
        """The words that do so."""
        return [*self.product.toyspec, "exec", *options, self.name, "--", *argv]

    def processes(self) -> set[int]:
        """All that run in it."""
        return {self.init, *descendants(self.init)}


@contextmanager
def running(
    product: Product,
    spec: Path,
    command: str = "",
    *,
    env: Mapping[str, str | None] | None = None,
    shell: Sequence[str] = ("sh",),
) -> Iterator[Box]:
    """A box of that spec, whose init does `command`, and then waits until its input ends."""
    script = f"{command}\necho '{READY}'; read -r end"
    argv = ["--", *shell, "-c", script]
    done = product.run(["plan", "--json", spec, *argv], cwd=spec.parent, env=env)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    with product.popen(
        ["up", "-q", "--no-cache", spec, *argv], cwd=spec.parent, env=env, stdin=subprocess.PIPE
    ) as process:
        try:
            box = Box(product, plan["box"], spec, process, _until_ready(process), plan)
            with _state(box, {**product.environ(env)}):
                yield box
        finally:
            process.kill()
            process.communicate()


def _until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    found: list[str] = []
    for line in process.stdout:
        if line == READY + "\n":
            return "".join(found)
        found.append(line)
    _, said = process.communicate()
    raise AssertionError(f"the box ended with {process.returncode}: {said}")


@contextmanager
def _state(box: Box, environment: Mapping[str, str]) -> Iterator[None]:
    """What a detached box's own processes keep."""
    product, init = box.product, box.init
    base = product.home / "run"
    here = base / "toyspec" / "boxes" / box.name
    here.mkdir(parents=True, mode=0o700)
    for each in (here, here.parent, here.parent.parent):
        each.chmod(0o700)
    spaces = {f"{name}-namespace": os.stat(f"/proc/{init}/ns/{name}").st_ino for name in NAMESPACES}
    status = {"child-pid": init, "start-time": int(stat(init)[19]), **spaces}
    files = {
        "lock": b"",
        "box.json": json.dumps({"name": box.name}).encode(),
        "plan.json": json.dumps(box.plan).encode(),
        "environment": b"".join(os.fsencode(f"{k}={v}") + b"\0" for k, v in environment.items()),
        "status": json.dumps(status).encode() + b'\n{"running": true}\n',
    }
    for name, data in files.items():
        (here / name).write_bytes(data)
        (here / name).chmod(0o600)
    product.own(base / "toyspec")
    claimed = _lock(here)
    try:
        yield
    finally:
        os.close(claimed)
        for name in files:
            (here / name).unlink(missing_ok=True)
        here.rmdir()


def _lock(here: Path) -> int:
    import fcntl

    fd = os.open(here / "lock", os.O_RDWR | os.O_CLOEXEC)
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, state._FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    return fd
