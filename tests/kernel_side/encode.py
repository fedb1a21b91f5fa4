"""From a plan's JSON to call numbers, register values and memory: written from the man pages.

It shares no code with toyspec, so that a mistake there cannot hide here. A `Call` holds what the
kernel should see of one step; what is known only at run time stays a `Slot`.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.kernel_side.constants import AARCH64, CONSTANTS, NUMBERS

Json = dict[str, Any]

LONG: Final[frozenset[tuple[str, str]]] = frozenset(
    (call, name)
    for call, names in {
        "read": ("count",),
        "write": ("count",),
        "rt_sigaction": ("sigsetsize",),
        "rt_sigprocmask": ("sigsetsize",),
        "ioctl": ("argp",),
        "clone": ("flags", "stack", "parent_tid", "child_tid", "tls"),
        "fcntl": ("arg",),
        "getcwd": ("size",),
        "prctl": ("arg2", "arg3", "arg4", "arg5"),
        "mount": ("mountflags",),
        "openat2": ("size",),
        "mount_setattr": ("size",),
    }.items()
    for name in names
)
"""Integer parameters of 64 bits; of all others the kernel takes the low 32."""

OMITTED: Final[dict[str, int]] = {"openat": 4, "fcntl": 3, "clone": 5, "prctl": 5}
"""How many arguments these take: a step may leave out the last ones, which are then 0."""

KINDS: Final[dict[int, str]] = {
    0o040000: "directory",
    0o100000: "file",
    0o120000: "symlink",
    0o140000: "socket",
    0o010000: "fifo",
    0o020000: "character device",
    0o060000: "block device",
}
"""What `expects` calls the types of inode(7)."""


class EncodeError(ValueError):
    """The plan says something that this encoder does not know."""


@dataclass(frozen=True, slots=True)
class Number:
    """A register's value, of which the kernel looks at `bits`."""

    value: int
    bits: int

    def masked(self) -> int:
        """The value as the register shows it, without the bits that the kernel ignores."""
        return self.value & ((1 << self.bits) - 1)


@dataclass(frozen=True, slots=True)
class Slot:
    """A descriptor or a pid that an earlier call returned (32 bits)."""

    name: str


@dataclass(frozen=True, slots=True)
class Memory:
    """A pointer to these bytes. `slots`: (offset, name) of int cells; `pointers`: nested memory."""

    data: bytes
    slots: tuple[tuple[int, str], ...] = ()
    pointers: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Buffer:
    """A pointer to `size` bytes for the kernel to write. `fills`: (offset, slot) of int cells."""

    size: int
    fills: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Vector:
    """A pointer to pointers to NUL-terminated strings, ended by a null pointer."""

    strings: tuple[bytes, ...]


Operand = Number | Slot | Memory | Buffer | Vector


@dataclass(frozen=True, slots=True)
class Call:
    """One step as the kernel should see it. `number` is -1 for the pseudo-call `supervise`."""

    id: int
    role: str
    phase: str
    name: str
    number: int
    names: tuple[str, ...]
    operands: tuple[Operand, ...]
    tolerates: frozenset[str]
    retries: frozenset[str]
    expects: Json | None
    yields: str | None
    json: Json

    def operand(self, name: str) -> Operand:
        """The operand of the parameter `name`."""
        return self.operands[self.names.index(name)]

    def expected_result(self) -> int | None:
        """The number that the call must return, if the step expects one."""
        wanted = (self.expects or {}).get("result")
        if isinstance(wanted, str):
            count = self.operand(wanted)
            assert isinstance(count, Number)
            return count.masked()
        return wanted


def encode_plan(plan: Json, variables: Mapping[str, str], arch: str = "x86_64") -> list[Call]:
    """Every step of `plan`, in its order. `variables` is the caller's environment."""
    if plan["format"] != "toyspec-plan" or plan["format_version"].split(".")[0] != "1":
        raise EncodeError(f"not a plan of format 1: {plan['format']} {plan['format_version']}")
    calls = [encode_step(step, variables, arch) for step in plan["steps"]]
    if [call.id for call in calls] != list(range(1, len(calls) + 1)):
        raise EncodeError("step ids are not consecutive from 1")
    return calls


