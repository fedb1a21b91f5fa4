"""From a plan's JSON to call numbers, register values and memory: written from the man pages.

It shares no code with toyspec, so that a mistake there cannot hide here. A `Call` holds what the
kernel should see of one step; what is known only at run time stays a `Slot`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.kernel_side.constants import NUMBERS
from tests.kernel_side.operands import (
    Buffer,
    EncodeError,
    Json,
    Memory,
    Number,
    Operand,
    Slot,
    Vector,
    Words,
    expand,
)
from tests.kernel_side.structs import STRUCTS

LONG: Final[frozenset[tuple[str, str]]] = frozenset(
    (call, name)
    for call, names in {
        "read": ("count",),
        "write": ("count",),
        "sendfile": ("offset", "count"),
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
        "landlock_create_ruleset": ("size",),
    }.items()
    for name in names
)
"""Integer parameters of 64 bits; of all others the kernel takes the low 32."""

OMITTED: Final[dict[str, int]] = {"openat": 4, "fcntl": 3, "clone": 5, "prctl": 5}
"""How many arguments these take: a step may leave out the last ones, which are then 0."""


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
    if name == "clone" and arch == "aarch64":  # CONFIG_CLONE_BACKWARDS: tls before child_tid
        names[3:5], operands[3:5] = reversed(names[3:5]), reversed(operands[3:5])
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


def word(given: str | Json) -> bytes | Slot:
    """One of an argv."""
    if isinstance(given, str):
        return given.encode("utf-8", "surrogateescape")
    return Slot(given["decimal"])


class _Encoder(Words):
    """The arguments of one step."""

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
            return Vector(tuple(map(word, value)))
        if kind == "environment":
            return Vector(tuple(expand(entry, self.variables) for entry in value))
        if kind == "null":
            return Number(0, 64)
        if kind == "struct":
            if value not in STRUCTS:
                raise EncodeError(f"step {self.step['id']}: unknown structure {value}")
            return STRUCTS[value](self, arg.get("fields", {}))
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
