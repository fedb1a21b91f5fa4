"""aarch64: the same vocabulary (Arm ARM, chapter C6; AAPCS64; syscall(2)).

`RESULT` is also the first argument. A stack slot has 16 bytes.
"""

from __future__ import annotations

from typing import Final

from toyspec.emit.machine.assembler import Code, Label

ARGUMENTS: Final = (0, 1, 2, 3, 4, 5)
PARAMETERS: Final = ARGUMENTS
NUMBER: Final = 8
RESULT: Final = 0
SCRATCH: Final = 9
_OTHER: Final = 10  # what an instruction of ours needs besides
_THIRD: Final = 17  # and what it needs beside that
PAGE: Final = 19
COUNTER: Final = 20
FRAME: Final = 29
LINK: Final = 30
STACK: Final = 31
KEPT: Final = (21, 22, 23, 24, 25, 26, 27, 28)
KEPT_WITHOUT_FRAME: Final = ()
FREE: Final = (2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15, 1)
COUNT: Final = 1
LOST_BY_DIVISION: Final = ()
_ZERO: Final = 31

_CONDITIONS: Final = {
    "==": 0, "!=": 1, "above or equal": 2, "below": 3, ">=": 10, "<": 11, ">": 12, "<=": 13,
}  # fmt: skip
_OPPOSITE: Final = {
    "==": "!=", "!=": "==", "below": "above or equal", "above or equal": "below",
    ">=": "<", "<": ">=", ">": "<=", "<=": ">",
}  # fmt: skip
_B, _CONDITIONAL, _ADR = 26, 19, 21
_MOST_ERRNO: Final = 4095
_SIZES: Final = {1: 0, 2: 1, 4: 2, 8: 3}
_OPERATORS: Final = {
    "+": 0x8B000000,
    "-": 0xCB000000,
    "&": 0x8A000000,
    "|": 0xAA000000,
    "^": 0xCA000000,
}


