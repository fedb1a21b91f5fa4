"""Namespaces that a user's process holds, for boxes to join: they end when pytest does.

A namespace lives as long as a process is in it. The one here is `cat`, which reads from a pipe of
pytest's until that closes.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from tests import tools
from tests.product import Product

KINDS = ("user", "net", "uts", "ipc", "cgroup", "pid", "time", "mnt")
"""What is held, by the names in /proc/PID/ns; the map has one entry, the user's own ids as 0."""
_FLAGS = ("-U", "--map-root-user", "-n", "-u", "-i", "-C", "-p", "-T", "-m")
_PATIENCE = 10.0  # seconds

_held: dict[int, tuple[subprocess.Popen[str], int]] = {}


def hold(product: Product) -> int:
    """The pid of a process in namespaces of its own, the same for every test of one user's."""
    uid = product.uid
    if uid not in _held:
        unshare = tools.need("unshare")
        argv = [unshare, *_FLAGS, "--fork", "cat"]
        started = product.popen(argv, stdin=subprocess.PIPE, program=True)
        _held[uid] = started, _child(started)
    return _held[uid][1]


def file(product: Product, kind: str) -> str:
    """The file of a held namespace."""
    return f"/proc/{hold(product)}/ns/{kind}"


def let_go() -> None:
    """End them all; nothing of them is left."""
    for started, _ in _held.values():
        started.communicate(timeout=10)
    _held.clear()


def _child(started: subprocess.Popen[str]) -> int:
    """unshare's child, once it is `cat`."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and started.poll() is None:
        children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
        if children and Path(f"/proc/{children[0]}/comm").read_text() == "cat\n":
            return int(children[0])
        time.sleep(0.01)
    started.kill()
    _, said = started.communicate()
    raise AssertionError(f"no namespaces to join (exit {started.returncode}): {said}")


def link(product: Product, directory: Path) -> None:
    """`directory` with a symlink to each held namespace's file, for a spec beside it."""
    directory.mkdir()
    for kind in KINDS:
        os.symlink(file(product, kind), directory / kind)
    product.own(directory)
