"""Is a plan well formed? Asked of every plan in the tests and of one that comes from a file."""

from __future__ import annotations

from toyspec.kernel.calls import ARCHITECTURES, CALLS, PSEUDO_CALLS, parameters, required
from toyspec.kernel.errnos import NUMBERS as ERRNOS
from toyspec.kernel.flags import flags, octal
from toyspec.kernel.structs import STRUCTS
from toyspec.plan.step import (
    PHASES,
    ROLES,
    Argument,
    Bpf,
    Data,
    Decimal,
    Environment,
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
)

_TYPES: dict[str, type] = {
    "int": Int, "mode": Flags, "fd": Fd, "pid": Pid, "path": Path, "data": Data, "bytes": Data,
    "length": Length, "strings": Strings, "environment": Environment, "null": Null,
}  # fmt: skip
_FIELD_TYPES: dict[str, type | tuple[type, ...]] = {
    "int": Int, "uint": Int, "mode": (Flags, Int), "fd": Fd, "pid": (Pid, Int), "text": Data,
    "slot": Fd, "capabilities": Flags, "bpf": Bpf, "count": (), "size": Int,
    "iov": Data, "rights": Fd,
}  # fmt: skip


class MalformedPlanError(ValueError):
    """The step with the id `step` (0: the plan as a whole) is wrong, because of `reason`."""

    def __init__(self, step: int, reason: str) -> None:
        super().__init__(f"step {step}: {reason}" if step else reason)
        self.step = step
        self.reason = reason


def verify(plan: Plan) -> None:
    """Raise MalformedPlanError at the first thing that no executor could do as written.

    Ids count from 1. Calls, parameters, flags, fields and errnos are known, each argument of a
    kind that belongs there. A slot is filled before its use, by the role itself or, before the
    clone, by those it comes from. A role begins once, by one clone or as the monitor. Monitor and
    setup end with supervise, and so does an init that forks a command; the others with execve.
    """
    if plan.arch not in ARCHITECTURES:
        raise MalformedPlanError(0, f"unknown architecture {plan.arch}")
    filled: dict[Role, set[str]] = {"monitor": set()}
    ended: set[Role] = set()
    last: dict[Role, Step] = {}
    for index, step in enumerate(plan.steps):
        reason = _misplaced(step, index, filled, ended) or _wrong(step, plan.arch)
        if reason is None:
            reason = _unfilled(step, filled[step.role])
        if reason is not None:
            raise MalformedPlanError(step.id, reason)
        if step.call == "clone":
            child = _role(step.yields)
            if child is None or child in filled:
                raise MalformedPlanError(
                    step.id, f"clone yields {step.yields}: no role that is new"
                )
            filled[child] = set(filled[step.role])
            filled[step.role].add("pid:" + child)
        elif step.yields is not None:
            filled[step.role].add(step.yields)
        if step.call == "supervise":
            ended.add(step.role)
        last[step.role] = step
    for role in filled:
        ending = last.get(role)
        waits = role in ("monitor", "setup") or (role == "init" and "command" in filled)
        wanted = "supervise" if waits else "execve"
        if ending is None or ending.call != wanted:
            raise MalformedPlanError(
                ending.id if ending else 0, f"{role} does not end with {wanted}"
            )


def _misplaced(
    step: Step, index: int, filled: dict[Role, set[str]], ended: set[Role]
) -> str | None:
    if step.id != index + 1:
        return f"the id should be {index + 1}"
    if step.phase not in PHASES:
        return f"unknown phase {step.phase}"
    if step.role not in ROLES:
        return f"unknown role {step.role}"
    if step.role not in filled:
        return f"{step.role} does not exist yet"
    if step.role in ended:
        return f"{step.role} only supervises from here on"
    return None


def _role(name: str | None) -> Role | None:
    for role in ROLES:
        if role == name:
            return role
    return None


