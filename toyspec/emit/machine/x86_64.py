"""x86_64: the few instructions that boxes are made of (Intel SDM, volume 2).

Registers go by what they are for. `A0` to `A5` are a system call's arguments, `NUMBER` its number,
`RESULT` what it gives (syscall(2)); a call of a function takes its own in `C0` to `C5` (System V ABI).
The kernel destroys rcx and r11. `PAGE` holds the address of the shared page for
good, `COUNTER` is left alone by functions.
"""

from __future__ import annotations

from typing import Final

from toyspec.emit.machine.assembler import Code, Label
from toyspec.emit.machine.reach import Jump, move_all, reaching

RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11 = range(12)
ARGUMENTS: Final = (RDI, RSI, RDX, R10, R8, R9)
PARAMETERS: Final = (RDI, RSI, RDX, RCX, R8, R9)
NUMBER: Final = RAX
RESULT: Final = RAX
SCRATCH: Final = R11
PAGE: Final = RBX
COUNTER: Final = 12  # r12
STACK: Final = RSP
FRAME: Final = RBP
KEPT: Final = (14, 15, 13, 12)
KEPT_WITHOUT_FRAME: Final = (RBP,)
FREE: Final = (RSI, RDI, R8, R9, R10, RDX, RCX)
"""What a function that calls nobody may use, beside RESULT and SCRATCH."""
COUNT: Final = RCX
LOST_BY_DIVISION: Final = (RDX,)

_CONDITIONS: Final = {
    "==": 0x4, "!=": 0x5, "<": 0xC, ">=": 0xD, "<=": 0xE, ">": 0xF, "below": 0x2, "above or equal": 0x3,
}  # fmt: skip
_FORMS: Final = {"+": 0, "|": 1, "&": 4, "-": 5, "^": 6, "compare": 7}
_BYTE, _DISTANCE, _JUMP, _BRANCH = range(4)
"""Kinds of references: rel8; rel32; rel32 behind an opcode of one byte, of two, that can be rel8."""
_MOST_ERRNO: Final = 4095


