"""Input pushed into the caller's terminal, where its shell would run it (CVE-2017-5226)."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from tests import tools
from tests.escape.world import HERE
from tests.product import Product

SPEC = """\
version: 1
system: host
binds: ["./attacker.py:/dev/shm/attacker.py"]
init: [python3, /dev/shm/attacker.py, '{"names": ["push_input"]}']
"""
FILTERS = ("", "seccomp: none\n")
"""The default filter refuses it too: the wall in question is tried behind it and alone."""
WALL = {"shared": "terminal", "apart": "session"}
"""On a terminal that of the box's own stands, without one its session."""
PUSHED = r"read b'pushed\n'"


def on_terminal(product: Product, cwd: Path, streams: str, *words: object) -> str:
    """What `on_terminal.py` and all that it runs print."""
    script = product.checkout / "tests/escape/on_terminal.py"
    argv = [product.python, "-B", script, streams, *words]
    process, master = product.terminal([str(word) for word in argv], cwd=cwd, program=True)
    printed = b""
    try:
        while part := os.read(master, 4096):
            printed += part
    except OSError:  # EIO: the other end is closed
        pass
    finally:
        process.wait(20)
        os.close(master)
    return printed.decode(errors="replace")


def tried(product: Product, streams: str, filter_: str, *, wall: bool) -> str:
    directory = product.directory()
    product.write(directory / "attacker.py", (HERE / "attacker.py").read_bytes())
    product.write(directory / "box.yaml", SPEC + filter_)
    if wall:
        return on_terminal(product, directory, streams, *product.toyspec, "up", "-q", "box.yaml")
    checkout, python = product.checkout, product.python
    steps = (
        shlex.join([*product.toyspec, "plan", "--json", "box.yaml"]) + " > plan.json",
        f"PYTHONPATH={checkout} {python} -B -m tests.escape.weakened {WALL[streams]}"
        " < plan.json > weak.json",
        f"{python} -B {checkout}/tests/kernel_side/replay.py weak.json",
    )  # on one terminal: a plan names it
    return on_terminal(product, directory, streams, "sh", "-c", " && ".join(steps))


def pushing_works() -> None:
    path = Path("/proc/sys/dev/tty/legacy_tiocsti")
    if path.exists() and path.read_text().strip() == "0":
        pytest.skip("nothing shown: this kernel refuses TIOCSTI to everybody (legacy_tiocsti = 0)")


CALLERS = ["product", pytest.param("as_root", marks=pytest.mark.root)]


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("streams", WALL)
@pytest.mark.parametrize("filter_", FILTERS)
def test_nothing_is_pushed(
    request: pytest.FixtureRequest, who: str, streams: str, filter_: str
) -> None:
    tools.need("python3")
    printed = tried(request.getfixturevalue(who), streams, filter_, wall=True)
    own = streams == "shared" and filter_  # what is typed on its own terminal stays there
    assert '{"push_input": {"held":' in printed or own, printed
    assert "read b''" in printed, printed


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("streams", WALL)
def test_without_the_wall_it_is(request: pytest.FixtureRequest, who: str, streams: str) -> None:
    tools.need("python3")
    pushing_works()
    printed = tried(request.getfixturevalue(who), streams, FILTERS[-1], wall=False)
    assert PUSHED in printed, printed
