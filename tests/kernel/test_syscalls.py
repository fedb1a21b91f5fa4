"""Every call's number is the headers', on every architecture whose headers are here."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from tests import tools
from toyspec.kernel.calls import CALLS, number
from toyspec.kernel.syscalls import (
    ARCHITECTURES,
    COMPATIBLE,
    ELSEWHERE,
    LAST,
    X32_BIT,
    known,
    names,
    numbers,
)

if TYPE_CHECKING:
    from pathlib import Path

ARM_ONLY: Final = {"arm_sync_file_range", "sync_file_range2"}
PACKAGES: Final = {
    "aarch64": ("/usr/aarch64-linux-gnu/include", "linux-libc-dev-arm64-cross"),
    "arm": ("/usr/arm-linux-gnueabihf/include", "linux-libc-dev-armhf-cross"),
}
HEADERS: Final = {
    "x86_64": "asm/unistd_64.h", "i386": "asm/unistd_32.h", "x32": "asm/unistd_x32.h",
    "aarch64": "asm/unistd.h", "arm": "asm/unistd.h",
}  # fmt: skip
DEFINES: Final = {
    "x32": ("__X32_SYSCALL_BIT=0x40000000",),
    "arm": ("__ARM_EABI__",),
}
UNDEFINES: Final = {"arm": ("__x86_64__", "__LP64__"), "aarch64": ("__ILP32__",)}

LATE: Final = {"uretprobe", "uprobe"}
"""Calls that came after newer ones: Linux 6.11 and 6.18, x86_64 only."""


def headers(arch: str, directory: Path) -> dict[str, int]:
    """Every __NR_ of the architecture's header, as the preprocessor has it."""
    gcc = tools.need("gcc", "cc")
    flags = [f"-D{name}" for name in DEFINES.get(arch, ())]
    flags += [f"-U{name}" for name in UNDEFINES.get(arch, ())]
    if arch in PACKAGES:
        include, package = PACKAGES[arch]
        if not os.path.isdir(include):
            tools.lack(f"needs {package}")
        flags += ["-nostdinc", "-isystem", include]
    elif os.uname().machine != "x86_64":
        tools.lack("the headers here are not x86's")
    include_line = f"#include <{HEADERS[arch]}>\n"
    macros = preprocessed(gcc, [*flags, "-dM"], include_line, directory)
    found = re.findall(r"^#define __(?:ARM_)?NR_(\w+) ", macros, re.MULTILINE)
    wanted = [name for name in found if name not in ("syscalls", "arch_specific_syscall", "BASE")]
    lines = [f"@{name} __NR_{name}" for name in wanted]
    lines += [f"@{name} __ARM_NR_{name}" for name in wanted]
    text = preprocessed(gcc, [*flags, "-P"], include_line + "\n".join(lines) + "\n", directory)
    values = {}
    for name, value in re.findall(r"^@(\w+) ([^@\n_]+)$", text, re.MULTILINE):
        assert re.fullmatch(r"[0-9a-fA-Fx()+ ]+", value), (name, value)
        values[name] = sum(int(part, 0) for part in re.findall(r"0x[0-9a-fA-F]+|\d+", value))
    assert len(values) > 300
    return {name: value for name, value in values.items() if name != "SYSCALL_BASE"}


def preprocessed(gcc: str, flags: list[str], source: str, directory: Path) -> str:
    path = directory / "numbers.c"
    path.write_text(source)
    return subprocess.run(
        [gcc, "-E", *flags, path], check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_numbers_are_those_of_the_headers(arch: str, tmp_path: Path) -> None:
    found = headers(arch, tmp_path)
    ours = numbers(arch)
    newest = max(value & ~X32_BIT for value in found.values() if value & ~X32_BIT < 512)
    assert newest > 400
    assert {"openat", *({"set_tls"} if arch == "arm" else ())} <= found.keys()
    older = {
        name: value for name, value in found.items() if value & ~X32_BIT <= LAST or ours.get(name)
    }
    assert older.items() <= ours.items()
    lacking = {name for name in ours.keys() - found.keys() if ours[name] & ~X32_BIT <= newest}
    assert lacking <= LATE


def test_numbers_are_those_that_plans_are_lowered_with() -> None:
    for arch in ("x86_64", "aarch64"):
        for call in CALLS:
            assert numbers(arch)[call] == number(call, arch)


def test_x32_has_the_bit_and_numbers_of_its_own_where_structures_differ() -> None:
    x32 = numbers("x32")
    assert all(value & X32_BIT for value in x32.values())
    assert (x32["read"], x32["ioctl"]) == (X32_BIT, X32_BIT | 514)
    assert "uselib" not in x32
    own = {name for name, value in x32.items() if value & ~X32_BIT >= 512}
    assert len(own) == 36
    for name, value in x32.items():
        if name not in own:
            assert numbers("x86_64")[name] == value & ~X32_BIT


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_number_is_one_call(arch: str) -> None:
    for value, name in names(arch).items():
        assert numbers(arch)[name] == value
    assert numbers(arch).keys() - names(arch).values() <= ARM_ONLY
    assert max(value & ~X32_BIT for value in names(arch) if value & ~X32_BIT < 512) == LAST


def test_the_names_of_other_architectures_are_nobodys_here() -> None:
    assert not set(ELSEWHERE.split()) & {name for arch in ARCHITECTURES for name in numbers(arch)}
    assert {"read", "riscv_hwprobe", "socketcall", "cacheflush"} <= known()


def test_each_architecture_says_whose_programs_it_runs() -> None:
    assert set(COMPATIBLE) == set(ARCHITECTURES)
    with pytest.raises(KeyError):
        numbers("mips")
