"""Straight-line code in an emulator, one call after the other: what it makes of any answer.

There is no kernel in it. A call stops the emulator; whoever runs it says how the kernel answered, and
sees what comes next: another call, or a resident function.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.emit.machine.running import arm64_const, unicorn

if TYPE_CHECKING:
    from collections.abc import Mapping

x86_const: Any = import_module("unicorn.x86_const")

PAGE: Final = 0x20000000
_STACK: Final = 0x30000000
_ROOM: Final = 0x10000
_ALL: Final = (1 << 64) - 1
_CLOBBERED: Final = 0x5EED


class Kind(NamedTuple):
    """What differs between architectures."""

    arch: int
    mode: int
    ret: bytes
    call: bytes
    pc: int
    stack: int
    page: int
    number: int
    result: int
    arguments: tuple[int, ...]
    parameters: tuple[int, ...]


def _kind(arch: str) -> Kind:
    if arch == "aarch64":
        x = [getattr(arm64_const, f"UC_ARM64_REG_X{number}") for number in range(20)]
        return Kind(
            unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM, bytes.fromhex("c0035fd6"),
            bytes.fromhex("010000d4"), arm64_const.UC_ARM64_REG_PC, arm64_const.UC_ARM64_REG_SP,
            x[19], x[8], x[0], tuple(x[:6]), tuple(x[:3]),
        )  # fmt: skip
    r = {name: getattr(x86_const, f"UC_X86_REG_{name}") for name in
         ("RAX", "RBX", "RDI", "RSI", "RDX", "R10", "R8", "R9", "RIP", "RSP")}  # fmt: skip
    return Kind(
        unicorn.UC_ARCH_X86, unicorn.UC_MODE_64, b"\xc3", b"\x0f\x05", r["RIP"], r["RSP"],
        r["RBX"], r["RAX"], r["RAX"],
        tuple(r[name] for name in ("RDI", "RSI", "RDX", "R10", "R8", "R9")),
        tuple(r[name] for name in ("RDI", "RSI", "RDX")),
    )  # fmt: skip


class Event(NamedTuple):
    """A resident function was called (its name, its parameters), or the kernel ("", the operands)."""

    function: str
    values: tuple[int, ...]


class Code:
    """The code at `origin`; `functions` are addresses, of which those in `ends` do not return."""

    def __init__(
        self,
        arch: str,
        code: bytes,
        origin: int,
        data: tuple[int, bytes],
        functions: Mapping[str, int],
        ends: frozenset[str],
    ) -> None:
        self.kind = kind = _kind(arch)
        self.names = {at: name for name, at in functions.items()}
        self.ends, self.data = ends, data
        self.events: list[Event] = []
        self.engine: Any = unicorn.Uc(kind.arch, kind.mode)
        lowest = min(functions.values())
        self._map(lowest, origin - lowest)
        self._map(origin, len(code))
        self._map(data[0], len(data[1]))
        self._map(PAGE, _ROOM)
        self._map(_STACK, _ROOM)
        self.engine.mem_write(origin, code)
        self.engine.mem_write(data[0], data[1])
        for at in functions.values():
            self.engine.mem_write(at, kind.ret)
        self.engine.reg_write(kind.page, PAGE)
        self.engine.reg_write(kind.stack, _STACK + _ROOM - 4096)
        self.engine.hook_add(unicorn.UC_HOOK_CODE, self._at, None, lowest, origin + len(code))

    def _map(self, at: int, size: int) -> None:
        self.engine.mem_map(at, max(-(-size // 4096) * 4096, 4096))

    def _at(self, engine: Any, address: int, size: int, _data: object) -> None:
        """Before each instruction."""
        name = self.names.get(address)
        if name is not None:
            parameters = [engine.reg_read(each) for each in self.kind.parameters]
            self.events.append(Event(name, tuple(parameters)))
            engine.reg_write(self.kind.result, _CLOBBERED)
            if name in self.ends:
                engine.emu_stop()
        elif size == len(self.kind.call) and engine.mem_read(address, size) == self.kind.call:
            registers = (self.kind.number, *self.kind.arguments)
            self.events.append(Event("", tuple(engine.reg_read(each) for each in registers)))
            engine.emu_stop()

    def run(self, at: int) -> list[Event]:
        """From an address to the next call that stops it; what happened, that call last."""
        self.events = []
        self.engine.emu_start(at, 0)
        return self.events

    def state(self) -> Any:
        """All registers, before a call of the kernel."""
        return self.engine.context_save()

    def answer(self, state: Any, result: int) -> list[Event]:
        """The kernel's result, at the call that was next in `state`."""
        self.engine.context_restore(state)
        after = self.engine.reg_read(self.kind.pc) + len(self.kind.call)
        self.engine.reg_write(self.kind.result, result & _ALL)
        return self.run(after)

    def read(self, at: int, size: int) -> int:
        """A number in memory, with its sign."""
        return int.from_bytes(self.engine.mem_read(at, size), "little", signed=True)

    def reset(self) -> None:
        """The data as it was."""
        self.engine.mem_write(*self.data)
