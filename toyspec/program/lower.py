"""Lowering: from symbolic arguments to numbers and bytes. Pure, and written once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toyspec.kernel.calls import (
    PSEUDO_CALLS,
    Parameter,
    number,
    parameters,
    registers,
    required,
)
from toyspec.kernel.errnos import NUMBERS as ERRNOS
from toyspec.kernel.flags import S_IFMT, flags, value
from toyspec.kernel.structs import output
from toyspec.plan.step import (
    ROLES,
    Argument,
    Data,
    Decimal,
    Environment,
    Expect,
    Fd,
    Flags,
    Int,
    Length,
    Null,
    Path,
    Pid,
    Plan,
    Role,
    Step,
    Strings,
    Struct,
    Value,
)
from toyspec.program.program import (
    ADDRESS,
    CELL,
    IMMEDIATE,
    SUPERVISE,
    ZERO,
    Instruction,
    Operand,
    Program,
)
from toyspec.program.segment import AT_FDCWD, PID, Segment, UnfitError, encode, size, terminated

if TYPE_CHECKING:
    from collections.abc import Mapping

Memory = tuple[tuple[int, bytes, bytes], ...]


class LowerError(ValueError):
    """The step with the id `step` cannot become numbers, because of `reason`."""

    def __init__(self, step: int, reason: str) -> None:
        super().__init__(f"step {step}: {reason}")
        self.step = step
        self.reason = reason


def lower(plan: Plan, variables: Mapping[str, str] | None) -> Program:
    """The program of `plan` on its architecture, its variables replaced by their texts.

    Without `variables`, environments that need some are left to be completed when it runs (`late`).

    Raises LowerError: a variable that is not there, a text with a NUL, a name or a number that
    the kernel's tables do not have, a slot where only a number can be.
    """
    segment = Segment(plan.arch, variables)
    roles: dict[Role, list[Instruction]] = {}
    _reserve(plan, segment)
    for step in plan.steps:
        try:
            instruction = _instruction(step, segment)
        except UnfitError as error:
            raise LowerError(step.id, f"{step.call}: {error}") from None
        except KeyError as error:
            raise LowerError(step.id, f"{step.call}: unknown name {error.args[0]}") from None
        roles.setdefault(step.role, []).append(instruction)
    return Program(
        plan.arch,
        {role: tuple(made) for role, made in roles.items()},
        bytes(segment.data),
        tuple(segment.pointers),
        segment.slots,
        tuple(segment.late),
    )


def _reserve(plan: Plan, segment: Segment) -> None:
    """Descriptors that a structure hands to the kernel are kept in that structure; a number that
    an argv holds has room for its text.
    """
    for step in plan.steps:
        for argument in step.args:
            if isinstance(argument.value, Strings):
                for each in argument.value.values:
                    if isinstance(each, Decimal):
                        segment.decimal(each.slot)
            if isinstance(argument.value, Struct):
                try:
                    segment.reserve(argument.value)
                except UnfitError as error:
                    raise LowerError(step.id, f"{step.call}: {error}") from None
                except KeyError as error:
                    raise LowerError(step.id, f"{step.call}: unknown name {error}") from None


def _instruction(step: Step, segment: Segment) -> Instruction:
    call, args = step.call, step.args
    known = parameters(call)
    if not required(call) <= len(args) <= len(known):
        raise UnfitError(f"{len(args)} arguments, of {required(call)} to {len(known)}")
    operands: list[Operand] = []
    for argument, parameter in zip(args, known, strict=False):
        if argument.name != parameter[0]:
            raise UnfitError(f"{argument.name} where {parameter[0]} belongs")
        operands.append(_operand(argument.value, parameter, args, segment))
    operands += [ZERO] * (6 - len(operands))
    a, b, c, d, e, f = [operands[index] for index in registers(call, segment.arch)]

    cell = -1
    child: Role | None = None
    if call == "clone":
        child = _role(step.yields)
        if child is None:
            raise UnfitError(f"yields {step.yields}, which is no role")
        cell = segment.cell(PID + child)
    elif step.yields is not None:
        cell = segment.cell(step.yields)

    fails, result, memory = _checks(step.expects, args, operands, segment)
    return Instruction(
        step.id,
        call,
        SUPERVISE if call in PSEUDO_CALLS else number(call, segment.arch),
        (a, b, c, d, e, f),
        tuple([argument.name for argument in args]),
        tuple([ERRNOS[name] for name in step.tolerates]) if step.tolerates else (),
        tuple([ERRNOS[name] for name in step.retries]) if step.retries else (),
        fails,
        result,
        memory,
        cell,
        child,
        segment.decimals.get(step.yields, -1) if step.yields is not None else -1,
    )


def _role(name: str | None) -> Role | None:
    for role in ROLES:
        if role == name:
            return role
    return None


def _operand(
    given: Value, parameter: Parameter, args: tuple[Argument, ...], segment: Segment
) -> Operand:
    if isinstance(given, Fd):
        if isinstance(given.slot, int):
            return IMMEDIATE, given.slot
        if given.slot == "AT_FDCWD":
            return IMMEDIATE, AT_FDCWD
        return CELL, segment.cell(given.slot)
    if isinstance(given, Path):
        return ADDRESS, segment.text(terminated(encode(given.value)))
    if isinstance(given, Flags):
        return IMMEDIATE, value(_set(parameter), given.names, segment.arch)
    if isinstance(given, Struct):
        writable = "out:" + given.name in parameter
        if not writable and "struct:" + given.name not in parameter:
            raise UnfitError(f"{given.name} where {' or '.join(parameter[1:])} belongs")
        return ADDRESS, segment.struct(given, writable)
    if isinstance(given, Int):
        if not -(1 << 63) <= given.value < 1 << 64:
            raise UnfitError(f"{given.value} does not fit in 8 bytes")
        return IMMEDIATE, given.value
    if isinstance(given, Null):
        return ZERO
    if isinstance(given, Data):
        content = segment.encode(given.text)
        return ADDRESS, segment.text(content if "bytes" in parameter else terminated(content))
    if isinstance(given, Length):
        return IMMEDIATE, _length(given, args, segment)
    if isinstance(given, Pid):
        return CELL, segment.cell(PID + given.role)
    if isinstance(given, Strings):
        return ADDRESS, segment.texts(
            [each.slot if isinstance(each, Decimal) else encode(each) for each in given.values]
        )
    if isinstance(given, Environment):
        return ADDRESS, _environment(given, segment)
    raise UnfitError(f"no number for {given!r}")


def _set(parameter: Parameter) -> str:
    """The set of flags that belongs there."""
    for kind in parameter[1:]:
        if kind[:6] == "flags:":
            return kind[6:]
        if kind == "mode":
            return kind
    raise UnfitError(f"names where {' or '.join(parameter[1:])} belongs")


def _length(given: Length, args: tuple[Argument, ...], segment: Segment) -> int:
    """How many bytes the argument that `given` names has, the ending NUL not counted."""
    for argument in args:
        if argument.name == given.of:
            measured = argument.value
            if isinstance(measured, Data):
                return len(segment.encode(measured.text))
            if isinstance(measured, Path):
                return len(encode(measured.value))
            if isinstance(measured, Struct):
                return size(measured)
    raise UnfitError(f"the length of {given.of} is not known")


def _environment(given: Environment, segment: Segment) -> int:
    return segment.texts([segment.entry((name + "=", *text)) for name, text in given.entries])


def _checks(
    expects: Expect | None, args: tuple[Argument, ...], operands: list[Operand], segment: Segment
) -> tuple[int, int | None, Memory]:
    """What `expects` asks of errno, of the result, and of the memory that the call wrote."""
    if expects is None:
        return 0, None, ()
    if expects.errno is not None:
        return ERRNOS[expects.errno], None, ()
    if isinstance(expects.result, int):
        return 0, expects.result, ()
    if expects.result is not None:
        kind, number_ = operands[_index(args, expects.result)]
        if kind != IMMEDIATE:
            raise UnfitError(f"{expects.result} is no number that a result can equal")
        return 0, number_, ()
    if expects.prefix is not None:
        wanted = encode(expects.prefix)
        return 0, None, ((_written("char[]", args, operands), b"\xff" * len(wanted), wanted),)
    if expects.device is not None:
        at = _written("statx", args, operands)
        major, _, minor = expects.device.partition(":")
        if not (major.isdecimal() and minor.isdecimal()):
            raise UnfitError(f"{expects.device} is no MAJOR:MINOR")
        return 0, None, (
            _type(at, "S_IFCHR", segment),
            _field("statx", "stx_rdev_major", at, int(major)),
            _field("statx", "stx_rdev_minor", at, int(minor)),
        )  # fmt: skip
    if expects.inode is not None:
        at = _written("statx", args, operands)
        numbers = expects.inode.split(":")
        if len(numbers) != 3 or not all(each.isdecimal() for each in numbers):
            raise UnfitError(f"{expects.inode} is no MAJOR:MINOR:NUMBER")
        fields = ("stx_dev_major", "stx_dev_minor", "stx_ino")
        pairs = zip(fields, numbers, strict=True)
        return 0, None, tuple(_field("statx", name, at, int(number)) for name, number in pairs)
    if expects.kind is not None:
        at = _written("statx", args, operands)
        return 0, None, (_type(at, _KINDS[expects.kind], segment),)
    if expects.filesystem is not None:
        at = _written("statfs", args, operands)
        magic = value("filesystem", (expects.filesystem,), segment.arch)
        return 0, None, (_field("statfs", "f_type", at, magic),)
    if expects.status is not None:
        return 0, None, (_field("int", "value", _written("int", args, operands), expects.status),)
    return 0, None, ()


_KINDS = {
    "directory": "S_IFDIR", "file": "S_IFREG", "symlink": "S_IFLNK", "socket": "S_IFSOCK",
    "fifo": "S_IFIFO", "character device": "S_IFCHR", "block device": "S_IFBLK",
}  # fmt: skip


def _index(args: tuple[Argument, ...], name: str) -> int:
    for index, argument in enumerate(args):
        if argument.name == name:
            return index
    raise KeyError(name)


def _written(struct: str, args: tuple[Argument, ...], operands: list[Operand]) -> int:
    """The offset of the structure that this step has the kernel write."""
    for argument, (_, offset) in zip(args, operands, strict=False):
        if isinstance(argument.value, Struct) and argument.value.name == struct:
            return offset
    raise UnfitError(f"expects something of {struct}, which it does not ask for")


def _field(struct: str, field: str, at: int, wanted: int) -> tuple[int, bytes, bytes]:
    offset, width = output(struct, field)
    return at + offset, b"\xff" * width, wanted.to_bytes(width, "little")


def _type(at: int, wanted: str, segment: Segment) -> tuple[int, bytes, bytes]:
    """The bits of stx_mode that hold the file's type."""
    offset, width = output("statx", "stx_mode")
    bits = flags("mode", segment.arch)[wanted]
    return at + offset, S_IFMT.to_bytes(width, "little"), bits.to_bytes(width, "little")
