"""exec's plan run as `toyspec exec` runs it, by the product's user, but many times and changed.

`driver.py many COUNT PLAN SECRET [WITHOUT…]`: the plan in that file, which `plan --exec --json` printed,
less the calls that are named (`setup:prctl:PR_SET_DUMPABLE`), compiled, and run so often from memory. The
secret is in its environment, and in a file that it inherits as descriptor 9. Says how often which
status came.

`driver.py write PLAN FILE SPEC`: the plan, compiled as `exec` does it, into a file; `open` for
`write`: one that takes any standard stream.
"""

from __future__ import annotations

import binascii
import os
import sys
import zlib
from collections import Counter
from unittest.mock import patch

from toyspec.emit.compiled import VARIANTS, Baked, Variant, compiled
from toyspec.emit.plan_json import from_json
from toyspec.plan.step import Flags, Plan, Step
from toyspec.program.lower import lower
from toyspec.start import memory
from toyspec.values import replace

INHERITED = 9


def program(path: str, without: list[str]) -> bytes:
    """The plan as an executable."""
    with open(path, encoding="utf-8") as file:
        plan = weaken(from_json(file.read()), without)
    variant = Variant(plan, lower(plan, None))
    return compiled(dict.fromkeys(VARIANTS, variant), Baked(os.getuid(), os.getgid()))


def weaken(plan: Plan, without: list[str]) -> Plan:
    """Less the calls that are named, each of which there has to be."""
    left = [step for step in plan.steps if not any(is_named(step, name) for name in without)]
    for name in without:
        assert any(is_named(step, name) for step in plan.steps), name
    return replace(plan, steps=tuple(replace(step, id=n) for n, step in enumerate(left, 1)))


def is_named(step: Step, name: str) -> bool:
    role, call, *flags = name.split(":")
    named = (step.role, step.call) == (role, call)
    return named and all(step.args[0].value == Flags((flag,)) for flag in flags)


def many(count: int, path: str, secret: str, without: list[str]) -> int:
    box = memoryview(program(path, without))
    fd = os.memfd_create("host")
    os.write(fd, secret.encode())
    os.dup2(fd, INHERITED, inheritable=True)
    os.close(fd)
    seen: Counter[int] = Counter()
    for _ in range(count):
        os.lseek(INHERITED, 0, os.SEEK_SET)
        pid = os.fork()
        if pid == 0:
            memory.execute("toyspec", box, ["toyspec"], {**os.environ, "HOST": secret})
        seen[os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])] += 1
    print(dict(seen))
    return 0


def take_any_stream() -> None:
    """The resident code without its refusal of streams that lead out: what is behind that is to be seen."""
    from toyspec.emit.resident import make, ready

    sources = make.sources()
    begins = f"{make.__package__}.start"
    refusal = "    refuse_ways_out(file, streams)\n"
    assert refusal in sources[begins]
    sources[begins] = sources[begins].replace(refusal, "")
    with patch.object(make, "sources", lambda: sources):
        for arch, (code, entries) in make.blobs().items():
            ready.CODE[arch] = binascii.b2a_base64(zlib.compress(code))
            ready.ENTRIES[arch] = entries


def write(path: str, target: str, spec: str) -> int:
    from toyspec.cli.exec import program_of

    with open(path, encoding="utf-8") as file:
        plan = from_json(file.read())
    with open(target, "wb") as made, open(spec, "rb") as text:
        made.write(program_of(plan, text.read()))
    os.chmod(target, 0o755)
    return 0


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "open":
        take_any_stream()
    if verb in ("write", "open"):
        sys.exit(write(*rest))
    sys.exit(many(int(rest[0]), rest[1], rest[2], rest[3:]))