def _wrong(step: Step, arch: str) -> str | None:
    """What is wrong with the call itself."""
    if step.call not in CALLS and step.call not in PSEUDO_CALLS:
        return f"unknown call {step.call}"
    known = parameters(step.call)
    if not required(step.call) <= len(step.args) <= len(known):
        return f"{step.call} has {len(step.args)} arguments"
    for argument, parameter in zip(step.args, known, strict=False):
        if argument.name != parameter[0]:
            return f"{step.call} has {argument.name} where {parameter[0]} belongs"
        reason = _unsuitable(argument, parameter[1:], arch)
        if reason is not None:
            return f"{step.call}'s {argument.name}: {reason}"
        if isinstance(argument.value, Length) and not _named(argument.value.of, step):
            return f"{step.call}'s {argument.name}: no argument {argument.value.of}"
    for name in (*step.tolerates, *step.retries):
        if name not in ERRNOS:
            return f"unknown errno {name}"
    return _odd_expectation(step)


def _odd_expectation(step: Step) -> str | None:
    expects = step.expects
    if expects is None:
        return None
    given = [
        expects.errno, expects.result, expects.prefix, expects.device, expects.kind,
        expects.filesystem, expects.inode, expects.status,
    ]  # fmt: skip
    if sum(each is not None for each in given) != 1:
        return "expects must say exactly one thing"
    if expects.errno is not None and expects.errno not in ERRNOS:
        return f"unknown errno {expects.errno}"
    if isinstance(expects.result, str) and not _named(expects.result, step):
        return f"expects the result {expects.result}, which is no argument"
    return None


def _named(name: str, step: Step) -> bool:
    return any(argument.name == name for argument in step.args)


def _unsuitable(argument: Argument, kinds: tuple[str, ...], arch: str) -> str | None:
    """Why the value is none of `kinds`."""
    value = argument.value
    if isinstance(value, Struct):
        if "struct:" + value.name not in kinds and "out:" + value.name not in kinds:
            return f"{value.name} where {' or '.join(kinds)} belongs"
        return _unsuitable_fields(value, arch)
    if isinstance(value, Flags):
        for kind in kinds:
            if kind == "mode" or kind.startswith("flags:"):
                return _unknown_flag(value, kind.removeprefix("flags:"), arch)
    if isinstance(value, Int) and "mode" in kinds:
        return None
    if any(kind in _TYPES and isinstance(value, _TYPES[kind]) for kind in kinds):
        return None
    return f"{type(value).__name__} where {' or '.join(kinds)} belongs"


def _unknown_flag(value: Flags, known: str, arch: str) -> str | None:
    names = flags(known, arch)
    for name in value.names:
        if name not in names and (known != "mode" or octal(name) is None):
            return f"unknown flag {name}"
    return None


def _unsuitable_fields(value: Struct, arch: str) -> str | None:
    layout = {field[0]: field[3] for field in STRUCTS[value.name][1]}
    for name, field in value.fields:
        kind = layout.get(name)
        if kind is None:
            return f"{value.name} has no field {name}"
        if isinstance(field, Flags) and (kind.startswith("flags:") or kind in _NAMED):
            reason = _unknown_flag(field, _NAMED.get(kind, kind.removeprefix("flags:")), arch)
            if reason is not None:
                return reason
        elif kind.startswith("flags:") or not isinstance(field, _FIELD_TYPES[kind]):
            return f"{type(field).__name__} in {value.name}.{name}, where {kind} belongs"
    return None


_NAMED = {"mode": "mode", "capabilities": "capability"}


def _unfilled(step: Step, filled: set[str]) -> str | None:
    """The slot that the step uses before anything fills it; fills those of pipe2."""
    for argument in step.args:
        value = argument.value
        used: list[object] = [value]
        if isinstance(value, Struct):
            if value.name == "int[2]":
                filled.update(str(end.slot) for _, end in value.fields if isinstance(end, Fd))
                continue
            used = [field for _, field in value.fields]
        elif isinstance(value, Strings):
            used = [each for each in value.values if isinstance(each, Decimal)]
        for each in used:
            slot = None
            if isinstance(each, Fd) and isinstance(each.slot, str) and each.slot != "AT_FDCWD":
                slot = each.slot
            elif isinstance(each, Pid):
                slot = "pid:" + each.role
            elif isinstance(each, Decimal):
                slot = each.slot
            if slot is not None and slot not in filled:
                return f"{slot} is not filled yet"
    return None
