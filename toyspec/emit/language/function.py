"""One function of the language on its way into machine code: its statements and conditions."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from toyspec.emit.language.source import MOST_ARGUMENTS, STORES
from toyspec.emit.language.values import Values

if TYPE_CHECKING:
    from toyspec.emit.language.compiler import Whole
    from toyspec.emit.machine.assembler import Label

_OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class Function(Values):
    """One function on its way into code."""

    def __init__(self, whole: Whole, module: str, name: str) -> None:
        super().__init__(whole, module, name)
        self.loops: list[tuple[Label, Label]] = []
        self.end = self.code.label()

    def emit(self) -> None:
        """Parameters to where they live, then the body."""
        node, homes, code = self.node, self.homes, self.code
        if len(homes.parameters) > MOST_ARGUMENTS:
            raise self.wrong(node, "more than six parameters")
        code.place(self.whole.labels[self.source.name, node.name])
        code.enter(homes.size, homes.kept, homes.calls)
        for register, name in zip(self.machine.PARAMETERS, homes.parameters, strict=False):
            if name in homes.registers:
                code.move(homes.registers[name], register)
            elif name in homes.slots:
                code.store(register, self.machine.FRAME, homes.slots[name], 8)
        if not self.block(node.body):
            code.set(self.result, 0)
        code.drop_jump(self.end)
        code.place(self.end)
        code.leave(homes.size, homes.kept, homes.calls)

    def block(self, body: list[ast.stmt]) -> bool:
        """Statements in order; whether the last one never goes on."""
        return any(self.statement(node) for node in body)

    def statement(self, node: ast.stmt) -> bool:
        """One statement; whether it never goes on."""
        if isinstance(node, ast.Return):
            self.evaluate(node.value or ast.Constant(0), self.result)
            self.code.jump(self.end)
            return True
        if isinstance(node, ast.Break | ast.Continue):
            if not self.loops:
                raise self.wrong(node, "there is no loop around this")
            self.code.jump(self.loops[-1][isinstance(node, ast.Break)])
            return True
        if isinstance(node, ast.If):
            return self._if(node)
        if isinstance(node, ast.While):
            return self._while(node)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if len(targets) != 1 or not isinstance(targets[0], ast.Name) or node.value is None:
                raise self.wrong(node, "one name is assigned to")
            self._assign(targets[0], node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            read = ast.copy_location(ast.Name(node.target.id, ast.Load()), node)
            value = ast.copy_location(ast.BinOp(read, node.op, node.value), node)
            self._assign(node.target, value)
        elif isinstance(node, ast.Expr):
            self._expression(node.value)
        elif not isinstance(node, ast.Pass):
            raise self.wrong(node, f"the language has no {type(node).__name__}")
        return False

    def _expression(self, node: ast.expr) -> None:
        """A value that nobody wants: a call, or a docstring."""
        if isinstance(node, ast.Call) and self.source.intrinsic(node) in STORES:
            self.store(node, STORES[self.source.intrinsic(node)])
        elif not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            self.evaluate(node, self.result)

    def _assign(self, target: ast.Name, value: ast.expr) -> None:
        home = self.homes.registers.get(target.id)
        if home is not None:
            self.evaluate(value, home)
            return
        slot, known = self.homes.slots[target.id], self.small(value)
        if known is not None:
            self.code.store_constant(self.machine.FRAME, slot, known, 8)
        else:
            self.evaluate(value, self.result)
            self.code.store(self.result, self.machine.FRAME, slot, 8)

    def _if(self, node: ast.If) -> bool:
        other, end = self.code.label(), self.code.label()
        self.unless(node.test, other)
        ends = self.block(node.body)
        if node.orelse and not ends:
            self.code.jump(end)
        self.code.place(other)
        other_ends = self.block(node.orelse)
        self.code.place(end)
        return ends and other_ends

    def _while(self, node: ast.While) -> bool:
        if node.orelse:
            raise self.wrong(node, "a loop has no else")
        begin, end = self.code.label(), self.code.label()
        self.code.place(begin)
        endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
        if not endless:
            self.unless(node.test, end)
        self.loops.append((begin, end))
        if not self.block(node.body):
            self.code.jump(begin)
        self.loops.pop()
        self.code.place(end)
        breaks = any(isinstance(each, ast.Break) for each in ast.walk(node))
        return endless and not breaks

    def unless(self, node: ast.expr, label: Label) -> None:
        """Go to `label` where the condition does not hold."""
        self._condition(node, label, False)

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
            said = self.compared(node)
            self.code.branch(said if wanted else _OPPOSITE[said], label)
        else:
            self.compare_to(node, 0, equal=True)
            self.code.branch("!=" if wanted else "==", label)
