"""The product under the tests' hand: run as the product's user, in the product's interpreter.

`driver.py serve GATE PLAN SPEC`: load, plan and lower once, write the plan's JSON to PLAN, then, for
each line of stdin, the path of a file for stderr, fork a process that waits for a byte on
descriptor GATE and runs the box as `toyspec up -q SPEC` would. Numbers before the path, with blanks
between, are steps before which the process traps, so that a tracer need not stop it before.

`driver.py execute GATE FILE`: the same for a program that runs a plan by itself.

`driver.py detached SPEC FILE`: write what `up -d SPEC` would execute from memory.

`driver.py plant CALL SPEC`: `toyspec up -q SPEC`, with one call more in the middle of setup.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import termios
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from toyspec.start import parent

ON_TERMINAL = "TOYSPEC_TEST_ON_TERMINAL"
"""Where this is set, each case is the leader of a session on a terminal; standard error is a file."""
PLANTED = ("mkdir", "mount", "openat")


class PlannedError(BaseException):
    """All is ready for the run."""


def once(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which has to work at its first call only."""
    results: list[Any] = []

    def remembered(*given: Any, **named: Any) -> Any:
        if not results:
            results.append(function(*given, **named))
        return results[0]

    return remembered


def serve(gate: int, plan_path: str, spec: str) -> int:
    """`up -q SPEC` as far as the run itself; then all of it, once for each line of stdin."""
    from toyspec.cli import box as asked
    from toyspec.cli.main import main
    from toyspec.emit.plan_json import to_json
    from toyspec.program import lower
    from toyspec.run import box, causes
    from toyspec.run.executor import Executor
    from toyspec.show import failure, paint, trace

    assert all((causes, failure, paint, trace))  # a run that fails must not have to import them
    real = box.run

    def planned(plan: Any, *given: Any, **named: Any) -> Any:
        with open(plan_path, "w", encoding="utf-8") as file:
            file.write(to_json(plan))
        raise PlannedError

    if ON_TERMINAL in os.environ:
        from toyspec.start import look

        def terminal(_: Any, _about: str) -> tuple[bool, ...]:
            return (True, True, False, True, True, False)

        look.terminal = terminal  # type: ignore[assignment]
    traps = Traps()
    words = ["up", "-q", spec]
    for module, name in ((asked, "load_spec"), (asked, "make_plan"), (lower, "lower")):
        setattr(module, name, once(getattr(module, name)))
    box.run = planned
    try:
        return main(words)
    except PlannedError:
        box.run = real

    def case(steps: frozenset[int]) -> int:
        if steps:
            vars(box)["Executor"] = traps.before(steps, Executor)
        return main(words)

    return fork_cases(gate, case, traps.address)


class Traps:
    """A function that is a breakpoint (int3), at an address that is the same in every fork.

    Its argument, a step's id, is in the register of a first argument: a tracer finds it there.
    """

    def __init__(self) -> None:
        import ctypes
        import mmap

        self._memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)
        self._memory.write(b"\xcc\xc3")  # int3; ret
        here = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._spring = ctypes.PYFUNCTYPE(None, ctypes.c_long)(here)
        self.address = here + 1  # where it goes on

    def before(self, steps: frozenset[int], executor: Any) -> Any:
        """The executor, but that it traps once before it comes to each of `steps`; its calls are its own."""
        spring, left = self._spring, set(steps)

        class Code(list[Any]):
            def __iter__(self) -> Iterator[Any]:
                for each in super().__iter__():
                    if each[0].step in left:
                        left.remove(each[0].step)
                        spring(each[0].step)
                    yield each

        class Trapping(executor):  # type: ignore[misc]
            def __init__(self, *given: Any) -> None:
                super().__init__(*given)
                self.code: dict[Any, Any] = {r: Code(c) for r, c in self.code.items()}

        return Trapping


def execute(gate: int, program: str) -> int:
    """`program`, once for each line of stdin."""

    def become(steps: frozenset[int]) -> NoReturn:
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
            signal.signal(number, signal.SIG_DFL)
        os.execv(program, [program])

    return fork_cases(gate, become)


def fork_cases(gate: int, case: Callable[[frozenset[int]], int], trap: int = 0) -> int:
    """Do `case` in a fork for each line of stdin, and say its pid and how it ended."""
    os.write(1, b"ready %d\n" % trap)
    for line in sys.stdin.buffer:
        *steps, path = line.rstrip(b"\n").split(b" ")
        screen = os.openpty() if ON_TERMINAL in os.environ else ()
        pid = os.fork()
        if pid == 0:
            become_case(gate, os.fsdecode(path), *screen[1:])
            return case(frozenset(map(int, steps)))
        os.write(1, b"%d\n" % pid)
        os.write(1, b"%d\n" % os.waitpid(pid, 0)[1])
        for fd in screen:
            os.close(fd)
    return 0


def become_case(gate: int, errors: str, terminal: int | None = None) -> None:
    """This fork's streams are its own, or, but for the last, a terminal; it waits to be traced."""
    empty = os.open("/dev/null", os.O_RDWR)
    if terminal is not None:
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        os.dup2(terminal, empty)
    file = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for target, source in ((0, empty), (1, empty), (2, file)):
        os.dup2(source, target)
    os.close(empty)
    os.close(file)
    os.read(gate, 1)
    os.close(gate)
    parent.PARENT = os.getppid()  # of this fork


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


def detached(spec: str, path: str) -> int:
    """The box that `up -d SPEC` leaves to itself, as an executable file."""
    from toyspec.cli.detach import prepare
    from toyspec.cli.words import UP, parse
    from toyspec.start.look import Look

    with open(path, "wb") as file:
        file.write(prepare(parse(["-d", spec], UP), Look()).program)
    os.chmod(path, 0o755)
    return 0


def run(argv: list[str]) -> NoReturn:
    """Take the words of the command line; exit with the product's status."""
    verb, *rest = argv
    if verb == "plant":
        status = plant(*rest)
    elif verb == "detached":
        status = detached(*rest)
    else:
        gate = int(rest.pop(0))
        status = serve(gate, *rest) if verb == "serve" else execute(gate, *rest)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    run(sys.argv[1:])
