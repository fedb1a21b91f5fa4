"""The language of resident code: a small part of Python, compiled to machine code of our own.

Functions take and give 64-bit numbers. Locals, `if`, `while`, `break`, `continue`, `return`; + - * & |
^ << >>, // and % of what is not negative, comparisons (signed), and, or, not; calls; module constants;
and the intrinsics of `words`. No other state than memory at addresses. What the language does not
have is a LanguageError that says where.

The code is position-independent, and what no entry point reaches is left out. Each value passes
through the result register; locals live in the frame. It is there to be small and right, not fast:
nothing of it runs between two steps of a box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toyspec.emit.language.function import Function
from toyspec.emit.language.source import LanguageError, Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from toyspec.emit.machine.assembler import Label
    from toyspec.emit.straight import Assembler


def compiled(
    sources: Mapping[str, str], entries: Sequence[tuple[str, str]], machine: ModuleType, arch: str
) -> tuple[bytes, dict[str, int]]:
    """The code of the entry points (module, function) and all that they reach; their offsets.

    `sources` are texts by module name. Raises LanguageError.
    """
    parsed = {name: Source(name, content, arch) for name, content in sources.items()}
    known = -1
    while known != (known := sum(len(each.constants) for each in parsed.values())):
        for each in parsed.values():
            each.resolve(parsed)
    whole = Whole(parsed, machine)
    for module, function in entries:
        whole.function(module, function)
    while whole.wanted:
        Function(whole, *whole.wanted.pop(0)).emit()
    whole.place_texts()
    code: bytes = whole.code.finish()
    return code, {name: whole.labels[module, name].known for module, name in entries}


class Whole:
    """All the code so far, and what is yet to be emitted."""

    def __init__(self, sources: Mapping[str, Source], machine: ModuleType) -> None:
        self.sources = sources
        self.machine = machine
        self.code: Assembler = machine.Assembler()
        self.labels: dict[tuple[str, str], Label] = {}
        self.wanted: list[tuple[str, str]] = []
        self.texts: dict[bytes, Label] = {}

    def function(self, module: str, name: str) -> Label:
        """Where a function begins; it will be emitted."""
        if (module, name) not in self.labels:
            if module not in self.sources or name not in self.sources[module].functions:
                raise LanguageError(f"{module}: there is no function {name}")
            self.labels[module, name] = self.code.label()
            self.wanted.append((module, name))
        return self.labels[module, name]

    def text(self, content: bytes) -> Label:
        """Where a text will be, with its NUL."""
        return self.texts.setdefault(content, self.code.label())

    def place_texts(self) -> None:
        """Every text, behind the code. One that ends another is a part of it."""
        placed: dict[bytes, int] = {}
        for content in sorted(self.texts, key=len, reverse=True):
            label = self.texts[content]
            whole = next((each for each in placed if each.endswith(content)), None)
            if whole is not None:
                self.code.place(label, placed[whole] + len(whole) - len(content))
                continue
            placed[content] = len(self.code.bytes)
            self.code.place(label)
            self.code.bytes += content + b"\0"
