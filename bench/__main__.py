"""What a box costs, with toyspec, with its peers, and by the calls of its plan alone.

    .venv/bin/python -m bench [--runs N] [--only MODE,…] [--peers NAME,…] [--json FILE]

Run it from the checkout, as an ordinary user, on a quiet machine, with toyspec installed beside the
interpreter, and gcc on PATH. As root with `--user NAME` it becomes that user, in a mount namespace
with a plain cgroup2 at /sys/fs/cgroup, which rootless crun, lxc and podman ask for. Every round
starts each command once, in an order of its own; figures are medians of wall time.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench import crowds, machine, show
from bench.run import Bench, Result
from bench.words import without_user
from bench.words import words as read_words

if TYPE_CHECKING:
    import argparse


def main() -> int:
    """Measure, print, and keep the result; gives the exit status."""
    words = read_words(None, (__doc__ or "").splitlines()[0])
    if os.geteuid() == 0 and not words.as_root:
        if words.user is not None:
            become(words.user)
        print("bench: run it as an ordinary user: that is whom boxes are for", file=sys.stderr)
        return 2
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd > 2:  # whatever the caller had open is no box's
            try:
                os.set_inheritable(fd, False)
            except OSError:
                pass  # the listing's own, closed by now
    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    crowds.adopt()
    try:
        for name in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, _end)
        result = measure(words, directory)
    finally:
        crowds.end()
        shutil.rmtree(directory, ignore_errors=True)
    if words.json:
        Path(words.json).write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(show.text(result))
    return 0


def _end(number: int, _: object) -> None:
    """By the way out that takes everything along."""
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    sys.exit(128 + number)


def become(user: str) -> None:
    """Start anew as `user`, where /sys/fs/cgroup is a cgroup2 that nobody else sees."""
    script = (
        "umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup || exit; "
        'exec setpriv --reuid "$0" --regid "$0" --init-groups "$@"'
    )
    place = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, user]
    again = [sys.executable, "-m", "bench", *without_user(sys.argv[1:])]
    os.execvp(place[0], [*place, *again])


def measure(words: argparse.Namespace, directory: Path) -> Result:
    """Every mode that was asked for."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(directory),
        "XDG_CACHE_HOME": str(directory / "cache"),
        "XDG_RUNTIME_DIR": str(directory / "run"),
    }
    for name in ("run", "crun", "runc"):
        (directory / name).mkdir(mode=0o700)
    os.environ.clear()
    os.environ.update(environment)  # what is made beforehand is made for the very same caller
    bench = Bench(directory, environment, words.peers)
    modes = words.only
    result: Result = {"machine": machine.machine(), "runs": words.runs}
    result["differences"] = bench.look()
    result["versions"] = machine.versions(bench.peers)
    result["absent"] = bench.absent
    if "single" in modes:
        result["single"] = bench.single(words.runs)
    if "growth" in modes:
        sizes = [10**n for n in range(5) if 10**n <= words.binds]
        result["growth"] = bench.growth(max(3, words.runs // 5), words.most, sizes)
    if "crowds" in modes:
        result["crowd"] = words.crowd
        result["crowds"] = bench.crowds(max(1, words.runs // 33), words.crowd)
    if "memory" in modes:
        result["memory"] = bench.memory()
    if "alive" in modes:
        result["alive"] = bench.alive(words.boxes)
    if "trace" in modes:
        result["trace"] = bench.trace(max(2, words.runs // 5))
    if "parts" in modes:
        result["parts"] = bench.parts(words.runs)
    return result


if __name__ == "__main__":
    sys.exit(main())
