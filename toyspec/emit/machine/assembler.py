"""What both assemblers share: a growing piece of code, labels in it, and places to fill in later.

Equal calls give equal bytes.
"""

from __future__ import annotations

from typing import Final

LINK: Final = 0x7FFFFFFF
"""No virtual address may reach this: addresses are used as positive 32-bit numbers."""


class Label:
    """A place, counted from where the code begins; None until it is known.

    Of a place in the code it is final once that is finished: jumps before it may get shorter.
    """

    __slots__ = ("offset",)

    def __init__(self, offset: int | None = None) -> None:
        self.offset = offset

    @property
    def known(self) -> int:
        """The offset, of a label that has its place."""
        assert self.offset is not None
        return self.offset


class Code:
    """Bytes that begin at the virtual address `origin`, and jumps whose targets come later."""

    jump_size: int  # bytes that `jump` emits

    def __init__(self, origin: int = 0) -> None:
        self.origin = origin
        self.bytes = bytearray()
        self._open: list[tuple[int, Label, int]] = []  # where, to what, of which kind
        self._placed: list[Label] = []

    @property
    def here(self) -> int:
        """The virtual address of the next byte."""
        return self.origin + len(self.bytes)

    def label(self) -> Label:
        """A label that is yet to be placed."""
        return Label()

    def place(self, label: Label, offset: int | None = None) -> None:
        """The label is here, or at an offset in the code so far."""
        if label.offset is not None:
            raise ValueError("a label has one place")
        label.offset = len(self.bytes) if offset is None else offset
        self._placed.append(label)

    def refer(self, at: int, label: Label, kind: int) -> None:
        """The reference at offset `at` leads to `label`; its `kind` is the architecture's own."""
        self._open.append((at, label, kind))

    def drop_jump(self, label: Label) -> None:
        """Take back a jump to `label` that was emitted last: it will be here."""
        if self._open and self._open[-1][:2] == (len(self.bytes) - 4, label):
            self._open.pop()
            del self.bytes[-self.jump_size :]
            for each in self._placed:
                each.offset = min(each.known, len(self.bytes))

    def finish(self) -> bytes:
        """The code, every reference filled in. ValueError where a label was never placed."""
        for at, label, _ in self._open:
            if label.offset is None:
                raise ValueError(f"the jump at {at} leads nowhere")
        self.shorten(self._open, self._placed)
        for at, label, kind in self._open:
            self.fill(at, label.known - at, kind)
        self._open.clear()
        self._placed.clear()
        return bytes(self.bytes)

    def shorten(self, references: list[tuple[int, Label, int]], placed: list[Label]) -> None:
        """Make jumps shorter where the architecture has such, and move what lies behind them."""

    def fill(self, at: int, distance: int, kind: int) -> None:
        """Write a reference over `distance` bytes, counted from `at`."""
        raise NotImplementedError
