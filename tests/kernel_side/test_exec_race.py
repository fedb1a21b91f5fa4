"""`exec` into a box that makes namespaces of its own at the very moment in which it is joined.

The newcomer is held just before its setns(2); the box's command leaves meanwhile for namespaces in which
every file is what it wants, and which its caller may join as well as the box's.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests import tools
from tests.entering.boxes import Box, running
from tests.kernel_side import traced
from tests.kernel_side.encode import Call, encode_plan
from tests.kernel_side.isolation import isolated
from tests.kernel_side.traced import Traced, trace
from tests.kernel_side.tracer import Process
from tests.kernel_side.ways import ENTERING
from tests.product import Product
from tests.run.boxes import eventually, spec

pytestmark = [traced.pytestmark, pytest.mark.root]

LEAVES = """
import ctypes, os, time
libc = ctypes.CDLL(None)
print("=== stands ===", flush=True)
while not os.path.exists("/s/go"):
    time.sleep(0.01)
uid, gid = os.getuid(), os.getgid()
assert libc.unshare(0x10020000) == 0  # CLONE_NEWUSER, CLONE_NEWNS
for name, line in ("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1"):
    with open("/proc/self/" + name, "w") as file:
        file.write(line)
assert libc.mount(b"/s/another", b"/usr/bin/id", None, 4096, None) == 0  # MS_BIND
print("left", flush=True)
time.sleep(1000)
"""
SPEC = """\
version: 1
system: host
seccomp: none
binds: [./s:/s]
init: [sh]
"""


def entered(box: Box, leave: Callable[[], None]) -> tuple[Traced, list[Call]]:
    """How exec of `id` went where `leave` was done between its last step outside and the join; and
    which steps it began.
    """
    product = box.product
    plan = json.loads(product.run(["plan", "--exec", box.name, "--json", "--", "id"]).stdout)
    argv = [str(product.python), "-B", product.script, "exec", box.name, "--", "id"]

    def act(_: Process, call: Call) -> None:
        if call.name == "setns":
            leave()

    def work() -> tuple[Traced, list[Call]]:
        calls = encode_plan(plan, product.environ())
        checker = ENTERING.checker(calls)
        checker.act = act
        ran = trace(product, argv, checker, cwd=box.spec.parent)
        return ran, [call for call in calls if call.id in checker.seen]

    return isolated(work)


@pytest.mark.parametrize("kept", [False, True], ids=["anew", "kept"])
def test_nothing_begins_where_the_box_does_not(product: Product, kept: bool) -> None:
    tools.need("python3")
    path = spec(product, SPEC)
    product.write(path.parent / "s/another", "#!/bin/sh\necho another\n", 0o755)
    with running(product, path, argv=["python3", "-c", LEAVES]) as box:
        if kept:
            assert box.exec("id").returncode == 0
            assert list(box.state.glob("exec.*"))

        def leave() -> None:
            product.write(path.parent / "s/go", "")
            eventually(lambda: b"left" in (box.state / "log").read_bytes())

        before = box.processes()
        ran, begun = entered(box, leave)
        assert ran.stdout == ""
        assert ran.status == "exit 125", ran.stderr
        assert "look at what was joined: not the namespace that the plan was made for" in ran.stderr
        assert "what runs in it made namespaces of its own" in ran.stderr
        last = begun[-1]
        assert (last.role, last.name) == ("setup", "statx")
        assert "init" not in {call.role for call in begun}, "nothing of it was ever in there"
        assert box.processes() == before
