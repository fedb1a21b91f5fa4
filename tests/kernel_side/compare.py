"""One call that was seen against one step of the plan: registers, memory, results, and words for it."""

from __future__ import annotations

import struct
from typing import Final

from tests.kernel_side.constants import CONSTANTS
from tests.kernel_side.encode import Call
from tests.kernel_side.names import NAMES
from tests.kernel_side.operands import KINDS, Buffer, Memory, Number, Operand, Slot, Vector
from tests.kernel_side.tracer import Process, Seen

_PATHS: Final = {
    "open": (0,), "openat": (1,), "openat2": (1,), "mkdir": (0,), "mkdirat": (1,), "stat": (0,),
    "lstat": (0,), "newfstatat": (1,), "readlink": (0,), "readlinkat": (1,), "access": (0,),
    "faccessat2": (1,), "unlink": (0,), "rmdir": (0,), "mount": (0, 1, 2), "umount2": (0,),
    "execve": (0,), "mknodat": (1,), "symlinkat": (0, 2), "statx": (1,), "chdir": (0,), "rename": (0, 1),
    "open_tree": (1,), "move_mount": (1, 3), "fsopen": (0,), "mount_setattr": (1,),
}  # fmt: skip


def differs(call: Call, process: Process, slots: dict[str, int], seen: Seen) -> str | None:
    """What of a call differs from the step; None where they are equal."""
    if seen.number != call.number:
        return "another call"
    for name, operand, register in zip(call.names, call.operands, seen.args, strict=False):
        try:
            problem = _operand_differs(operand, register, process, slots)
        except OSError as error:
            problem = f"unreadable: {error}"
        if problem is not None:
            return f"{name}: {problem}"
    return None


def _operand_differs(
    operand: Operand, register: int, process: Process, slots: dict[str, int]
) -> str | None:
    if isinstance(operand, Number):
        value = register & ((1 << operand.bits) - 1)
        return None if value == operand.masked() else f"{value:#x}, not {operand.masked():#x}"
    if isinstance(operand, Slot):
        if operand.name not in slots:
            return f"the slot {operand.name} is not filled"
        value = struct.unpack("<i", struct.pack("<I", register & 0xFFFFFFFF))[0]
        return None if value == slots[operand.name] else f"{value}, not {slots[operand.name]}"
    if isinstance(operand, Buffer):
        process.read(register, operand.size)
        return None
    if isinstance(operand, Vector):
        strings: list[bytes] = []
        while pointer := struct.unpack("<Q", process.read(register + 8 * len(strings), 8))[0]:
            strings.append(process.string(pointer))
        wanted_strings = [
            each if isinstance(each, bytes) else b"%d" % slots[each.name]
            for each in operand.strings
        ]
        return None if strings == wanted_strings else f"{strings}, not {wanted_strings}"
    return _memory_differs(operand, register, process, slots)


def _memory_differs(
    operand: Memory, register: int, process: Process, slots: dict[str, int]
) -> str | None:
    data = bytearray(process.read(register, len(operand.data)))
    wanted = bytearray(operand.data)
    for offset, slot in operand.slots:
        struct.pack_into("<i", wanted, offset, slots[slot])
    for offset, inner in operand.pointers:
        (pointer,) = struct.unpack_from("<Q", data, offset)
        problem = _memory_differs(inner, pointer, process, slots)
        if problem is not None:
            return f"what its pointer at {offset} leads to: {problem}"
        struct.pack_into("<Q", wanted, offset, pointer)
    return None if data == wanted else f"{bytes(data)!r}, not {bytes(wanted)!r}"


def unexpected(call: Call, output: bytes) -> str | None:
    """What of a call's output is not as the step expects it."""
    expects = call.expects or {}
    if "prefix" in expects and not output.startswith(expects["prefix"].encode()):
        return f"wrote {output[:100]!r}"
    if "filesystem" in expects:
        (magic,) = struct.unpack_from("<q", output, 0)
        return None if magic == CONSTANTS[expects["filesystem"]] else f"filesystem {magic:#x}"
    if "status" in expects:
        (status,) = struct.unpack_from("<i", output, 0)
        return None if status == expects["status"] else f"status {status:#x}"
    if "inode" in expects:
        (number,) = struct.unpack_from("<Q", output, 32)
        found = ":".join(map(str, (*struct.unpack_from("<II", output, 136), number)))
        return None if found == expects["inode"] else f"is inode {found}"
    if "kind" in expects or "device" in expects:
        (mode,) = struct.unpack_from("<H", output, 28)
        major, minor = struct.unpack_from("<II", output, 128)
        kind, device = KINDS.get(mode & 0o170000), f"{major}:{minor}"
        wanted = expects.get("kind", "character device")
        if kind != wanted or expects.get("device", device) != device:
            return f"is a {kind}, {device}"
    return None


def describe(process: Process, seen: Seen) -> str:
    """A call for people: its name, its paths where it has any, its registers."""
    name = NAMES.get(seen.number, str(seen.number))
    words = []
    for index, register in enumerate(seen.args):
        word = f"{register:#x}"
        if index in _PATHS.get(name, ()):
            try:
                word = repr(process.string(register))
            except OSError:
                word += " (unreadable)"
        words.append(word)
    return f"{name}({', '.join(words)})"
