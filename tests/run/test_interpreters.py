"""What the box's command names as its interpreter is looked up by the box's rules alone.

The kernel opens it before an execve closes what is only marked to be closed then: a first line like
`#!/proc/self/fd/7/../..` would lead through whatever is open (the class of CVE-2024-21626).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import tools
from tests.product import Product
from tests.run.boxes import COMPILED, command_line, compile_box, ways
from tests.run.detached import Place

SPEC = "version: 1\nsystem: host\nbinds: [.:/work]\nworking_dir: /work\ninit: [sh]\n"
NUMBERS = range(3, 24)
NOT_EXECUTED, NOT_FOUND = 126, 127


def prepared(product: Product, text: str) -> tuple[Path, Path, Path]:
    """A spec; a directory of the host's with a program, which the box does not show; scripts by number."""
    directory, outside = product.directory(), product.directory()
    program = outside / "busybox"
    program.write_bytes(Path(tools.need("busybox")).read_bytes())
    program.chmod(0o755)
    product.own(program)
    way = "/".join([".."] * 12) + str(program)
    for number in NUMBERS:
        script = directory / f"through{number}"
        product.write(script, f"#!/proc/self/fd/{number}/{way} echo\n")
        script.chmod(0o755)
    return product.write(directory / "box.yaml", text), outside, directory


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(
    "more",
    [
        "",
        "reaper: true\n",
        "no_new_privileges: false\n",
        "root: {read_only: true}\nlandlock: true\n",
    ],
)
def test_no_descriptor_leads_out(product: Product, more: str) -> None:
    """Whatever the caller has open: here every number there is, a directory of the host's."""
    spec, outside, _ = prepared(product, SPEC + more)
    words = (
        [compile_box(product, spec)]
        if ways[-1] == COMPILED
        else [*command_line(product, ()), "up", "-q", "--no-cache", spec]
    )
    opened = [os.open(outside, os.O_RDONLY | os.O_DIRECTORY) for _ in range(24)]
    passed = [each for each in opened if each > 2]
    seen = set()
    for number in NUMBERS:
        process = product.popen([*words, "--", f"./through{number}"], program=True, pass_fds=passed)
        out, _ = process.communicate(timeout=60)
        seen.add((process.returncode, out))
    for each in opened:
        os.close(each)
    assert seen <= {(NOT_FOUND, ""), (NOT_EXECUTED, "")}


def test_none_of_a_detached_box_s(product: Product) -> None:
    """Its monitor holds the directory of its state."""
    spec, _, directory = prepared(product, SPEC)
    runtime = product.directory()
    runtime.chmod(0o700)
    place = Place(product, runtime)
    for number in NUMBERS:
        done = place.run("up", "-d", spec, "--", f"./through{number}")
        assert (done.returncode, done.stdout) in ((NOT_FOUND, ""), (NOT_EXECUTED, "")), done
    assert directory.exists()
