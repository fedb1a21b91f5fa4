"""Calls return what the kernel returned; a cloned child's trace holds nothing else."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import tools
from toyspec.kernel.call import Arena, syscall, warm
from toyspec.kernel.calls import number

ARCH = os.uname().machine
ALLOWED = {"brk", "mmap", "munmap", "mremap", "madvise"}

CHILD = """
import gc
from toyspec.kernel.call import Arena, syscall, warm
from toyspec.kernel.calls import number
gc.disable()
warm()
umask, chdir, clone = (number(call, ARCH) for call in ("umask", "chdir", "clone"))
arena = Arena(b"/absent\\0")
if syscall(clone, 17) == 0:
    kept = []
    for mask in range(2000):
        kept.append([syscall(umask, mask & 0o777) for _ in range(2)])
        kept.append(syscall(chdir, arena.address))
    syscall(EXIT, len(set(map(str, kept))) > 0)
import os
os.wait()
"""


def test_results_and_errnos() -> None:
    warm()
    old = os.umask(0o027)
    try:
        assert syscall(number("umask", ARCH), 0o022) == 0o027
    finally:
        os.umask(old)
    assert syscall(number("close", ARCH), -1) == -errno.EBADF
    assert syscall(-1) == -errno.ENOSYS
    assert syscall(number("close_range", ARCH), 5, 4, 0) == -errno.EINVAL


def test_numbers_are_cut_to_64_bits() -> None:
    assert syscall(number("close", ARCH), (1 << 64) - 1) == -errno.EBADF


def test_an_arena_holds_data_and_pointers() -> None:
    arena = Arena(b"abcdefgh" + bytes(8) + b"\xff" * 4, ((8, 2),))
    assert bytes(arena.memory[:8]) == b"abcdefgh"
    assert int.from_bytes(arena.memory[8:16], "little") == arena.address + 2
    assert arena.cells[16 // 4] == -1
    arena.cells[4] = 7
    assert arena.memory[16] == 7
    assert arena.address % 4096 == 0


def test_the_kernel_writes_where_the_arena_says() -> None:
    arena = Arena(bytes(8))
    assert syscall(number("pipe2", ARCH), arena.address, 0) == 0
    read, write = arena.cells[0], arena.cells[1]
    os.write(write, b"x")
    assert os.read(read, 2) == b"x"
    os.close(read)
    os.close(write)


def test_a_large_arena_is_all_there() -> None:
    assert bytes(Arena(b"x" * 10_000).memory[:10_001]) == b"x" * 10_000 + b"\0"


@pytest.mark.skipif(ARCH not in ("x86_64", "aarch64"), reason="no table for this architecture")
def test_a_cloned_child_makes_no_call_of_its_own(tmp_path: Path) -> None:
    strace = tools.need("strace")
    exit_group = {"x86_64": 231, "aarch64": 94}[ARCH]
    code = CHILD.replace("ARCH", repr(ARCH)).replace("EXIT", str(exit_group))
    log = tmp_path / "log"
    root = str(Path(__file__).parents[2])
    command = [strace, "-ff", "-o", str(log), sys.executable, "-c", code]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": root})
    traces = {path: path.read_text().splitlines() for path in tmp_path.glob("log.*")}
    (child,) = (lines for lines in traces.values() if not lines[0].startswith("execve("))
    names = [
        found[0] for line in child if (found := re.match(r"\w+", line)) and line[0] not in "+-"
    ]
    assert [name for name in names if name not in ALLOWED] == [
        *["umask", "umask", "chdir"] * 2000, "exit_group",
    ]  # fmt: skip
