"""`driver.py CHANGE… -- WORDS…`: the command toyspec, with something about its run changed, or about
the box that it compiles.

`grace=SECONDS`: between TERM and KILL. `wait`: the monitor never says go, so the box is always
being built. `slow=SECONDS`: before each call of setup and init. `patience=SECONDS`: with a view
that does not end. `unexecuted`: a command waits before its execve. `pauses`: once it was told to go, and before its
execve, the command says so on standard error, and waits for a byte of standard input. `blind`: the monitor
does not see that execve. `timed`: a compiled box says when each step was done. `kept`: it takes the words of
what keeps boxes in memory.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toyspec.plan.writer import Writer


def change(what: str) -> None:
    name, _, value = what.partition("=")
    from toyspec.emit import compiled, records
    from toyspec.emit.resident import record
    from toyspec.kernel import call
    from toyspec.plan import calls
    from toyspec.plan.phases import execute as going
    from toyspec.run import monitor
    from toyspec.run.monitor import Monitor
    from toyspec.spec import life

    if name == "grace":
        life.GRACE = round(float(value) * 1000)
    elif name == "wait":
        Monitor._go = lambda _: None  # type: ignore[method-assign,assignment]
        del records._SLOTS["go.write"]
        records._SLOTS["go.read"] = record.GO_WRITE  # which the monitor has closed
    elif name == "pauses":
        real_become = going.become

        def become(w: Writer, *given: Any) -> None:
            w.do(calls.write(2, ("paused\n",)), "a test waits for it")
            w.do(calls.read(0, 1), "a test says when")
            real_become(w, *given)

        going.become = become  # type: ignore[assignment]
    elif name == "blind":
        Monitor._is_executing = lambda _: False  # type: ignore[method-assign,assignment]
        del records._SLOTS["exec.read"]
        records._SLOTS["life.write"] = record.EXEC_READ  # which gives nothing to read
    elif name == "timed":
        compiled.Baked = partial(compiled.Baked, timed=True)  # type: ignore[misc,assignment]
    elif name == "kept":
        real_baked = compiled.Baked
        compiled.Baked = lambda *given, **named: real_baked(*given, **{**named, "as_file": False})  # type: ignore[misc,assignment]
    elif name == "patience":
        monitor._VIEW_PATIENCE = float(value)
    elif name == "slow":
        real, first = call.syscall, os.getpid()

        def slowly(number: int, *operands: int) -> int:
            if os.getpid() != first:
                time.sleep(float(value))
            return real(number, *operands)

        call.syscall = slowly  # type: ignore[assignment]
    elif name == "unexecuted":
        execute = call.syscall
        execve = {"x86_64": 59, "aarch64": 221}[os.uname().machine]

        def never(number: int, *operands: int) -> int:
            if number == execve:
                os.write(2, b"held\n")
                time.sleep(3600)
            return execute(number, *operands)

        call.syscall = never  # type: ignore[assignment]
    else:
        raise ValueError(what)


if __name__ == "__main__":
    at = sys.argv.index("--")
    for each in sys.argv[1:at]:
        change(each)
    sys.argv[1:] = sys.argv[at + 1 :]
    from toyspec.cli.main import main

    sys.exit(main())