def encode_step(step: Json, variables: Mapping[str, str], arch: str = "x86_64") -> Call:
    """One step: its number on `arch` and its operands."""
    name = step["call"]
    if name == "supervise":
        number = -1
    elif name in NUMBERS:
        number = NUMBERS[name][arch == "aarch64"]
    else:
        raise EncodeError(f"step {step['id']}: unknown call {name}")
    encoder = _Encoder(step, variables, arch)
    operands = [encoder.operand(arg) for arg in step["args"]]
    names = [arg["name"] for arg in step["args"]]
    while len(operands) < OMITTED.get(name, 0):
        names.append(f"argument {len(operands) + 1}, which was left out")
        operands.append(Number(0, 32 if name == "openat" else 64))
    return Call(
        id=step["id"],
        role=step["role"],
        phase=step["phase"],
        name=name,
        number=number,
        names=tuple(names),
        operands=tuple(operands),
        tolerates=frozenset(step["tolerates"]),
        retries=frozenset(step["retries"]),
        expects=step["expects"],
        yields=step["yields"],
        json=step,
    )


def expand(text: str, variables: Mapping[str, str]) -> bytes:
    """`text` with `${NAME}` from `variables` and `$$` for a dollar sign."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else variables[found[1]]

    return re.sub(r"\$(?:\$|\{([^}]*)\})", value, text).encode("utf-8", "surrogateescape")


class _Encoder:
    """The arguments of one step."""

    def __init__(self, step: Json, variables: Mapping[str, str], arch: str) -> None:
        self.step = step
        self.variables = variables
        self.arch = arch

    def constant(self, name: str) -> int:
        if re.fullmatch(r"0[0-7]*", name):
            return int(name, 8)
        if self.arch == "aarch64" and name in AARCH64:
            return AARCH64[name]
        if name not in CONSTANTS:
            raise EncodeError(f"step {self.step['id']}: unknown constant {name}")
        return CONSTANTS[name]

    def flags(self, names: list[str]) -> int:
        total = 0
        for name in names:
            total |= self.constant(name)
        return total

    def operand(self, arg: Json) -> Operand:
        (kind,) = set(arg) - {"name", "fields"}
        value = arg[kind]
        bits = 64 if (self.step["call"], arg["name"]) in LONG else 32
        if kind == "int":
            return Number(value, bits)
        if kind == "flags":
            return Number(self.flags(value), bits)
        if kind in ("path", "base64", "text"):
            return Memory(self.bytes(kind, value) + b"\0")
        if kind in ("fd", "pid"):
            return self.descriptor(value)
        if kind == "length":
            (named,) = (a for a in self.step["args"] if a["name"] == value)
            return Number(self.length(named), bits)
        if kind == "strings":
            return Vector(tuple(s.encode("utf-8", "surrogateescape") for s in value))
        if kind == "environment":
            return Vector(tuple(expand(entry, self.variables) for entry in value))
        if kind == "null":
            return Number(0, 64)
        if kind == "struct":
            if value not in _STRUCTS:
                raise EncodeError(f"step {self.step['id']}: unknown structure {value}")
            return _STRUCTS[value](self, arg.get("fields", {}))
        raise EncodeError(f"step {self.step['id']}: unknown type of argument {kind}")

    def length(self, arg: Json) -> int:
        """The bytes of another argument: a text's own, without the NUL that ends it in memory."""
        operand = self.operand(arg)
        if isinstance(operand, Buffer):
            return operand.size
        assert isinstance(operand, Memory)
        return len(operand.data) - ("struct" not in arg)

    def bytes(self, kind: str, value: str) -> bytes:
        if kind == "path":
            return value.encode()
        return base64.b64decode(value) if kind == "base64" else expand(value, self.variables)

    def descriptor(self, value: int | str) -> Operand:
        if value == "AT_FDCWD":
            return Number(-100, 32)
        return Number(value, 32) if isinstance(value, int) else Slot(value)

    def number(self, fields: Json, name: str) -> int:
        """A field that is a plain number or flags; 0 where it is absent."""
        field = fields.get(name, {"int": 0})
        value = field["int"] if "int" in field else self.flags(field["flags"])
        assert isinstance(value, int)
        return value


