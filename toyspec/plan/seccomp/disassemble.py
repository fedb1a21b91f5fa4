"""A filter as text: one instruction a line, with the names of what it compares.

    start    load  arch
             if ==  x86_64                     → x86_64  else 120
    x86_64   load  number
             if >=  landlock_create_ruleset    → 57      else 3

What is in A at a line, and on which architectures, follows from every way that leads there; where
they do not agree on a name, its number is shown bare. Not only for filters of ours: any classic BPF is shown.
"""

from __future__ import annotations

from typing import Final

from toyspec.kernel.errnos import name as errno_name
from toyspec.kernel.flags import flags
from toyspec.kernel.syscalls import X32_BIT, names
from toyspec.plan.seccomp.assemble import ARCH, NUMBER
from toyspec.plan.seccomp.compare import ARGUMENTS
from toyspec.plan.seccomp.graph import (
    AND,
    ANY_BIT,
    AT_LEAST,
    EQUAL,
    GREATER,
    JUMP,
    LOAD,
    RETURN,
    Instruction,
)
from toyspec.spec.seccomp.rules import VALUES
from toyspec.values import dataclass

_TESTS: Final = {EQUAL: "==", GREATER: ">", AT_LEAST: ">=", ANY_BIT: "&"}
_POINTER: Final = 8
"""struct seccomp_data's instruction_pointer, linux/seccomp.h."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known on arrival: what A is (an offset, "masked" too), and whose call it may be."""

    word: int | None = None
    arches: frozenset[str] = frozenset()


def disassemble(instructions: tuple[Instruction, ...]) -> str:
    """The text, with a newline after each line."""
    audits = {
        value: name.removeprefix("AUDIT_ARCH_").lower()
        for name, value in flags("audit_arch", "x86_64").items()
    }
    known = _flow(instructions, audits)
    labels = _labels(instructions, known, audits)
    width = max((len(label) for label in labels.values()), default=0)
    lines = []
    for at, instruction in enumerate(instructions):
        text = _line(instruction, at, known.get(at), labels, audits)
        lines.append(f"{labels.get(at, ''):{width}}  {text}".rstrip() + "\n")
    return "".join(lines)


def _flow(instructions: tuple[Instruction, ...], audits: dict[int, str]) -> dict[int, _Known]:
    """What is known at each instruction that is reached. Jumps lead forwards: one pass is enough."""
    known = {0: _Known()}

    def reach(at: int, state: _Known) -> None:
        other = known.get(at, state)
        known[at] = _Known(
            state.word if state.word == other.word else None,
            state.arches | other.arches,
        )

    for at, (code, yes, no, k) in enumerate(instructions):
        state = known.get(at)
        if state is None or code == RETURN:
            continue
        if code == LOAD:
            reach(at + 1, _Known(k, state.arches))
        elif code == JUMP:
            reach(at + 1 + k, state)
        elif code in _TESTS:
            arches = state.arches
            if code == EQUAL and state.word == ARCH and k in audits:
                arches = frozenset({audits[k]})
            elif code == AT_LEAST and state.word == NUMBER and k >= X32_BIT:
                arches = frozenset("x32" if arch == "x86_64" else arch for arch in arches)
            reach(at + 1 + yes, _Known(state.word, arches))
            reach(at + 1 + no, state)
        else:
            reach(at + 1, _Known(None, state.arches))
    return known


def _labels(
    instructions: tuple[Instruction, ...], known: dict[int, _Known], audits: dict[int, str]
) -> dict[int, str]:
    """What is jumped to: an architecture's beginning by its name, the others by their number."""
    labels: dict[int, str] = {}
    begun: set[int] = set()
    for at, (code, yes, no, k) in enumerate(instructions):
        if code == JUMP:
            labels.setdefault(at + 1 + k, str(at + 1 + k))
        elif code in _TESTS:
            state = known.get(at, _Known())
            target = at + 1 + yes
            if state.word == ARCH and k in audits and k not in begun:
                begun.add(k)
                labels[target] = audits[k]
            for target in (at + 1 + yes, at + 1 + no):
                labels.setdefault(target, str(target))
    return labels


def _line(
    instruction: Instruction,
    at: int,
    known: _Known | None,
    labels: dict[int, str],
    audits: dict[int, str],
) -> str:
    code, yes, no, k = instruction
    if code == LOAD:
        return f"load  {_word(k)}"
    if code == RETURN:
        return f"return  {result(k)}"
    if code == AND:
        return f"and  {k:#x}"
    if code == JUMP:
        return f"goto  {labels[at + 1 + k]}"
    if code in _TESTS:
        value = _value(known or _Known(), k, audits)
        if code == ANY_BIT:
            value = f"{k:#x}"
        test = f"if {_TESTS[code]}  {value}"
        return f"{test:40}  → {labels[at + 1 + yes]:8}  else {labels[at + 1 + no]}"
    return f"code {code:#x} {yes} {no} {k:#x}"


def _word(offset: int) -> str:
    if offset == NUMBER:
        return "number"
    if offset == ARCH:
        return "arch"
    if offset < ARGUMENTS:
        return "instruction pointer" + (", high half" if offset > _POINTER else "")
    index, half = divmod(offset - ARGUMENTS, 8)
    return f"argument {index}" + (", high half" if half else "")


def _value(known: _Known, k: int, audits: dict[int, str]) -> str:
    if known.word == ARCH:
        return audits.get(k, f"{k:#x}")
    if known.word == NUMBER:
        called = {names(arch).get(k) for arch in known.arches}
        if len(called) == 1 and None not in called:
            return f"{called.pop()} ({k & ~X32_BIT})"
        if k == X32_BIT:
            return "x32's"
        return str(k) if k < 1024 else f"{k:#x}"
    return str(k) if k < 10 else f"{k:#x}"


def result(value: int) -> str:
    """A SECCOMP_RET_* in words: `allow`, `errno EPERM`."""
    for kind, result in VALUES.items():
        if value & 0xFFFF0000 == result:
            data = value & 0xFFFF
            if kind == "errno":
                return f"errno {errno_name(data)}"
            return f"{kind} {data}" if data else kind
    return f"{value:#x}"
