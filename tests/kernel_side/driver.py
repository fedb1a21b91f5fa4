"""The product under the tests' hand: run as the product's user, in the product's interpreter.

`driver.py serve GATE PLAN SPEC`: load, plan and lower once, write the plan's JSON to PLAN, then, for
each line of stdin, the path of a file for stderr, fork a process that waits for a byte on
descriptor GATE and runs the box as `toyspec up -q SPEC` would.

`driver.py plant CALL SPEC`: `toyspec up -q SPEC`, with one call more in the middle of setup.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, NoReturn

PLANTED = ("mkdir", "mount", "openat")


def serve(gate: int, plan_path: str, spec: str) -> int:
    """`up -q SPEC` as far as the run itself; the run once for each line of stdin."""
    from toyspec.cli.main import main
    from toyspec.emit.plan_json import to_json
    from toyspec.run import box
    from toyspec.run.progress import Progress
    from toyspec.show import failure, paint, trace

    real = box.run

    def cases(plan: Any, program: Any, **given: Any) -> Any:
        with open(plan_path, "w", encoding="utf-8") as file:
            file.write(to_json(plan))
        loaded = (failure, paint)  # a run that fails must not have to import them
        os.write(1, b"ready\n")
        for line in sys.stdin.buffer:
            pid = os.fork()
            if pid == 0:
                become_case(gate, os.fsdecode(line.rstrip(b"\n")))
                given["progress"] = Progress()
                given["progress"].publish(trace.phases(plan), time.monotonic_ns())
                return real(plan, program, **given)
            os.write(1, b"%d\n" % pid)
            os.write(1, b"%d\n" % os.waitpid(pid, 0)[1])
        os._exit(len(loaded) - 2)

    box.run = cases
    return main(["up", "-q", spec])


def become_case(gate: int, errors: str) -> None:
    """This fork's streams are its own; it waits to be traced."""
    empty = os.open("/dev/null", os.O_RDWR)
    file = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for target, source in ((0, empty), (1, empty), (2, file)):
        os.dup2(source, target)
    os.close(empty)
    os.close(file)
    os.read(gate, 1)
    os.close(gate)


def plant(what: str, spec: str) -> int:
    """`up -q SPEC` with one more call in setup, where its umask is."""
    import ctypes

    from toyspec.cli.main import main
    from toyspec.kernel import call
    from toyspec.run import box

    real = call.syscall
    memory = [ctypes.create_string_buffer(text) for text in (b"planted", b"/tmp", b"tmpfs")]
    planted, tmp, tmpfs = (ctypes.addressof(one) for one in memory)
    extra = {
        "mkdir": (83, planted, 0o755),
        "mount": (165, tmpfs, tmp, tmpfs, 0, 0),
        "openat": (257, -100, planted, os.O_RDONLY),
    }[what]
    umask = 95

    def syscall(number: int, *args: int) -> int:
        if number == umask:
            real(*extra)
        return real(number, *args)

    for module in (call, box, *(sys.modules[m] for m in list(sys.modules) if "toyspec.run" in m)):
        if getattr(module, "syscall", None) is real:
            module.syscall = syscall  # type: ignore[attr-defined]
    return main(["up", "-q", spec])


def run(argv: list[str]) -> NoReturn:
    """Take the words of the command line; exit with the product's status."""
    verb, *rest = argv
    status = serve(int(rest[0]), rest[1], rest[2]) if verb == "serve" else plant(*rest)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    run(sys.argv[1:])