def _quads(*names: str) -> Callable[[_Encoder, Json], Operand]:
    """A structure of 64-bit fields (open_how, mount_attr)."""

    def encode(encoder: _Encoder, fields: Json) -> Operand:
        _known(fields, *names)
        slots = []
        values = []
        for index, name in enumerate(names):
            if isinstance(fields.get(name, {}).get("fd"), str):
                slots.append((8 * index, fields[name]["fd"]))
                values.append(0)
            else:
                values.append(encoder.number(fields, name))
        return Memory(struct.pack(f"<{len(values)}Q", *values), tuple(slots))

    return encode


def _known(fields: Json, *names: str) -> None:
    if set(fields) - set(names):
        raise EncodeError(f"unknown fields {sorted(set(fields) - set(names))}")


def _pair(encoder: _Encoder, fields: Json) -> Operand:
    return Buffer(8, ((0, fields["read"]["fd"]), (4, fields["write"]["fd"])))


def _sigset(encoder: _Encoder, fields: Json) -> Operand:
    _known(fields, "signals")
    names = fields.get("signals", {"flags": []})["flags"]
    mask = 0
    for name in names:
        mask |= (1 << 64) - 1 if name == "ALL" else 1 << (encoder.constant(name) - 1)
    return Memory(struct.pack("<Q", mask))


def _sigaction(encoder: _Encoder, fields: Json) -> Operand:
    _known(fields)
    return Memory(bytes(32))


def _ifreq(encoder: _Encoder, fields: Json) -> Operand:
    _known(fields, "ifr_name", "ifr_flags")
    name = expand(fields["ifr_name"]["text"], encoder.variables)
    return Memory(struct.pack("<16sH22x", name, encoder.number(fields, "ifr_flags")))


def _pid(encoder: _Encoder, fields: Json) -> Operand:
    _known(fields, "pgid")
    if "pid" in fields["pgid"]:
        return Memory(bytes(4), ((0, fields["pgid"]["pid"]),))
    return Memory(struct.pack("<i", encoder.number(fields, "pgid")))


def _cap_header(encoder: _Encoder, fields: Json) -> Operand:
    _known(fields, "version", "pid")
    version, pid = encoder.number(fields, "version"), encoder.number(fields, "pid")
    return Memory(struct.pack("<Ii", version, pid))


def _cap_data(encoder: _Encoder, fields: Json) -> Operand:
    names = ("effective", "permitted", "inheritable")
    _known(fields, *names)
    masks = []
    for name in names:
        mask = 0
        for capability in fields.get(name, {"flags": []})["flags"]:
            mask |= 1 << encoder.constant(capability)
        masks.append(mask)
    low, high = ([(mask >> shift) & 0xFFFFFFFF for mask in masks] for shift in (0, 32))
    return Memory(struct.pack("<6I", *low, *high))


def _sock_fprog(encoder: _Encoder, fields: Json) -> Operand:
    _known(fields, "filter")
    code = b"".join(struct.pack("<HBBI", *line) for line in fields["filter"]["bpf"])
    return Memory(struct.pack("<HxxxxxxQ", len(code) // 8, 0), pointers=((8, code),))


def _output(size: int) -> Callable[[_Encoder, Json], Operand]:
    def encode(encoder: _Encoder, fields: Json) -> Operand:
        _known(fields)
        return Buffer(size)

    return encode


_STRUCTS: Final[dict[str, Callable[[_Encoder, Json], Operand]]] = {
    "open_how": _quads("flags", "mode", "resolve"),
    "mount_attr": _quads("attr_set", "attr_clr", "propagation", "userns_fd"),
    "int[2]": _pair,
    "statx": _output(256),
    "statfs": _output(120),
    "char[]": lambda encoder, fields: Buffer(encoder.number(fields, "size")),
    "sigset_t": _sigset,
    "sigaction": _sigaction,
    "ifreq": _ifreq,
    "pid_t": _pid,
    "__user_cap_header_struct": _cap_header,
    "__user_cap_data_struct": _cap_data,
    "sock_fprog": _sock_fprog,
}