class Assembler(Code):
    """Emits instructions at the end of the code."""

    jump_size = 4

    def fill(self, at: int, distance: int, kind: int) -> None:
        """A distance in words, or in bytes for adr, into the instruction at `at`."""
        word = int.from_bytes(self.bytes[at : at + 4], "little")
        limit = 1 << (kind - 1) + (0 if kind == _ADR else 2)
        if not -limit <= distance < limit:
            raise ValueError(f"a label lies too far away: {distance} bytes")
        if kind == _ADR:
            word |= (distance & 3) << 29 | (distance >> 2 & 0x7FFFF) << 5
        elif kind == _B:
            word |= distance >> 2 & 0x3FFFFFF
        else:
            word |= (distance >> 2 & 0x7FFFF) << 5
        self.bytes[at : at + 4] = word.to_bytes(4, "little")

    def _put(self, word: int) -> None:
        self.bytes += word.to_bytes(4, "little")

    def set(self, register: int, value: int) -> None:
        """A constant, cut to 64 bits: of its four halves those that have to be said."""
        value &= (1 << 64) - 1
        halves = [value >> 16 * each & 0xFFFF for each in range(4)]
        usual = 0xFFFF if halves.count(0xFFFF) > halves.count(0) else 0
        said = [each for each in range(4) if halves[each] != usual] or [0]
        for turn, each in enumerate(said):
            half = halves[each]
            form = 0xF2800000 if turn else 0xD2800000 if not usual else 0x92800000
            self._put(
                form | each << 21 | (half if turn or not usual else half ^ 0xFFFF) << 5 | register
            )

    def set_briefly(self, register: int, value: int) -> None:
        """The same."""
        self.set(register, value)

    def address(self, register: int, address: int) -> None:
        """A fixed virtual address."""
        self.set(register, address)

    def near(self, register: int, label: Label) -> None:
        """The address of a label less than 1 MiB away, wherever the code lies."""
        self.refer(len(self.bytes), label, _ADR)
        self._put(0x10000000 | register)

    def _memory(
        self, form: int, scaled: int, register: int, base: int, offset: int, size: int
    ) -> None:
        """With an unsigned scaled offset, a small signed one, or one in a register."""
        if 0 <= offset < size << 12 and offset % size == 0:
            self._put(scaled | offset // size << 10 | base << 5 | register)
        elif -256 <= offset < 256:
            self._put(form | (offset & 0x1FF) << 12 | base << 5 | register)
        else:
            self.set(_OTHER, offset)
            self._put(form | 0x00206800 | _OTHER << 16 | base << 5 | register)

    def load(self, register: int, base: int, offset: int, size: int) -> None:
        """From [base + offset]; 4 bytes sign-extended, fewer zero-extended."""
        form = _SIZES[size] << 30 | (0x38800000 if size == 4 else 0x38400000)
        self._memory(form, form | 0x01000000, register, base, offset, size)

    def load_at(self, register: int, address: int, size: int) -> None:
        """From a fixed address."""
        self.set(_OTHER, address)
        self.load(register, _OTHER, 0, size)

    def store(self, register: int, base: int, offset: int, size: int) -> None:
        """To [base + offset]."""
        form = _SIZES[size] << 30 | 0x38000000
        self._memory(form, form | 0x01000000, register, base, offset, size)

    def store_at(self, register: int, address: int, size: int) -> None:
        """To a fixed address."""
        self.set(_OTHER, address)
        self.store(register, _OTHER, 0, size)

    def store_constant(self, base: int, offset: int, value: int, size: int) -> None:
        """The low bytes of a constant to [base + offset]."""
        if value:
            self.set(_THIRD, value)
        self.store(_THIRD if value else _ZERO, base, offset, size)

    def note(self, offset: int, value: int) -> None:
        """A number below 2³¹ into the 4 bytes at [page + offset]."""
        self.set(SCRATCH, value)
        self.store(SCRATCH, PAGE, offset, 4)

    def move(self, target: int, source: int) -> None:
        """A register's value into another."""
        if STACK in (target, source):
            self._put(0x91000000 | source << 5 | target)
        elif target != source:
            self._put(0xAA0003E0 | source << 16 | target)

    def offset(self, target: int, base: int, value: int) -> None:
        """`target` = `base` + a constant that fits in 32 bits, signed."""
        if -4096 < value < 4096:
            form = 0x91000000 if value >= 0 else 0xD1000000
            self._put(form | abs(value) << 10 | base << 5 | target)
        else:
            self.move(target, base)
            self.operate_by("+", target, value)

    def syscall(self) -> None:
        """The arguments and the number are in their registers."""
        self._put(0xD4000001)

    def operate(self, operator: str, target: int, source: int) -> None:
        """`target` = `target` operator `source`: + - & | ^ *."""
        if operator == "*":
            self._put(0x9B007C00 | source << 16 | target << 5 | target)
        else:
            self._put(_OPERATORS[operator] | source << 16 | target << 5 | target)

    def operate_memory(self, operator: str, target: int, base: int, offset: int) -> None:
        """The same with 8 bytes at [base + offset] on the right."""
        self.load(_OTHER, base, offset, 8)
        self.operate(operator, target, _OTHER)

    def operate_by(self, operator: str, target: int, value: int) -> None:
        """The same with a constant that fits in 32 bits, signed; also << and >> (arithmetic)."""
        if operator == "<<":
            self._put(
                0xD3400000 | (-value & 63) << 16 | (63 - (value & 63)) << 10 | target << 5 | target
            )
        elif operator == ">>":
            self._put(0x9340FC00 | (value & 63) << 16 | target << 5 | target)
        elif operator in "+-" and -4096 < value < 4096:
            adds = (operator == "+") == (value >= 0)
            self._put(
                (0x91000000 if adds else 0xD1000000) | abs(value) << 10 | target << 5 | target
            )
        else:
            self.set(_OTHER, value)
            self.operate(operator, target, _OTHER)

    def shift(self, operator: str, target: int) -> None:
        """`target` << or >> by the low 6 bits of x1."""
        form = 0x9AC02000 if operator == "<<" else 0x9AC02800
        self._put(form | 1 << 16 | target << 5 | target)

    def divide(self, operator: str, source: int) -> None:
        """x0 // or % `source`, into x0, both not negative."""
        self._put(0x9AC00800 | source << 16 | _OTHER)  # udiv
        if operator == "%":
            self._put(0x9B008000 | source << 16 | _OTHER << 5)  # msub x0, _OTHER, source, x0
        else:
            self.move(RESULT, _OTHER)

    def compare(self, first: int, second: int) -> None:
        """Two registers, for `branch`."""
        self._put(0xEB000000 | second << 16 | first << 5 | _ZERO)

    def compare_to(self, first: int, value: int) -> None:
        """A register and a constant that fits in 32 bits, signed."""
        if -4096 < value < 4096:
            form = 0xF1000000 if value >= 0 else 0xB1000000
            self._put(form | abs(value) << 10 | first << 5 | _ZERO)
        else:
            self.set(_OTHER, value)
            self.compare(first, _OTHER)

    def compare_memory_to(self, base: int, offset: int, value: int, size: int) -> None:
        """What `load` would get and a constant of 32 bits, signed; of 1 byte only whether equal."""
        self.load(SCRATCH, base, offset, size)
        self.compare_to(SCRATCH, value)

    def branch(self, condition: str, label: Label) -> None:
        """Go to `label`, less than 1 MiB away, where the last comparison says so."""
        self.refer(len(self.bytes), label, _CONDITIONAL)
        self._put(0x54000000 | _CONDITIONS[condition])

    def branch_far(self, condition: str, label: Label) -> None:
        """The same, however far away the label is."""
        beyond = self.label()
        self.branch(_OPPOSITE[condition], beyond)
        self.jump(label)
        self.place(beyond)

    def truth(self, condition: str, register: int) -> None:
        """1 or 0, as the last comparison says."""
        self._put(0x9A9F07E0 | (_CONDITIONS[condition] ^ 1) << 12 | register)

    def branch_if_failed(self, label: Label) -> None:
        """Where `RESULT` is a negative errno."""
        self.compare_to(RESULT, -_MOST_ERRNO)
        self.branch_far("above or equal", label)

    def jump(self, label: Label) -> None:
        """Always; 128 MiB at most."""
        self.refer(len(self.bytes), label, _B)
        self._put(0x14000000)

    def jump_by(self, register: int) -> None:
        """To the address in a register."""
        self._put(0xD61F0000 | register << 5)

    def call(self, label: Label) -> None:
        """A function; it returns behind this."""
        self.refer(len(self.bytes), label, _B)
        self._put(0x94000000)

    def call_at(self, address: int) -> None:
        """A function at a fixed address."""
        self.refer(len(self.bytes), Label(address - self.origin), _B)
        self._put(0x94000000)

    def call_by(self, register: int) -> None:
        """A function whose address is in a register."""
        self._put(0xD63F0000 | register << 5)

    def push(self, register: int) -> None:
        """Onto the stack: 16 bytes of it."""
        self._put(0xF81F0FE0 | register)

    def pop(self, register: int) -> None:
        """From the stack."""
        self._put(0xF84107E0 | register)

    def enter(self, size: int, kept: tuple[int, ...] = (), calls: bool = True) -> None:
        """A function begins: `kept` is saved, and `size` bytes, a multiple of 16, lie below [FRAME].

        Where nothing is to be saved, it just begins.
        """
        if not (size or kept or calls):
            return
        saved = _saved(kept)
        self._put(0xA9800000 | (-len(saved) & 0x7F) << 15 | LINK << 10 | STACK << 5 | FRAME)
        for at in range(2, len(saved), 2):
            self._put(0xA9000000 | at << 15 | saved[at + 1] << 10 | STACK << 5 | saved[at])
        if size:
            self.move(FRAME, STACK)
        while size:
            part = min(size, 4080)
            self._put(0xD1000000 | part << 10 | STACK << 5 | STACK)
            size -= part

    def leave(self, size: int, kept: tuple[int, ...] = (), calls: bool = True) -> None:
        """It returns, with the same arguments as `enter`."""
        if size or kept or calls:
            saved = _saved(kept)
            if size:
                self.move(STACK, FRAME)
            for at in range(2, len(saved), 2):
                self._put(0xA9400000 | at << 15 | saved[at + 1] << 10 | STACK << 5 | saved[at])
            self._put(0xA8C00000 | len(saved) << 15 | LINK << 10 | STACK << 5 | FRAME)
        self._put(0xD65F03C0)


def _saved(kept: tuple[int, ...]) -> tuple[int, ...]:
    """What a function saves, in pairs; the odd one beside nothing."""
    return (FRAME, LINK, *kept, *((_ZERO,) if len(kept) % 2 else ()))
