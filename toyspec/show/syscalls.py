"""A plan as strace would write it: one line a call, with its id, its role and its source.

The format is fixed (no width, no colour), so that it can be committed and compared.
"""

from __future__ import annotations

from typing import assert_never

from toyspec.plan.step import (
    Argument,
    Bpf,
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
    Step,
    Strings,
    Struct,
    Value,
)
from toyspec.show.text import escape, quote
from toyspec.spec.model import Origin, Text

_BPF_SHOWN = 40
"""Instructions of a filter that a call shows; `plan -v` and `plan --json` show any number."""


def _text(text: Text) -> str:
    """Literal text with `$` doubled, variables as `${NAME}`."""
    return "".join(
        part.replace("$", "$$") if isinstance(part, str) else "${" + part.name + "}"
        for part in text
    )


def _size(text: Text) -> int | None:
    """The text's length in bytes; None where a variable decides it."""
    total = 0
    for part in text:
        if not isinstance(part, str):
            return None
        total += len(part.encode("utf-8", "surrogateescape"))
    return total


def _flags(flags: Flags) -> str:
    return "|".join(flags.names) or "0"


def _bpf(program: Bpf) -> str:
    """Instruction by instruction, or where they are many their number and a digest of their bytes."""
    if len(program.instructions) > _BPF_SHOWN:
        from hashlib import sha256

        code = b"".join(
            code.to_bytes(2, "little") + bytes((jt, jf)) + k.to_bytes(4, "little")
            for code, jt, jf, k in program.instructions
        )
        return f"[{len(program.instructions)} instructions, sha256 {sha256(code).hexdigest()}]"
    lines = (
        f"BPF_JUMP({code:#x}, {k:#x}, {jt}, {jf})" if jt or jf else f"BPF_STMT({code:#x}, {k:#x})"
        for code, jt, jf, k in program.instructions
    )
    return "[" + ", ".join(lines) + "]"


def _struct(struct: Struct) -> str:
    fields = dict(struct.fields)
    if struct.name == "int[2]":
        return "[" + ", ".join(_value(fields[end], ()) for end in ("read", "write")) + "]"
    if struct.name == "sigset_t":
        names = fields.get("signals", Flags(()))
        assert isinstance(names, Flags)
        return "~[]" if names.names == ("ALL",) else "[" + " ".join(names.names) + "]"
    if struct.name == "sigaction" and not fields:
        return "{sa_handler=SIG_DFL}"
    if struct.name == "char[]":
        size = fields["size"]
        assert isinstance(size, Int)
        return f"char[{size.value}]"
    if struct.name == "cpu_set_t":
        return "[" + " ".join(map(str, _cpus(fields))) + "]"
    if not fields:
        return f"struct {struct.name}"
    return "{" + ", ".join(f"{name}={_value(value, ())}" for name, value in struct.fields) + "}"


def _cpus(words: dict[str, Int | Flags | Fd | Pid | Data | Bpf]) -> list[int]:
    """The numbers of the bits that are set, in words of 64."""
    masks = {int(name[7:-1]): each.value for name, each in words.items() if isinstance(each, Int)}
    return [64 * word + bit for word in masks for bit in range(64) if masks[word] >> bit & 1]


def _value(value: Value | Bpf, args: tuple[Argument, ...]) -> str:
    match value:
        case Int(number):
            return str(number)
        case Flags():
            return _flags(value)
        case Path(path):
            return quote(path)
        case Fd(slot):
            return escape(str(slot))
        case Pid(role):
            return f"pid of {role}"
        case Data(text):
            return quote(_text(text))
        case Length(of):
            return _length(of, args)
        case Bpf():
            return _bpf(value)
        case Struct():
            return _struct(value)
        case Strings(strings):
            return "[" + ", ".join(map(_string, strings)) + "]"
        case Environment(entries):
            pairs = (quote(f"{name}={_text(text)}") for name, text in entries)
            return "[" + ", ".join(pairs) + "]"
        case Null():
            return "NULL"
        case _:
            assert_never(value)


def _string(each: str | Decimal) -> str:
    return f"decimal of {escape(each.slot)}" if isinstance(each, Decimal) else quote(each)


def _length(of: str, args: tuple[Argument, ...]) -> str:
    for arg in args:
        if arg.name == of and isinstance(arg.value, Data):
            size = _size(arg.value.text)
            if size is not None:
                return str(size)
    return f"length of {of}"


def _expected(expects: Expect, args: tuple[Argument, ...]) -> str:
    if expects.errno is not None:
        return f" = -1 {expects.errno}"
    if expects.result is not None:
        named = [_value(arg.value, args) for arg in args if arg.name == expects.result]
        return f" = {named[0] if named else expects.result}"
    if expects.prefix is not None:
        return f" gives {quote(expects.prefix)}…"
    if expects.device is not None:
        return f" is device {expects.device}"
    if expects.status is not None:
        return f" gives status {expects.status}"
    if expects.inode is not None:
        return f" is inode {expects.inode}"
    return f" is {expects.kind or expects.filesystem}"


def call(step: Step, *, met: bool = True) -> str:
    """`openat2(root, "usr", {flags=O_PATH}, 24) = bind_1`: the call, its result, what is fine.

    `met`: with all that; else, for a call that went wrong, without what it was to give.
    """
    args = ", ".join(_value(arg.value, step.args) for arg in step.args)
    text = f"{step.call}({args})"
    if not met:
        return text
    if step.yields is not None:
        text += f" = {escape(step.yields)}"
    if step.expects is not None:
        text += _expected(step.expects, step.args)
    text += "".join(f" or {errno}" for errno in step.tolerates)
    if step.retries:
        text += ", again on " + " or ".join(step.retries)
    return text


def place(origin: Origin, spec_path: str) -> str:
    """`dev.yaml:4:3`, or `default user`."""
    if origin.default is not None:
        return f"default {escape(origin.default)}"
    return f"{escape(spec_path)}:{origin.line}:{origin.column}"


def source(step: Step, plan: Plan) -> str:
    """Where a step comes from, with its key path: `dev.yaml:4:3 binds[0]`."""
    origin = step.origin
    if origin.default is not None:
        return place(origin, plan.spec_path)
    return f"{place(origin, plan.spec_path)} {escape(origin.path)}".rstrip()


def syscalls(plan: Plan) -> str:
    """The whole plan, one line a call, a comment line where a phase begins."""
    digits = len(str(len(plan.steps)))
    lines: list[str] = []
    phase = ""
    for step in plan.steps:
        if step.phase != phase:
            phase = step.phase
            lines.append(f"# {phase}")
        lines.append(f"{step.id:>{digits}} {step.role:<7} {call(step)}  # {source(step, plan)}")
    return "\n".join(lines) + "\n"
