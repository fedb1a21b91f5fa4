"""One module of the language: its functions, what it imports, and what its constants are."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from toyspec.kernel.flags import value
from toyspec.kernel.syscalls import numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS: Final = "toyspec.emit.resident.words"
"""The module that intrinsics are imported from."""
OPERATORS: Final = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
    ast.LShift: "<<", ast.RShift: ">>", ast.FloorDiv: "//", ast.Mod: "%",
}  # fmt: skip
COMPARISONS: Final = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
LOADS: Final = {"load8": 1, "load16": 2, "load32": 4, "load64": 8}
STORES: Final = {"store8": 1, "store16": 2, "store32": 4, "store64": 8}
QUIET: Final = frozenset({*LOADS, *STORES, "room", "text", "nr", "flag"})
"""Intrinsics that call nobody."""
MOST_ARGUMENTS: Final = 6
_BITS: Final = 64
_TAKES: Final = {
    **dict.fromkeys(LOADS, 1),
    **dict.fromkeys(STORES, 2),
    "room": 1,
    "text": 1,
    "call": 3,
}


class LanguageError(ValueError):
    """A source says something that the language does not have."""


def wrong(module: str, node: ast.AST, reason: str) -> LanguageError:
    """A LanguageError at the line of `node`."""
    return LanguageError(f"{module}:{getattr(node, 'lineno', 0)}: {reason}")


class Source:
    """One module: its functions, what it imports, and its constants on one architecture."""

    def __init__(self, name: str, content: str, arch: str) -> None:
        self.name = name
        self.arch = arch
        self.functions: dict[str, ast.FunctionDef] = {}
        self.imports: dict[str, tuple[str, str]] = {}  # our name: module, its name
        self.constants: dict[str, int] = {}
        self._said: dict[str, ast.expr] = {}
        for node in ast.parse(content, name).body:
            if isinstance(node, ast.FunctionDef):
                self.functions[node.name] = self._plain(node)
            elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
                for each in node.names:
                    self.imports[each.asname or each.name] = (node.module or "", each.name)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self._said[node.targets[0].id] = node.value
            elif (
                isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value
            ):
                self._said[node.target.id] = node.value

    def _plain(self, node: ast.FunctionDef) -> ast.FunctionDef:
        given = node.args
        others = (given.posonlyargs, given.kwonlyargs, given.defaults, given.vararg, given.kwarg)
        if any(others) or node.decorator_list:
            raise wrong(self.name, node, "a function has parameters, and nothing else")
        return node

    def intrinsic(self, node: ast.Call) -> str:
        """The name of the intrinsic that is called, or nothing."""
        if not isinstance(node.func, ast.Name):
            raise wrong(self.name, node, "functions are called by name")
        module, name = self.imports.get(node.func.id, ("", ""))
        return name if module == WORDS else ""

    def still(self, node: ast.expr) -> bool:
        """Whether memory is the same after an expression."""
        return self._called(node) <= QUIET

    def reads(self, node: ast.expr) -> bool:
        """Whether an expression depends on memory."""
        return not self._called(node) <= {"room", "text"}

    def _called(self, node: ast.expr) -> set[str]:
        return {self.intrinsic(each) for each in ast.walk(node) if isinstance(each, ast.Call)}

    def fits(self, node: ast.Call, intrinsic: str) -> None:
        """Refuse arguments that the intrinsic does not take, and named ones."""
        if node.keywords:
            raise wrong(self.name, node, "arguments have no names")
        takes = _TAKES.get(intrinsic)
        if (takes is not None and len(node.args) != takes) or (intrinsic and not node.args):
            raise wrong(self.name, node, f"{intrinsic} takes {takes or 1} arguments")

    def size(self, node: ast.Call) -> int:
        """Of a room, in bytes."""
        self.fits(node, "room")
        size = self.constant(node.args[0], {})
        if size is None or size < 1:
            raise wrong(self.name, node, "the size of a room is a constant")
        return size

    def resolve(self, others: Mapping[str, Source]) -> None:
        """Work out every constant; those of imported modules must be there."""
        for name, (module, theirs) in self.imports.items():
            if module in others and theirs in others[module].constants:
                self.constants[name] = others[module].constants[theirs]
        for name, node in self._said.items():
            found = self.constant(node, {})
            if found is not None:
                self.constants[name] = found

    def constant(self, node: ast.expr, hidden: Mapping[str, int]) -> int | None:
        """The number that an expression always is; None where it is none. Locals hide constants.

        Like every number of the language it has 64 bits and a sign.
        """
        found = self._constant(node, hidden)
        return None if found is None else ((found + (1 << 63)) & ((1 << 64) - 1)) - (1 << 63)

    def _constant(self, node: ast.expr, hidden: Mapping[str, int]) -> int | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return int(node.value)
        if isinstance(node, ast.Name) and node.id not in hidden:
            return self.constants.get(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert):
            inner = self.constant(node.operand, hidden)
            if inner is None:
                return None
            return -inner if isinstance(node.op, ast.USub) else ~inner
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            left, right = self.constant(node.left, hidden), self.constant(node.right, hidden)
            if left is None or right is None:
                return None
            return self._fold(node, OPERATORS[type(node.op)], left, right)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._looked_up(node, node.func.id)
        return None

    def _fold(self, node: ast.expr, operator: str, left: int, right: int) -> int:
        if operator in ("<<", ">>"):
            if not 0 <= right < _BITS:
                raise wrong(self.name, node, "numbers are shifted by 0 to 63")
            return left << right if operator == "<<" else left >> right
        if operator in ("//", "%"):
            if left < 0 or right <= 0:
                raise wrong(self.name, node, "what is divided is not negative")
            return left // right if operator == "//" else left % right
        return {
            "+": left + right, "-": left - right, "*": left * right,
            "&": left & right, "|": left | right, "^": left ^ right,
        }[operator]  # fmt: skip

    def _looked_up(self, node: ast.Call, name: str) -> int | None:
        if self.imports.get(name, ("",))[0] != WORDS or name not in ("nr", "flag"):
            return None
        words = [each.value for each in node.args if isinstance(each, ast.Constant)]
        try:
            if name == "nr":
                return numbers(self.arch)[str(words[0])]
            return int(value(str(words[0]), (str(words[1]),), self.arch))
        except KeyError as error:
            raise wrong(self.name, node, f"{name}: {error} is not in the kernel's tables") from None


def is_condition(node: ast.expr) -> bool:
    """Whether its value in Python is True or False, whatever the numbers are."""
    if isinstance(node, ast.BoolOp):
        return all(is_condition(each) for each in node.values)
    return isinstance(node, ast.Compare) or (
        isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    )