class Assembler(Code):
    """Emits instructions at the end of the code."""

    jump_size = 5

    def fill(self, at: int, distance: int, kind: int) -> None:
        """rel32 or rel8, counted from behind itself."""
        size = 1 if kind == _BYTE else 4
        self.bytes[at : at + size] = (distance - size).to_bytes(size, "little", signed=True)

    def shorten(self, references: list[tuple[int, Label, int]], placed: list[Label]) -> None:
        """Where rel8 reaches, it is written instead of rel32."""
        jumps = [
            Jump(at + 4, 3 if kind == _JUMP else 4, label)
            for at, label, kind in references
            if kind in (_JUMP, _BRANCH)
        ]
        saved = reaching(jumps, placed)
        out, done = bytearray(), 0
        for jump, less in zip(jumps, saved, strict=True):
            if less:
                opcode = self.bytes[jump.end - 5]  # e9, or what follows 0f
                out += self.bytes[done : jump.end - 2 - less]
                out += bytes([0xEB if less == 3 else opcode - 0x10, 0])
                done = jump.end
        self.bytes = out + self.bytes[done:]
        move_all(references, placed, jumps, saved, _BYTE)

    def _put(self, *parts: int) -> None:
        self.bytes += bytes(parts)

    def _number(self, value: int, size: int) -> None:
        self.bytes += (value & (1 << 8 * size) - 1).to_bytes(size, "little")

    def _rex(self, wide: bool, reg: int, base: int, force: bool = False) -> None:
        rex = 0x40 | wide << 3 | (reg >> 3) << 2 | base >> 3
        if rex != 0x40 or force:
            self._put(rex)

    def _memory(self, reg: int, base: int, offset: int) -> None:
        """ModRM (and SIB) for [base + offset]."""
        low, kind = (
            base & 7,
            0 if not offset and base & 7 != RBP else 1 if -128 <= offset < 128 else 2,
        )
        self._put(kind << 6 | (reg & 7) << 3 | low)
        if low == RSP:
            self._put(0x24)
        if kind:
            self._number(offset, 1 if kind == 1 else 4)

    def _absolute(self, reg: int, address: int) -> None:
        """ModRM and displacement for [address], counted from the next instruction."""
        self._put(5 | (reg & 7) << 3)
        self._reach(Label(address - self.origin), _DISTANCE)

    def _reach(self, label: Label, kind: int) -> None:
        self.refer(len(self.bytes), label, kind)
        self._number(0, 4)

    def set(self, register: int, value: int) -> None:
        """A constant, cut to 64 bits."""
        value &= (1 << 64) - 1
        if value == 0:
            self._rex(False, register, register)
            self._put(0x31, 0xC0 | (register & 7) * 9)
        elif value < 1 << 32:
            self._rex(False, 0, register)
            self._put(0xB8 | register & 7)
            self._number(value, 4)
        elif value >= (1 << 64) - (1 << 31):
            self._rex(True, 0, register)
            self._put(0xC7, 0xC0 | register & 7)
            self._number(value, 4)
        else:
            self._rex(True, 0, register)
            self._put(0xB8 | register & 7)
            self._number(value, 8)

    def set_briefly(self, register: int, value: int) -> None:
        """The same in fewer bytes, if slower: by way of the stack."""
        if value and -128 <= value < 128:
            self._put(0x6A, value & 0xFF)
            self.pop(register)
        else:
            self.set(register, value)

    def address(self, register: int, address: int) -> None:
        """A fixed virtual address."""
        self.set(register, address)

    def near(self, register: int, label: Label) -> None:
        """The address of a label, wherever the code lies."""
        self._rex(True, register, 0)
        self._put(0x8D, (register & 7) << 3 | 5)
        self._reach(label, _DISTANCE)

    def load(self, register: int, base: int, offset: int, size: int) -> None:
        """From [base + offset]; 4 bytes sign-extended, fewer zero-extended."""
        self._load_form(register, base, size)
        self._memory(register, base, offset)

    def load_at(self, register: int, address: int, size: int) -> None:
        """From a fixed address."""
        self._load_form(register, 0, size)
        self._absolute(register, address)

    def _load_form(self, register: int, base: int, size: int) -> None:
        self._rex(size >= 4, register, base)
        self._put(*{1: (0x0F, 0xB6), 2: (0x0F, 0xB7), 4: (0x63,), 8: (0x8B,)}[size])

    def store(self, register: int, base: int, offset: int, size: int) -> None:
        """To [base + offset]."""
        self._store_form(register, base, size)
        self._memory(register, base, offset)

    def store_at(self, register: int, address: int, size: int) -> None:
        """To a fixed address."""
        self._store_form(register, 0, size)
        self._absolute(register, address)

    def _store_form(self, register: int, base: int, size: int) -> None:
        if size == 2:
            self._put(0x66)
        self._rex(size == 8, register, base, size == 1 and register >= RSP)
        self._put(0x88 if size == 1 else 0x89)

    def store_constant(self, base: int, offset: int, value: int, size: int) -> None:
        """The low bytes of a constant that fits in 32 bits, signed, to [base + offset]."""
        if size == 2:
            self._put(0x66)
        self._rex(size == 8, 0, base)
        self._put(0xC6 if size == 1 else 0xC7)
        self._memory(0, base, offset)
        self._number(value, min(size, 4))

    def note(self, offset: int, value: int) -> None:
        """A number below 2³¹ into the 4 bytes at [page + offset]."""
        self._put(0xC7)
        self._memory(0, PAGE, offset)
        self._number(value, 4)

    def move(self, target: int, source: int) -> None:
        """A register's value into another."""
        if target != source:
            self._rex(True, source, target)
            self._put(0x89, 0xC0 | (source & 7) << 3 | target & 7)

    def offset(self, target: int, base: int, value: int) -> None:
        """`target` = `base` + a constant that fits in 32 bits, signed."""
        if target == base:
            self.operate_by("+", target, value)
        else:
            self._rex(True, target, base)
            self._put(0x8D)
            self._memory(target, base, value)

    def syscall(self) -> None:
        """The arguments and the number are in their registers."""
        self._put(0x0F, 0x05)

    def operate(self, operator: str, target: int, source: int) -> None:
        """`target` = `target` operator `source`: + - & | ^ *."""
        if operator == "*":
            self._rex(True, target, source)
            self._put(0x0F, 0xAF, 0xC0 | (target & 7) << 3 | source & 7)
            return
        self._rex(True, source, target)
        self._put(_FORMS[operator] << 3 | 1, 0xC0 | (source & 7) << 3 | target & 7)

    def operate_memory(self, operator: str, target: int, base: int, offset: int) -> None:
        """The same with 8 bytes at [base + offset] on the right."""
        self._rex(True, target, base)
        if operator == "*":
            self._put(0x0F, 0xAF)
        else:
            self._put(_FORMS[operator] << 3 | 3)
        self._memory(target, base, offset)

    def operate_by(self, operator: str, target: int, value: int) -> None:
        """The same with a constant that fits in 32 bits, signed; also << and >> (arithmetic)."""
        small = -128 <= value < 128
        if operator == "*":
            self._rex(True, target, target)
            self._put(0x6B if small else 0x69, 0xC0 | (target & 7) * 9)
        elif operator in ("<<", ">>"):
            self._rex(True, 0, target)
            self._put(0xC1, (0xE0 if operator == "<<" else 0xF8) | target & 7, value & 63)
            return
        else:
            self._by_constant(_FORMS[operator], target, value)
            return
        self._number(value, 1 if small else 4)

    def _by_constant(self, form: int, target: int, value: int) -> None:
        # Where 32 bits are written the rest is cleared, as `and` with a positive number does.
        small, wide = -128 <= value < 128, form != _FORMS["&"] or value < 0
        self._rex(wide, 0, target)
        if not small and target == RAX:
            self._put(form << 3 | 5)
        else:
            self._put(0x83 if small else 0x81, 0xC0 | form << 3 | target & 7)
        self._number(value, 1 if small else 4)

    def shift(self, operator: str, target: int) -> None:
        """`target` << or >> by the low 6 bits of rcx."""
        self._rex(True, 0, target)
        self._put(0xD3, (0xE0 if operator == "<<" else 0xF8) | target & 7)

    def divide(self, operator: str, source: int) -> None:
        """rax // or % `source`, into rax, both not negative; rdx is lost."""
        self._put(0x31, 0xD2)
        self._rex(True, 0, source)
        self._put(0xF7, 0xF0 | source & 7)
        if operator == "%":
            self.move(RAX, RDX)

    def compare(self, first: int, second: int) -> None:
        """Two registers, for `branch`."""
        self._rex(True, second, first)
        self._put(0x39, 0xC0 | (second & 7) << 3 | first & 7)

    def compare_to(self, first: int, value: int) -> None:
        """A register and a constant that fits in 32 bits, signed."""
        if value == 0:
            self._rex(True, first, first)
            self._put(0x85, 0xC0 | (first & 7) * 9)
            return
        self._by_constant(_FORMS["compare"], first, value)

    def compare_memory_to(self, base: int, offset: int, value: int, size: int) -> None:
        """What `load` would get and a constant of 32 bits, signed; of 1 byte only whether equal."""
        small = size == 1 or -128 <= value < 128
        self._rex(size == 8, 0, base)
        self._put(0x80 if size == 1 else 0x83 if small else 0x81)
        self._memory(_FORMS["compare"], base, offset)
        self._number(value, 1 if small else 4)

    def branch(self, condition: str, label: Label) -> None:
        """Go to `label` where the last comparison says so."""
        self._put(0x0F, 0x80 | _CONDITIONS[condition])
        self._reach(label, _BRANCH)

    branch_far = branch

    def truth(self, condition: str, register: int) -> None:
        """1 or 0 into rax, rcx, rdx or rbx, as the last comparison says."""
        self._put(0x0F, 0x90 | _CONDITIONS[condition], 0xC0 | register)
        self._put(0x0F, 0xB6, 0xC0 | register * 9)

    def branch_if_failed(self, label: Label) -> None:
        """Where `RESULT` is a negative errno."""
        self.compare_to(RESULT, -_MOST_ERRNO)
        self.branch("above or equal", label)

    def jump(self, label: Label) -> None:
        """Always."""
        self._put(0xE9)
        self._reach(label, _JUMP)

    def jump_by(self, register: int) -> None:
        """To the address in a register."""
        self._rex(False, 0, register)
        self._put(0xFF, 0xE0 | register & 7)

    def call(self, label: Label) -> None:
        """A function; it returns behind this."""
        self._put(0xE8)
        self._reach(label, _DISTANCE)

    def call_at(self, address: int) -> None:
        """A function at a fixed address."""
        self._put(0xE8)
        self._reach(Label(address - self.origin), _DISTANCE)

    def call_by(self, register: int) -> None:
        """A function whose address is in a register."""
        self._rex(False, 0, register)
        self._put(0xFF, 0xD0 | register & 7)

    def push(self, register: int) -> None:
        """Onto the stack."""
        self._rex(False, 0, register)
        self._put(0x50 | register & 7)

    def pop(self, register: int) -> None:
        """From the stack."""
        self._rex(False, 0, register)
        self._put(0x58 | register & 7)

    def enter(self, size: int, kept: tuple[int, ...] = (), calls: bool = True) -> None:  # noqa: ARG002
        """A function begins: `kept` is saved, and `size` bytes, a multiple of 16, lie below [FRAME].

        Where `size` is 0 it has no frame, and FRAME is one more register to keep.
        """
        for register in kept:
            self.push(register)
        if size:
            self.push(RBP)
            self.move(RBP, RSP)
            self.operate_by("-", RSP, size)

    def leave(self, size: int, kept: tuple[int, ...] = (), calls: bool = True) -> None:  # noqa: ARG002
        """It returns, with the same arguments as `enter`."""
        if size:
            self._put(0xC9)
        for register in reversed(kept):
            self.pop(register)
        self._put(0xC3)
