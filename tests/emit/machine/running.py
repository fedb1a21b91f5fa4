"""Runs machine code: x86_64 in this process, aarch64 in unicorn. Disassembles both with capstone."""

from __future__ import annotations

import ctypes
import mmap
import platform
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from toyspec.emit.machine import aarch64, x86_64

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


capstone: Any = import_module("capstone")  # neither has types
unicorn: Any = import_module("unicorn")
arm64_const: Any = import_module("unicorn.arm64_const")

MACHINES: Final[dict[str, ModuleType]] = {"x86_64": x86_64, "aarch64": aarch64}
NATIVE = platform.machine()
MAPPED = 0x10000000  # where unicorn has the code
_STACK, _STACK_SIZE = 0x20000000, 0x100000
DATA = 0x30000000  # a megabyte of data
_END = 0x0F000000  # returning to here ends the emulation
_ALL = (1 << 64) - 1


def runs(arch: str) -> bool:
    """Whether code of that architecture runs here."""
    return arch in (NATIVE, "aarch64")


def disassembled(arch: str, code: bytes, at: int = 0) -> list[str]:
    """The instructions of `code`, all of it."""
    if arch == "x86_64":
        reader = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    else:
        reader = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)
    found = list(reader.disasm(code, at))
    assert sum(i.size for i in found) == len(code), code.hex()
    return [f"{i.mnemonic} {i.op_str}".strip() for i in found]


def signed(value: int) -> int:
    value &= _ALL
    return value - (1 << 64) if value >> 63 else value


class Native:
    """Code of this machine's architecture, mapped executable."""

    def __init__(self, code: bytes) -> None:
        self.map = mmap.mmap(-1, max(len(code), 1), prot=7)
        self.map.write(code)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.map))

    def call(self, offset: int, *arguments: int) -> int:
        kinds = [ctypes.c_int64] * len(arguments)
        function: Callable[..., int] = ctypes.CFUNCTYPE(ctypes.c_int64, *kinds)(self.base + offset)
        return function(*map(signed, arguments))


class Emulated:
    """Code for aarch64, in an emulator; `DATA` is a megabyte to read and write."""

    def __init__(self, code: bytes) -> None:
        self.engine = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        self.engine.mem_map(MAPPED, max((len(code) + 4095) // 4096 * 4096, 4096))
        self.engine.mem_map(_STACK, _STACK_SIZE)
        self.engine.mem_map(DATA, 0x100000)
        self.engine.mem_map(_END, 4096)
        self.engine.mem_write(MAPPED, code)

    def call(self, offset: int, *arguments: int) -> int:
        kept = {getattr(arm64_const, f"UC_ARM64_REG_X{n}"): n * 0x1111 for n in range(19, 30)}
        for register, value in kept.items():
            self.engine.reg_write(register, value)
        for number, argument in enumerate(arguments):
            register = getattr(arm64_const, f"UC_ARM64_REG_X{number}")
            self.engine.reg_write(register, argument & _ALL)
        stack = _STACK + _STACK_SIZE - 4096
        self.engine.reg_write(arm64_const.UC_ARM64_REG_SP, stack)
        self.engine.reg_write(arm64_const.UC_ARM64_REG_LR, _END)
        self.engine.emu_start(MAPPED + offset, _END)
        assert self.engine.reg_read(arm64_const.UC_ARM64_REG_SP) == stack
        assert {r: self.engine.reg_read(r) for r in kept} == kept, "a kept register was lost"
        return signed(self.engine.reg_read(arm64_const.UC_ARM64_REG_X0))


def runner(arch: str, code: bytes) -> Native | Emulated:
    """Whatever runs code of that architecture here."""
    return Emulated(code) if arch == "aarch64" else Native(code)
