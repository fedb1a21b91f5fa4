"""One function of the language on its way into machine code.

Each value passes through the result register; locals live in the frame.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from toyspec.emit.language.source import (
    COMPARISONS,
    OPERATORS,
    WORDS,
    LanguageError,
    assigned,
    is_condition,
    wrong,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toyspec.emit.language.compiler import Whole
    from toyspec.emit.machine.assembler import Label

_COUNT: Final = 1  # rcx, x1: where `shift` takes how far
_SIZES: Final = {"8": 1, "16": 2, "32": 4, "64": 8}
_OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MOST_ARGUMENTS: Final = 6


class Function:
    """One function on its way into code."""

    def __init__(self, whole: Whole, module: str, name: str) -> None:
        self.whole, self.source = whole, whole.sources[module]
        self.node = self.source.functions[name]
        self.code, self.machine = whole.code, whole.machine
        self.result: int = whole.machine.RESULT
        self.scratch: int = whole.machine.SCRATCH
        self.slots: dict[str, int] = {}
        self.rooms: dict[ast.AST, int] = {}
        self.loops: list[tuple[Label, Label]] = []

    def wrong(self, node: ast.AST, reason: str) -> LanguageError:
        """An error at the line of `node`."""
        return wrong(self.source.name, node, reason)

    def emit(self) -> None:
        """Parameters into their slots, then the body."""
        node = self.node
        parameters = [each.arg for each in node.args.args]
        if len(parameters) > _MOST_ARGUMENTS:
            raise self.wrong(node, "more than six parameters")
        frame = self._lay_out(parameters)
        self.code.place(self.whole.labels[self.source.name, node.name])
        self.code.enter(frame)
        for register, name in zip(self.machine.PARAMETERS, parameters, strict=False):
            self.code.store(register, self.machine.FRAME, self.slots[name], 8)
        if not self.block(node.body):
            self.code.set(self.result, 0)
            self.code.leave()

    def _lay_out(self, parameters: list[str]) -> int:
        """A slot for each local, rooms behind them; returns the frame's size."""
        names = dict.fromkeys([*parameters, *assigned(self.node)])
        self.slots = {name: -8 * (index + 1) for index, name in enumerate(names)}
        used = 8 * len(names)
        for node in ast.walk(self.node):
            if isinstance(node, ast.Call) and self._intrinsic(node) == "room":
                size = self.source.constant(node.args[0], {})
                if size is None:
                    raise self.wrong(node, "the size of a room is a constant")
                used = -(-(used + size) // 16) * 16
                self.rooms[node] = -used
        return -(-used // 16) * 16

    def block(self, body: list[ast.stmt]) -> bool:
        """Statements in order; whether the last one never goes on."""
        return any(self.statement(node) for node in body)

    def statement(self, node: ast.stmt) -> bool:
        """One statement; whether it never goes on."""
        code = self.code
        if isinstance(node, ast.Return):
            if node.value is None:
                code.set(self.result, 0)
            else:
                self.evaluate(node.value, self.result)
            code.leave()
            return True
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if not isinstance(target, ast.Name) or node.value is None:
                raise self.wrong(node, "one name is assigned to")
            self.evaluate(node.value, self.result)
            code.store(self.result, self.machine.FRAME, self.slots[target.id], 8)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            read = ast.copy_location(ast.Name(node.target.id, ast.Load()), node)
            self.evaluate(
                ast.copy_location(ast.BinOp(read, node.op, node.value), node), self.result
            )
            code.store(self.result, self.machine.FRAME, self.slots[node.target.id], 8)
        elif isinstance(node, ast.Expr):
            if not isinstance(node.value, ast.Constant):
                self.evaluate(node.value, self.result)
        elif isinstance(node, ast.If):
            return self._if(node)
        elif isinstance(node, ast.While):
            return self._while(node)
        elif isinstance(node, ast.Break | ast.Continue):
            code.jump(self.loops[-1][isinstance(node, ast.Break)])
            return True
        elif not isinstance(node, ast.Pass):
            raise self.wrong(node, f"the language has no {type(node).__name__}")
        return False

    def _if(self, node: ast.If) -> bool:
        other, end = self.code.label(), self.code.label()
        self._condition(node.test, other, False)
        ends = self.block(node.body)
        if node.orelse and not ends:
            self.code.jump(end)
        self.code.place(other)
        other_ends = self.block(node.orelse)
        self.code.place(end)
        return ends and other_ends and bool(node.orelse)

    def _while(self, node: ast.While) -> bool:
        if node.orelse:
            raise self.wrong(node, "a loop has no else")
        begin, end = self.code.label(), self.code.label()
        self.code.place(begin)
        endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
        if not endless:
            self._condition(node.test, end, False)
        self.loops.append((begin, end))
        if not self.block(node.body):
            self.code.jump(begin)
        self.loops.pop()
        self.code.place(end)
        breaks = any(isinstance(each, ast.Break) for each in ast.walk(node))
        return endless and not breaks

    def _condition(self, node: ast.expr, label: Label, wanted: bool) -> None:
        """Go to `label` where the condition is `wanted`."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self._condition(node.operand, label, not wanted)
        elif isinstance(node, ast.BoolOp):
            if isinstance(node.op, ast.Or) == wanted:
                for each in node.values:
                    self._condition(each, label, wanted)
            else:
                beyond = self.code.label()
                for each in node.values[:-1]:
                    self._condition(each, beyond, not wanted)
                self._condition(node.values[-1], label, wanted)
                self.code.place(beyond)
        elif isinstance(node, ast.Compare):
            said = self._compared(node)
            self.code.branch(said if wanted else _OPPOSITE[said], label)
        else:
            self.evaluate(node, self.result)
            self.code.compare_to(self.result, 0)
            self.code.branch("!=" if wanted else "==", label)

    def _compared(self, node: ast.Compare) -> str:
        """Emit the comparison; says which condition then holds."""
        if len(node.ops) != 1 or type(node.ops[0]) not in COMPARISONS:
            raise self.wrong(node, "one comparison at a time, of numbers")
        right = node.comparators[0]
        known = self.source.constant(right, self.slots)
        if known is not None and -(1 << 31) <= known < 1 << 31:
            self.evaluate(node.left, self.result)
            self.code.compare_to(self.result, known)
        else:
            self._two(node.left, right)
            self.code.compare(self.result, self.scratch)
        return COMPARISONS[type(node.ops[0])]

    def _two(self, left: ast.expr, right: ast.expr) -> None:
        """Left into the result register, right into the scratch register."""
        if self._simple(right):
            self.evaluate(left, self.result)
            self.evaluate(right, self.scratch)
            return
        self.evaluate(left, self.result)
        self.code.push(self.result)
        self.evaluate(right, self.result)
        self.code.move(self.scratch, self.result)
        self.code.pop(self.result)

    def _simple(self, node: ast.expr) -> bool:
        """Whether it goes into any register without touching another."""
        if self.source.constant(node, self.slots) is not None or isinstance(node, ast.Name):
            return True
        return isinstance(node, ast.Call) and self._intrinsic(node) in ("room", "text")

    def evaluate(self, node: ast.expr, register: int) -> None:
        """The value of an expression into a register; any but PAGE may change, unless it is simple."""
        code = self.code
        known = self.source.constant(node, self.slots)
        if known is not None:
            code.set(register, known)
        elif isinstance(node, ast.Name):
            if node.id not in self.slots:
                raise self.wrong(node, f"{node.id} is no local and no constant")
            code.load(register, self.machine.FRAME, self.slots[node.id], 8)
        elif isinstance(node, ast.Call):
            self._call(node, register)
        elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            self._operation(node, OPERATORS[type(node.op)])
            code.move(register, self.result)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert):
            self.evaluate(node.operand, self.result)
            code.operate_by("^", self.result, -1)
            if isinstance(node.op, ast.USub):
                code.operate_by("+", self.result, 1)
            code.move(register, self.result)
        elif isinstance(node, ast.IfExp):
            self._choice(node, register)
        elif isinstance(node, ast.Compare):
            code.truth(self._compared(node), self.result)
            code.move(register, self.result)
        elif is_condition(node):
            one, zero = ast.Constant(1), ast.Constant(0)
            self._choice(ast.copy_location(ast.IfExp(node, one, zero), node), register)
        else:
            raise self.wrong(node, f"the language has no {type(node).__name__}")

    def _choice(self, node: ast.IfExp, register: int) -> None:
        other, end = self.code.label(), self.code.label()
        self._condition(node.test, other, False)
        self.evaluate(node.body, register)
        self.code.jump(end)
        self.code.place(other)
        self.evaluate(node.orelse, register)
        self.code.place(end)

    def _operation(self, node: ast.BinOp, operator: str) -> None:
        code = self.code
        known = self.source.constant(node.right, self.slots)
        if known is not None and operator in "+-&|^<<>>" and -(1 << 31) <= known < 1 << 31:
            self.evaluate(node.left, self.result)
            code.operate_by(operator, self.result, known)
            return
        self._two(node.left, node.right)
        if operator in ("<<", ">>"):
            code.move(_COUNT, self.scratch)
            code.shift(operator, self.result)
        elif operator in ("//", "%"):
            code.divide(operator, self.scratch)
        else:
            code.operate(operator, self.result, self.scratch)

    def _intrinsic(self, node: ast.Call) -> str:
        """The name of the intrinsic that is called, or nothing."""
        if not isinstance(node.func, ast.Name):
            raise self.wrong(node, "functions are called by name")
        module, name = self.source.imports.get(node.func.id, ("", ""))
        return name if module == WORDS else ""

    def _call(self, node: ast.Call, register: int) -> None:
        code, name = self.code, self._intrinsic(node)
        if node.keywords:
            raise self.wrong(node, "arguments have no names")
        if name == "room":
            code.move(register, self.machine.FRAME)
            code.operate_by("+", register, self.rooms[node])
            return
        if name == "text":
            content = node.args[0]
            if not (isinstance(content, ast.Constant) and isinstance(content.value, str)):
                raise self.wrong(node, "a text is written out")
            code.near(register, self.whole.text(content.value.encode()))
            return
        if name[:4] == "load" and name[4:] in _SIZES:
            base, offset = self._address(node.args[0])
            self.evaluate(base, self.result)
            code.load(self.result, self.result, offset, _SIZES[name[4:]])
        elif name[:5] == "store" and name[5:] in _SIZES:
            self._store(node, _SIZES[name[5:]])
        elif name == "syscall":
            self._arguments(node, node.args[1:], self.machine.ARGUMENTS)
            self.evaluate(node.args[0], self.machine.NUMBER)
            code.syscall()
        elif name == "call":
            if not self._simple(node.args[0]):
                raise self.wrong(node, "the address that is called stands in a local")
            self._arguments(node, node.args[1:], self.machine.PARAMETERS)
            self.evaluate(node.args[0], self.scratch)
            code.call_by(self.scratch)
        elif name:
            raise self.wrong(node, f"no intrinsic {name}")
        else:
            self._arguments(node, node.args, self.machine.PARAMETERS)
            code.call(self._callee(node))
        code.move(register, self.result)

    def _callee(self, node: ast.Call) -> Label:
        assert isinstance(node.func, ast.Name)
        module, name = self.source.imports.get(node.func.id, (self.source.name, node.func.id))
        known = (
            self.whole.sources[module].functions.get(name) if module in self.whole.sources else None
        )
        if known is None:
            raise self.wrong(node, f"no function {name}")
        if len(known.args.args) != len(node.args):
            raise self.wrong(node, f"{name} takes {len(known.args.args)} arguments")
        return self.whole.function(module, name)

    def _address(self, node: ast.expr) -> tuple[ast.expr, int]:
        """A base, and a constant offset from it that an instruction can hold."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            offset = self.source.constant(node.right, self.slots)
            if offset is not None and 0 <= offset < 4096:
                return node.left, offset
        return node, 0

    def _store(self, node: ast.Call, size: int) -> None:
        base, offset = self._address(node.args[0])
        if self._simple(node.args[1]) or not self._simple(base):
            self._two(base, node.args[1])
            self.code.store(self.scratch, self.result, offset, size)
        else:
            self.evaluate(node.args[1], self.result)
            self.evaluate(base, self.scratch)
            self.code.store(self.result, self.scratch, offset, size)

    def _arguments(self, node: ast.Call, given: list[ast.expr], registers: Sequence[int]) -> None:
        """Each into its register. What is simple comes last, for it touches nothing else."""
        if len(given) > _MOST_ARGUMENTS:
            raise self.wrong(node, "more than six arguments")
        hard = [index for index, each in enumerate(given) if not self._simple(each)]
        for index in hard[:-1]:
            self.evaluate(given[index], self.result)
            self.code.push(self.result)
        if hard:
            self.evaluate(given[hard[-1]], self.result)
            self.code.move(registers[hard[-1]], self.result)
        for index in reversed(hard[:-1]):
            self.code.pop(registers[index])
        for index, each in enumerate(given):
            if index not in hard:
                self.evaluate(each, registers[index])
