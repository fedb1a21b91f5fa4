"""How a value gets into a register.

Computing passes through the result register, with the scratch register beside it. What is *direct*
touches no register but the one that it goes to: locals, constants, addresses, and loads and
operations made of these.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from toyspec.emit.language.homes import settle
from toyspec.emit.language.source import (
    COMPARISONS,
    LOADS,
    MOST_ARGUMENTS,
    OPERATORS,
    LanguageError,
    is_condition,
    wrong,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toyspec.emit.language.compiler import Whole
    from toyspec.emit.machine.assembler import Label

_SWAPPED: Final = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_COMMUTATIVE: Final = ("+", "*", "&", "|", "^")
_BY_CONSTANT: Final = (*_COMMUTATIVE, "-", "<<", ">>")
_FURTHEST: Final = 4096  # of the offsets that an instruction of either architecture holds


class Values:
    """The values of one function."""

    def __init__(self, whole: Whole, module: str, name: str) -> None:
        self.whole, self.source = whole, whole.sources[module]
        self.node = self.source.functions[name]
        self.code, self.machine = whole.code, whole.machine
        self.result: int = whole.machine.RESULT
        self.scratch: int = whole.machine.SCRATCH
        self.homes = settle(self.node, self.source, whole.machine)
        self.locals = {**self.homes.registers, **self.homes.slots}

    def wrong(self, node: ast.AST, reason: str) -> LanguageError:
        """An error at the line of `node`."""
        return wrong(self.source.name, node, reason)

    def constant(self, node: ast.expr) -> int | None:
        """The number that it always is."""
        return self.source.constant(node, self.locals)

    def home(self, node: ast.expr) -> int | None:
        """The register of a local that has one."""
        return self.homes.registers.get(node.id) if isinstance(node, ast.Name) else None

    def small(self, node: ast.expr) -> int | None:
        """The number that it always is, where 32 bits hold it."""
        known = self.constant(node)
        return known if known is not None and -(1 << 31) <= known < 1 << 31 else None

    def direct(self, node: ast.expr) -> bool:
        """Whether it goes into any register without touching another."""
        if isinstance(node, ast.Name) or self.constant(node) is not None:
            return True
        if isinstance(node, ast.Call):
            name = self.source.intrinsic(node)
            if name in LOADS:
                return self.direct(self._address(node.args[0])[0])
            return name in ("room", "text")
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            left, operator, right = self._ordered(node)
            if operator in _BY_CONSTANT and self.small(right) is not None:
                return self.direct(left)
            return (
                operator in (*_COMMUTATIVE, "-")
                and isinstance(right, ast.Name)
                and right.id in self.locals
                and self.direct(left)
            )
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert):
            return self.direct(node.operand)
        return False

    def evaluate(self, node: ast.expr, register: int) -> None:
        """A value into a register, which changes only when all locals in it have been read."""
        code = self.code
        known = self.constant(node)
        if known is not None:
            code.set_briefly(register, known)
        elif isinstance(node, ast.Name):
            self._local(node, register)
        elif isinstance(node, ast.Call):
            self._call(node, register)
        elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            self._operation(node, register)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert):
            self.evaluate(node.operand, register)
            code.operate_by("^", register, -1)
            if isinstance(node.op, ast.USub):
                code.operate_by("+", register, 1)
        elif isinstance(node, ast.IfExp):
            self._choice(node.test, node.body, node.orelse, register)
        elif isinstance(node, ast.Compare):
            code.truth(self.compared(node), self.result)
            code.move(register, self.result)
        elif is_condition(node):
            self._choice(node, ast.Constant(1), ast.Constant(0), register)
        else:
            raise self.wrong(node, f"the language has no {type(node).__name__}")

    def unless(self, node: ast.expr, label: Label) -> None:
        """Go to `label` where the condition does not hold."""
        raise NotImplementedError

    def _local(self, node: ast.Name, register: int) -> None:
        home = self.home(node)
        if home is not None:
            self.code.move(register, home)
        elif node.id in self.homes.slots:
            self.code.load(register, self.machine.FRAME, self.homes.slots[node.id], 8)
        else:
            raise self.wrong(node, f"{node.id} is no local and no constant")

    def _choice(self, test: ast.expr, yes: ast.expr, no: ast.expr, register: int) -> None:
        other, end = self.code.label(), self.code.label()
        self.unless(test, other)
        self.evaluate(yes, register)
        self.code.jump(end)
        self.code.place(other)
        self.evaluate(no, register)
        self.code.place(end)

    def _ordered(self, node: ast.BinOp) -> tuple[ast.expr, str, ast.expr]:
        """Left, operator, right: the simpler one right where that does not matter."""
        left, operator, right = node.left, OPERATORS[type(node.op)], node.right
        known = self.constant(right)
        if operator in _COMMUTATIVE and known is None:
            if self.constant(left) is not None:
                return right, operator, left
            if isinstance(left, ast.Name) and not isinstance(right, ast.Name):
                return right, operator, left
        if operator == "-" and known is not None and known > -(1 << 31):
            return left, "+", ast.copy_location(ast.Constant(-known), right)
        power = known is not None and known > 0 and known & (known - 1) == 0
        if operator == "//" and known is not None and power:
            return left, ">>", ast.copy_location(ast.Constant(known.bit_length() - 1), right)
        if operator == "%" and known is not None and power:
            return left, "&", ast.copy_location(ast.Constant(known - 1), right)
        return left, operator, right

    def _operation(self, node: ast.BinOp, register: int) -> None:
        code = self.code
        left, operator, right = self._ordered(node)
        known = self.small(right)
        home = self.home(left)
        if known is not None and home is not None and operator == "+":
            code.offset(register, home, known)
            return
        if known is not None and operator in _BY_CONSTANT:
            self.evaluate(left, register)
            code.operate_by(operator, register, known)
            return
        if isinstance(right, ast.Name) and operator in (*_COMMUTATIVE, "-"):
            home = self.home(right)
            to = self.result if home == register else register
            if home is not None or right.id in self.homes.slots:
                self.evaluate(left, to)
                if home is not None:
                    code.operate(operator, to, home)
                else:
                    slot = self.homes.slots[right.id]
                    code.operate_memory(operator, to, self.machine.FRAME, slot)
                code.move(register, to)
                return
        self.two(left, right)
        if operator in ("<<", ">>"):
            code.move(self.machine.COUNT, self.scratch)
            code.shift(operator, self.result)
        elif operator in ("//", "%"):
            code.divide(operator, self.scratch)
        else:
            code.operate(operator, self.result, self.scratch)
        code.move(register, self.result)

    def two(self, left: ast.expr, right: ast.expr) -> None:
        """Left into the result register, right into the scratch register."""
        if self.direct(right):
            self.evaluate(left, self.result)
            self.evaluate(right, self.scratch)
            return
        before = self.direct(left) and (self.source.still(right) or not self.source.reads(left))
        if not before:
            self.evaluate(left, self.result)
            self.code.push(self.result)
        self.evaluate(right, self.result)
        self.code.move(self.scratch, self.result)
        if before:
            self.evaluate(left, self.result)
        else:
            self.code.pop(self.result)

    def compared(self, node: ast.Compare) -> str:
        """Emit the comparison; says which condition then holds."""
        if len(node.ops) != 1 or type(node.ops[0]) not in COMPARISONS:
            raise self.wrong(node, "one comparison at a time, of numbers")
        left, said, right = node.left, COMPARISONS[type(node.ops[0])], node.comparators[0]
        if self.constant(left) is not None:
            left, said, right = right, _SWAPPED[said], left
        known, home = self.small(right), self.home(right)
        if known is not None:
            self.compare_to(left, known, equal=said in ("==", "!="))
        elif home is not None:
            self.code.compare(self._somewhere(left), home)
        else:
            self.two(left, right)
            self.code.compare(self.result, self.scratch)
        return said

    def compare_to(self, node: ast.expr, known: int, *, equal: bool) -> None:
        """Compare with a number of 32 bits; `equal`: only whether it is that."""
        if isinstance(node, ast.Name) and node.id in self.homes.slots:
            slot = self.homes.slots[node.id]
            self.code.compare_memory_to(self.machine.FRAME, slot, known, 8)
            return
        size = LOADS.get(self.source.intrinsic(node), 0) if isinstance(node, ast.Call) else 0
        if size in (4, 8) or (size == 1 and equal and 0 <= known < 1 << 8):
            assert isinstance(node, ast.Call)
            self.source.fits(node, "load8")
            base, offset = self._address(node.args[0])
            self.code.compare_memory_to(self._somewhere(base), offset, known, size)
        else:
            self.code.compare_to(self._somewhere(node), known)

    def _somewhere(self, node: ast.expr) -> int:
        """A register that holds the value: a local's own, or the result register."""
        home = self.home(node)
        if home is None:
            self.evaluate(node, self.result)
            return self.result
        return home

    def _call(self, node: ast.Call, register: int) -> None:
        code, name, given = self.code, self.source.intrinsic(node), node.args
        self.source.fits(node, name)
        if name == "room":
            code.offset(register, self.machine.FRAME, self.homes.rooms[node])
            return
        if name == "text":
            content = given[0]
            if not (isinstance(content, ast.Constant) and isinstance(content.value, str)):
                raise self.wrong(node, "a text is written out")
            code.near(register, self.whole.text(content.value.encode()))
            return
        if name in LOADS:
            base, offset = self._address(given[0])
            at = self.home(base)
            if at is None:
                at = register if self.direct(base) else self.result
                self.evaluate(base, at)
            code.load(register, at, offset, LOADS[name])
            return
        if name == "syscall":
            self._arguments(node, given[1:], self.machine.ARGUMENTS)
            if not self.direct(given[0]):
                raise self.wrong(node, "the number of a call is a constant or in a local")
            self.evaluate(given[0], self.machine.NUMBER)
            code.syscall()
        elif name == "call":
            if not isinstance(given[0], ast.Name):
                raise self.wrong(node, "the address that is called stands in a local")
            self._arguments(node, given[1:], self.machine.PARAMETERS)
            self.evaluate(given[0], self.scratch)
            code.call_by(self.scratch)
        elif name:
            raise self.wrong(node, f"{name} gives no value")
        else:
            self._arguments(node, given, self.machine.PARAMETERS)
            code.call(self.whole.function(*self._callee(node)))
        code.move(register, self.result)

    def _callee(self, node: ast.Call) -> tuple[str, str]:
        assert isinstance(node.func, ast.Name)
        module, name = self.source.imports.get(node.func.id, (self.source.name, node.func.id))
        source = self.whole.sources.get(module)
        known = None if source is None else source.functions.get(name)
        if known is None:
            raise self.wrong(node, f"no function {name}")
        if len(known.args.args) != len(node.args):
            raise self.wrong(node, f"{name} takes {len(known.args.args)} arguments")
        return module, name

    def _address(self, node: ast.expr) -> tuple[ast.expr, int]:
        """A base, and a constant offset from it that an instruction can hold."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            for base, more in ((node.left, node.right), (node.right, node.left)):
                offset = self.constant(more)
                if offset is not None and 0 <= offset < _FURTHEST:
                    return base, offset
        return node, 0

    def store(self, node: ast.Call, size: int) -> None:
        """A value to an address."""
        self.source.fits(node, f"store{size * 8}")
        (base, offset), value = self._address(node.args[0]), node.args[1]
        known = self.small(value)
        if known is not None:
            self.code.store_constant(self._somewhere(base), offset, known, size)
            return
        home = self.home(value)
        if home is not None:
            self.code.store(home, self._somewhere(base), offset, size)
        elif self.direct(base) and (self.source.still(value) or not self.source.reads(base)):
            self.evaluate(value, self.result)
            at = self.home(base)
            if at is None:
                at = self.scratch
                self.evaluate(base, at)
            self.code.store(self.result, at, offset, size)
        else:
            self.two(base, value)
            self.code.store(self.scratch, self.result, offset, size)

    def _arguments(self, node: ast.Call, given: list[ast.expr], registers: Sequence[int]) -> None:
        """Each into its register: what is direct last, for it touches no other."""
        if len(given) > MOST_ARGUMENTS:
            raise self.wrong(node, "more than six arguments")
        hard = [index for index, each in enumerate(given) if not self.direct(each)]
        early = [
            index
            for index, each in enumerate(given)
            if index in hard or (hard and index < hard[-1] and self.source.reads(each))
        ]
        for index in early[:-1]:
            self.evaluate(given[index], self.result)
            self.code.push(self.result)
        if early:
            self.evaluate(given[early[-1]], registers[early[-1]])
        for index in reversed(early[:-1]):
            self.code.pop(registers[index])
        for index, each in enumerate(given):
            if index not in early:
                self.evaluate(each, registers[index])
