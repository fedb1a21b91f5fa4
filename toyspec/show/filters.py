"""A seccomp filter for people: in words what becomes of which calls, then its instructions.

The words are read off the instructions themselves, which are what runs, and not off what they were
made of: every call of every architecture is asked for what it may meet.
"""

from __future__ import annotations

from collections import defaultdict

from toyspec.kernel.flags import flags
from toyspec.kernel.syscalls import COMPATIBLE, LAST, X32_BIT, names
from toyspec.plan.filters import instructions
from toyspec.plan.seccomp.disassemble import disassemble, result
from toyspec.plan.seccomp.outcomes import outcomes
from toyspec.plan.step import Step
from toyspec.show.paint import DIM
from toyspec.show.text import wrapped

Shown = tuple[str, str]
"""A line and its style."""


def filter_lines(step: Step, arch: str, columns: int) -> list[Shown]:
    """The filter that a step installs, on a host of `arch`."""
    filter_ = instructions(step)
    lines: list[Shown] = []
    for each in (arch, *COMPATIBLE[arch]):
        lines += _words(filter_, each, columns)
    lines.append((f"any other architecture: {_said(outcomes(filter_, 0, 0, {}))}", ""))
    lines.append((f"its {len(filter_)} instructions:", ""))
    lines += [(f"  {line}", DIM) for line in disassemble(filter_).splitlines()]
    return lines


def _words(filter_: tuple[tuple[int, int, int, int], ...], arch: str, columns: int) -> list[Shown]:
    """`x86_64: allow, but for these` and a line for each other answer, with the calls that meet it."""
    base = X32_BIT if arch == "x32" else 0
    audit = flags("audit_arch", "x86_64")[
        f"AUDIT_ARCH_{'X86_64' if arch == 'x32' else arch.upper()}"
    ]
    found: dict[str, list[str]] = defaultdict(list)
    for number, name in names(arch).items():
        found[_said(outcomes(filter_, audit, number, {}))].append(name)
    newer = _said(outcomes(filter_, audit, base | LAST + 1, {}))
    if len(found) == 1 and newer in found:
        return [(f"{arch}'s calls: {newer}", "")]
    most = max(found, key=lambda said: len(found[said]))
    lines = [(f"{arch}'s calls: {most} for {len(found[most])} of {sum(map(len, found.values()))};"
              f" {newer} for calls that toyspec does not know", "")]  # fmt: skip
    for said in sorted(found, key=lambda said: (" or " in said, said)):
        if said != most:
            words = [f"{said}:", *sorted(found[said])]
            first, *more = wrapped(words, columns - 4)
            lines += [(f"  {first}", ""), *((f"    {line}", "") for line in more)]
    return lines


def _said(answers: frozenset[int]) -> str:
    """`allow`, or `allow or errno EPERM, by its arguments`."""
    said = " or ".join(sorted(result(answer) for answer in answers))
    return f"{said}, by arguments" if len(answers) > 1 else said
