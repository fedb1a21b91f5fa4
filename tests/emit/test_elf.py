"""The file of a compiled box: what the kernel is told of it, and that it is always the same."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.plans import REPOSITORY, facts, spec
from toyspec.emit import elf
from toyspec.emit.compiled import Baked, Variant, compiled
from toyspec.plan.planner import plan
from toyspec.program.lower import lower
from toyspec.values import replace

HOST = "debian-12"
_X, _W = 1, 2
_LOAD = 1


def made(name: str, arch: str = "x86_64") -> bytes:
    there = replace(facts(HOST), arch=arch)
    planned = plan(spec(there, name), there)
    variant = Variant(planned, lower(planned, None), carried=b"the plan")
    return compiled({"plain": variant, "tty": variant}, Baked(there.uid, there.gid))


def segments(file: bytes) -> list[tuple[int, ...]]:
    """Type, flags, offset, address, physical address, size in the file and in memory, alignment."""
    at, count = struct.unpack_from("<Q", file, 32)[0], struct.unpack_from("<H", file, 56)[0]
    return [struct.unpack_from("<IIQQQQQQ", file, at + 56 * each) for each in range(count)]


@pytest.mark.parametrize("arch", sorted(elf.MACHINES))
@pytest.mark.parametrize("name", ["hello", "dev"])
def test_what_the_kernel_is_told(name: str, arch: str) -> None:
    file = made(name, arch)
    assert file[:7] == b"\x7fELF\x02\x01\x01"
    kind, machine, _, entry = struct.unpack_from("<HHIQ", file, 16)
    assert (kind, machine) == (2, elf.MACHINES[arch][0])
    page = elf.MACHINES[arch][2]
    loads = [each for each in segments(file) if each[0] == _LOAD]
    end = 0
    for _, flags, offset, address, _, size, memory, align in sorted(loads, key=lambda s: s[3]):
        assert flags & (_W | _X) != _W | _X, "nothing is writable and executable"
        assert (offset - address) % page == 0
        assert align == page
        assert size == memory
        assert offset + size <= len(file)
        assert address >= end, "segments share no page"
        end = -(-(address + size) // page) * page
    within = [each for each in loads if each[3] <= entry < each[3] + each[5]]
    assert [each[1] & _X for each in within] == [_X]
    (stack,) = (each for each in segments(file) if each[0] != _LOAD)
    assert stack[1] & _X == 0


def test_the_same_bytes_anywhere(tmp_path: Path) -> None:
    ours = hashlib.sha256(made("dev")).hexdigest()
    script = "import hashlib; from tests.emit.test_elf import made; "
    script += "print(hashlib.sha256(made('dev')).hexdigest())"
    for seed in ("0", "4711"):
        done = subprocess.run(
            [sys.executable, "-P", "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(REPOSITORY), "PATH": os.defpath},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == ours


def test_a_part_that_outgrows_its_addresses_is_refused() -> None:
    layout = elf.Layout("x86_64")
    with pytest.raises(ValueError, match="no room"):
        layout.add("records", bytearray(0x6000001))


def test_parts_come_in_their_order() -> None:
    with pytest.raises(ValueError, match="not the next part"):
        elf.Layout("x86_64").address("code")


def test_no_part_reaches_into_another_segment() -> None:
    """Each is within its own bounds, and together they are more than lies between the segments."""
    layout = elf.Layout("x86_64")
    content = bytearray(0x5800000)
    for part in ("records", "data", "resident", "code"):
        layout.add(part, content)
    with pytest.raises(ValueError, match="no room"):
        layout.add("cold", content)
