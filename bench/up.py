"""What a box costs: `toyspec up -q`, `plan` and `check` against bubblewrap with an equal box.

    .venv/bin/python bench/up.py [--runs N]

Run it as an ordinary user on a quiet machine, with toyspec installed beside the interpreter and
bwrap on PATH. Every round starts each command once, in an order of its own; the table shows medians
of wall time in ms, the range of the middle half, and ratios of medians.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter_ns

WARM_UP = 3
NAMESPACES = ("user", "pid", "net", "uts", "ipc", "cgroup")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache")
PROGRAM = "/usr/bin/true"

SPEC = """\
version: 1
name: bench
binds: [{binds}]
mounts:
  - {{type: proc}}
  - {{type: dev}}
  - {{type: tmpfs, target: /tmp}}
init: [{program}]
"""


def main() -> int:
    """Measure and print; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100, help="rounds that count (100)")
    runs: int = parser.parse_args().runs
    if os.geteuid() == 0:
        print("bench: run it as an ordinary user: that is whom boxes are for", file=sys.stderr)
        return 2
    toyspec, bwrap = Path(sys.executable).parent / "toyspec", shutil.which("bwrap")
    if not toyspec.exists() or bwrap is None:
        print(f"bench: needs bwrap on PATH, and {toyspec}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as directory:
        spec = Path(directory, "bench.yaml")
        spec.write_text(SPEC.format(binds=", ".join(present()), program=PROGRAM))
        commands = {
            "python3 -c pass": [sys.executable, "-c", "pass"],
            "bwrap": bubblewrap(bwrap),
            "toyspec up -q": [str(toyspec), "up", "-q", str(spec)],
            "toyspec plan": [str(toyspec), "plan", str(spec)],
            "toyspec check": [str(toyspec), "check", str(spec)],
        }
        times = measure(commands, runs)
    version = subprocess.run([bwrap, "--version"], capture_output=True, text=True, check=True)
    print(
        f"Linux {platform.release()}, Python {platform.python_version()}, {version.stdout.strip()}"
    )
    print(table(times))
    return 0


def present() -> list[str]:
    """What of the host's system is here; both boxes get exactly this."""
    return [path for path in SYSTEM if os.path.exists(path)]


def bubblewrap(bwrap: str) -> list[str]:
    """The same box as SPEC's, in bubblewrap's words (its /dev has a devpts more)."""
    words = [bwrap, *(f"--unshare-{name}" for name in NAMESPACES), "--die-with-parent"]
    words += ["--new-session", "--cap-drop", "ALL", "--hostname", "bench", "--clearenv"]
    for name, value in (("PATH", "/usr/bin:/bin"), ("HOME", os.environ.get("HOME", "/"))):
        words += ["--setenv", name, value]
    for path in present():
        if os.path.islink(path):
            words += ["--symlink", os.readlink(path), path]
        else:
            words += ["--ro-bind", path, path]
    return [*words, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--chdir", "/", PROGRAM]


def measure(commands: dict[str, list[str]], runs: int) -> dict[str, list[float]]:
    """Wall times in ms by name. Raises CalledProcessError where a command fails."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    order = list(commands)
    for turn in range(WARM_UP + runs):
        random.shuffle(order)
        for name in order:
            took = once(commands[name])
            if turn >= WARM_UP:
                times[name].append(took)
    return times


def once(argv: list[str]) -> float:
    """Wall time in ms from the start of the process to its end."""
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1)]
    began = perf_counter_ns()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=null)
    _, status = os.waitpid(pid, 0)
    took = (perf_counter_ns() - began) / 1e6
    if status:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), argv)
    return took


def table(times: dict[str, list[float]]) -> str:
    """The result as text; ratios are of medians."""
    medians = {name: statistics.median(each) for name, each in times.items()}
    count = len(next(iter(times.values())))
    lines = [
        f"{f'{count} runs, ms':<18}{'median':>8}{'middle half':>16}{'/ bwrap':>10}{'/ python':>10}"
    ]
    for name, each in times.items():
        low, _, high = statistics.quantiles(each, n=4) if count > 1 else (each[0],) * 3
        ratios = [medians[name] / medians[other] for other in ("bwrap", "python3 -c pass")]
        spread = f"{low:.1f} … {high:.1f}"
        lines.append(
            f"{name:<18}{medians[name]:>8.1f}{spread:>16}{ratios[0]:>10.2f}{ratios[1]:>10.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
