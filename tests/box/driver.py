"""The product under these tests' hand, in the product's interpreter and as its user.

`driver.py legacy SPEC`: `toyspec up -q SPEC` on a kernel that knows neither mount_setattr(2) nor
close_range(2)'s CLOSE_RANGE_CLOEXEC: the plan does without them, and runs for real.

`driver.py swapped SPEC LINK TARGET`: `toyspec up -q SPEC`; between the plan and the run LINK, a
symlink or whatever else was there, comes to lead to TARGET.

`driver.py race SECONDS SPEC NAME…`: load, plan and lower once; then run the box again and again
while a process exchanges each root/NAME with root/NAME.evil (renameat2(2), RENAME_EXCHANGE) as fast
as it can. One line of JSON at the end counts the exit statuses.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toyspec.host.facts import HostFacts, Needs

ABSENT = ("mount_setattr", "close_range_cloexec")


def legacy(spec: str) -> int:
    """Facts of this machine, less what an old kernel lacks."""
    from toyspec.cli.main import main
    from toyspec.host import probe

    real = probe.probe

    def older(needs: Needs, **given: Any) -> HostFacts:
        facts = real(needs, **given)
        return replace(facts, features={**facts.features, **dict.fromkeys(ABSENT, False)})

    probe.probe = older
    return main(["up", "-q", spec])


def swapped(spec: str, link: str, target: str) -> int:
    """What the plan was made of is not what it finds."""
    from toyspec.cli.main import main
    from toyspec.run import box

    real = box.run

    def later(plan: Any, program: Any, **given: Any) -> Any:
        os.rename(link, f"{link}.before")
        os.symlink(target, link)
        return real(plan, program, **given)

    box.run = later
    return main(["up", "-q", spec])


def race(seconds: float, spec: str, names: list[str]) -> int:
    """One plan, many boxes, and what they are made of is never twice the same."""
    from toyspec.cli.main import main
    from toyspec.run import box
    from toyspec.run.progress import Progress

    real = box.run

    def many(plan: Any, program: Any, **given: Any) -> Any:
        counts: dict[str, int] = {}
        racer = exchange([f"root/{name}" for name in names])
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid = os.fork()
            if pid == 0:
                given |= {"progress": Progress(), "parent": os.getppid()}
                outcome = real(plan, program, **given)
                if outcome.failure is not None:
                    os.write(2, f"{outcome.failure.message}\n".encode())
                os._exit(outcome.status)
            status = str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            counts[status] = counts.get(status, 0) + 1
        os.kill(racer, signal.SIGKILL)
        os.write(1, b"\n" + json.dumps(counts).encode() + b"\n")
        os._exit(0)

    box.run = many
    return main(["up", "-q", spec])


def exchange(paths: list[str]) -> int:
    """Fork the racing process; it ends with this one."""
    import ctypes

    pid = os.fork()
    if pid:
        return pid
    libc = ctypes.CDLL(None)
    libc.prctl(1, signal.SIGKILL)
    pairs = [(os.fsencode(path), os.fsencode(path + ".evil")) for path in paths]
    while True:
        for one, other in pairs:
            libc.renameat2(-100, one, -100, other, 2)


def run(argv: list[str]) -> int:
    """Take the words of the command line; give the product's status."""
    if argv[0] == "swapped":
        return swapped(*argv[1:])
    return legacy(argv[1]) if argv[0] == "legacy" else race(float(argv[1]), argv[2], argv[3:])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
