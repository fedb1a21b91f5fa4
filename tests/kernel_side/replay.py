"""Runs a plan from its JSON alone: `python tests/kernel_side/replay.py plan.json`.

No code of toyspec is used, and no policy is here: each role walks its own steps in order. The
exit status is that of the box's init, or 125 where a step fails.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import struct
import sys
from collections.abc import Mapping
from typing import Final, NoReturn

if not __package__:  # run as a script: the checkout holds the modules
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.kernel_side.constants import CONSTANTS
from tests.kernel_side.encode import Call, encode_plan
from tests.kernel_side.operands import KINDS, Buffer, Number, Operand, Slot, Vector

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long
_WALL: Final = 0x40000000  # __WALL: of a process that executed nothing another signal tells
_TRIES: Final = 10_000  # of a call whose errno the plan retries


class Role:
    """One process: the plan's steps of its role, and the slots filled so far."""

    def __init__(self, calls: list[Call], name: str, slots: Mapping[str, int]) -> None:
        self.calls = calls
        self.name = name
        self.slots = dict(slots)
        self.memory: dict[int, ctypes.Array[ctypes.c_char]] = {}

    def walk(self) -> NoReturn:
        """Make every call; the children that `clone` makes walk their own."""
        for call in self.calls:
            if call.role != self.name:
                continue
            if call.name == "supervise":
                self.supervise(call)
            result, output = self.make(call)
            code = errno.errorcode.get(-result, str(-result)) if result < 0 else None
            if call.name == "clone" and result == 0:
                assert call.yields is not None
                Role(self.calls, call.yields, self.slots).walk()
            if not self.accepts(call, result, code, output):
                self.fail(call, code)
        self.fail(self.calls[-1], "ENOEXEC")

    def make(self, call: Call) -> tuple[int, bytes]:
        """The call's result (or -errno) and what it wrote to its output buffer."""
        arguments = []
        keep: list[object] = []
        buffer = None
        for operand in call.operands:
            value, memory = self.lower(operand)
            arguments.append(ctypes.c_ulong(value & (1 << 64) - 1))
            keep.append(memory)
            if isinstance(operand, Buffer):
                buffer = (operand, memory)
        result = 0
        arguments += [ctypes.c_ulong(0)] * (6 - len(arguments))
        for _ in range(_TRIES):
            result = _LIBC.syscall(ctypes.c_long(call.number), *arguments)
            if result != -1:
                break
            result = -ctypes.get_errno()
            if errno.errorcode.get(-result) not in call.retries:
                break
        output = b""
        if buffer is not None:
            assert isinstance(buffer[1], ctypes.Array)
            output = bytes(buffer[1].raw)
            for offset, slot in buffer[0].fills:
                self.slots[slot] = struct.unpack_from("<i", output, offset)[0]
        if call.yields is not None and not (buffer and buffer[0].fills):
            self.slots[call.yields] = result
        return result, output

    def lower(self, operand: Operand) -> tuple[int, object]:
        """A register's value, and what must stay alive as long as it is used."""
        if isinstance(operand, Number):
            return operand.value, None
        if isinstance(operand, Slot):
            return self.slots[operand.name], None
        if isinstance(operand, Buffer):
            empty = ctypes.create_string_buffer(operand.size)
            return ctypes.addressof(empty), empty
        if isinstance(operand, Vector):
            words = [
                each if isinstance(each, bytes) else b"%d" % self.slots[each.name]
                for each in operand.strings
            ]
            strings = [ctypes.create_string_buffer(word) for word in words]
            addresses = [ctypes.addressof(s) for s in strings] + [0]
            table = (ctypes.c_ulong * len(addresses))(*addresses)
            return ctypes.addressof(table), (strings, table)
        data = bytearray(operand.data)
        kept: list[object] = []
        for offset, slot in operand.slots:
            struct.pack_into("<i", data, offset, self.slots[slot])
        for offset, inner in operand.pointers:
            address, memory = self.lower(inner)
            kept.append(memory)
            struct.pack_into("<Q", data, offset, address)
        whole = ctypes.create_string_buffer(bytes(data), len(data))
        return ctypes.addressof(whole), (kept, whole)

    def accepts(self, call: Call, result: int, code: str | None, output: bytes) -> bool:
        """Whether the plan allows this result."""
        expects = call.expects or {}
        if code is not None:
            return code in call.tolerates or code == expects.get("errno")
        if "errno" in expects:
            return False
        wanted = call.expected_result()
        if wanted is not None and result != wanted:
            return False
        if "prefix" in expects:
            return output.startswith(expects["prefix"].encode())
        if "kind" in expects:
            mode: int = struct.unpack_from("<H", output, 28)[0]  # statx.stx_mode
            return str(KINDS.get(mode & 0o170000)) == str(expects["kind"])
        if "device" in expects:
            mode = struct.unpack_from("<H", output, 28)[0]
            major, minor = struct.unpack_from("<II", output, 128)  # stx_rdev_major, _minor
            return mode & 0o170000 == 0o020000 and expects["device"] == f"{major}:{minor}"
        if "status" in expects:
            return bool(struct.unpack_from("<i", output, 0)[0] == expects["status"])
        if "filesystem" in expects:
            magic = struct.unpack_from("<q", output, 0)[0]  # statfs.f_type
            return bool(magic == CONSTANTS[expects["filesystem"]])
        return True

    def supervise(self, call: Call) -> NoReturn:
        """Start init where that is this role's task; then wait for the child and say how it ended."""
        named = dict(zip(call.names, call.operands, strict=True))
        if "go" in named:
            os.write(self.value(named["go"]), b"!")
            os.close(self.value(named["go"]))
            os.read(self.value(named["exec"]), 1)
        child = self.value(named["child"])
        status = self.reap(child) if self.name == "init" else os.waitpid(child, 0)[1]
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else 128 - code)

    def reap(self, command: int) -> int:
        """PID 1's task, where the command is its child: whoever ends, until that has."""
        while True:
            pid, status = os.waitpid(-1, _WALL)
            if pid == command:
                return status

    def value(self, operand: Operand) -> int:
        assert isinstance(operand, Slot)
        return self.slots[operand.name]

    def fail(self, call: Call, code: str | None) -> NoReturn:
        os.write(2, f"replay: step {call.id}: {call.name}: {code or 'not as expected'}\n".encode())
        os._exit(125)


def main(path: str) -> NoReturn:
    """Walk the plan at `path`: this process becomes its monitor."""
    with open(path, encoding="utf-8") as file:
        plan = json.load(file)
    calls = encode_plan(plan, os.environ, os.uname().machine)
    sys.stdout.flush()
    Role(calls, calls[0].role, {}).walk()


if __name__ == "__main__":
    main(sys.argv[1])
