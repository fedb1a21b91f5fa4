"""Runs a program as the product's user under the tracer, from its very first call."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kernel_side import tracer
from tests.kernel_side.match import ending
from tests.kernel_side.tracer import Process, Tracer, Watcher
from tests.product import Product, Word

pytestmark = pytest.mark.skipif(not tracer.SUPPORTED, reason="the tracer knows x86_64 only")


@dataclass(frozen=True, slots=True)
class Traced:
    """How it ended. `status` is in words, `ends` that of every process, by pid."""

    status: str
    stdout: str
    stderr: str
    ends: dict[int, str]


def trace(
    product: Product,
    argv: Sequence[Word],
    watcher: Watcher,
    *,
    cwd: Word | None = None,
    env: Mapping[str, str | None] | None = None,
    seconds: float = 60,
) -> Traced:
    """Run `argv` to its end with `watcher` seeing every call. To be called in `isolation.isolated`.

    A shell waits at a FIFO until it is traced, and then executes the program. Raises StuckError
    where a process is left after `seconds`; nothing is left then.
    """
    gate = product.directory() / "gate"
    os.mkfifo(gate)
    product.own(gate)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        shell = product.popen(
            ["sh", "-c", 'read -r go <"$0"; exec "$@"', gate, *argv],
            cwd=cwd, env=env, stdout=out, stderr=err, program=True,
        )  # fmt: skip
        process, ends = follow(shell, watcher, gate, seconds)
        out.seek(0)
        err.seek(0)
        return Traced(
            ending(process.status),
            out.read().decode(errors="surrogateescape"),
            err.read().decode(errors="surrogateescape"),
            ends,
        )


def follow(
    started: subprocess.Popen[str] | subprocess.Popen[bytes],
    watcher: Watcher,
    gate: Path,
    seconds: float,
) -> tuple[Process, dict[int, str]]:
    """Trace a process that waits at the FIFO `gate`, and let it go."""
    following = Tracer(watcher)
    process = following.seize(started.pid)
    if hasattr(watcher, "start"):
        watcher.start(process)
    opened = os.open(gate, os.O_RDWR)
    try:
        os.write(opened, b"\n")
        following.run(seconds)
    finally:
        os.close(opened)
        started.returncode = process.status  # the tracer has waited for it
    return process, {one.pid: ending(one.status) for one in following.every}
