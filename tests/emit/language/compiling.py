"""Compiles sources of the language and runs them, and runs the same sources as Python beside."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from tests.emit.machine.running import MACHINES, Emulated, Native, runner, signed
from toyspec.emit.language.compiler import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = (
    "from toyspec.emit.resident.words import (call, flag, load8, load16, load32, load64, nr, room,"
    " store8, store16, store32, store64, syscall, text)\n"
)


class Number(int):
    """A number of 64 bits with a sign: Python's operators, wrapping around."""


def _wrapping(name: str) -> Callable[[int, int], Number]:
    plain: Any = getattr(int, name)
    return lambda left, right: Number(signed(plain(int(left), int(right))))


for _name in ("add", "sub", "mul", "and", "or", "xor", "lshift", "rshift", "floordiv", "mod"):
    setattr(Number, f"__{_name}__", _wrapping(f"__{_name}__"))
    setattr(Number, f"__r{_name}__", _wrapping(f"__r{_name}__"))
for _name in ("neg", "invert"):
    _plain: Any = getattr(int, f"__{_name}__")
    setattr(Number, f"__{_name}__", lambda value, plain=_plain: Number(signed(plain(int(value)))))


class _Constants(ast.NodeTransformer):
    """Constants are such numbers too."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, int):
            return node
        number = ast.Constant(signed(node.value))
        return ast.Call(ast.Name("Number", ast.Load()), [number], [])


def python(source: str, name: str, *arguments: int) -> int:
    """What the function gives as Python."""
    space: dict[str, Any] = {"Number": Number}
    tree = ast.fix_missing_locations(_Constants().visit(ast.parse(source)))
    exec(compile(tree, "source", "exec"), space)  # our own text
    return signed(int(space[name](*map(Number, arguments))))


class Program:
    """A source compiled for one architecture, of which the functions can be called."""

    def __init__(self, arch: str, source: str, *names: str, **others: str) -> None:
        sources = {"sample": WORDS + source, **{k: WORDS + v for k, v in others.items()}}
        entries = [("sample", name) for name in names]
        self.code, self.offsets = compiled(sources, entries, MACHINES[arch], arch)
        self.running: Native | Emulated = runner(arch, self.code)

    def __call__(self, name: str, *arguments: int) -> int:
        return self.running.call(self.offsets[name], *arguments)
