"""The data segment of a program while it grows: cells of slots, texts, structures.

In the order of their first use: a 4-byte cell a slot, texts (ending in NUL), structures. What the
kernel only reads is there once; what it may write has its own bytes, but for structures that it writes
whole wherever it succeeds: they are looked at before the next call, so one is enough. Less memory
that is written is fewer page faults in each process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toyspec.kernel.flags import value
from toyspec.kernel.structs import STRUCTS
from toyspec.plan.step import Bpf, Data, Fd, Flags, Int, Struct
from toyspec.program.program import NO_DESCRIPTOR, NO_PROCESS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toyspec.spec.model import Text, Variable

AT_FDCWD: Final = -100
_CMSGHDR: Final = 16  # bytes of a cmsghdr
_SOL_SOCKET: Final = 1
_SCM_RIGHTS: Final = 1
PID: Final = "pid:"
_WRITTEN_WHOLE: Final = frozenset({"statx", "statfs"})


class UnfitError(Exception):
    """Why something cannot become bytes or numbers."""


def encode(text: str) -> bytes:
    """The bytes of `text`; UnfitError where it has none (a surrogate that stands for no byte)."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise UnfitError(f"{text!r} has no bytes: {error.reason}") from None


def terminated(content: bytes) -> bytes:
    """`content`, which ends at its first NUL for the kernel; UnfitError where it holds one."""
    if b"\0" in content:
        raise UnfitError(f"{content!r} holds a NUL byte, where the kernel would stop reading")
    return content


def integer(number: int, size: int) -> bytes:
    """`number` in `size` bytes; UnfitError where it does not fit."""
    try:
        return number.to_bytes(size, "little", signed=number < 0)
    except OverflowError:
        raise UnfitError(f"{number} does not fit in {size} bytes") from None


class Segment:
    """The data so far, and where in it each thing already is."""

    def __init__(self, arch: str, variables: Mapping[str, str] | None) -> None:
        self.arch = arch
        self.variables = variables
        self.data = bytearray()
        self.pointers: list[tuple[int, int]] = []
        self.slots: dict[str, int] = {}
        self.decimals: dict[str, int] = {}
        self.late: list[tuple[int, Text]] = []
        self._late_texts: dict[int, Text] = {}
        self._texts: dict[bytes, int] = {}
        self._constants: dict[tuple[bytes, str], int] = {}
        self._pointing: dict[tuple[int, ...], int] = {}
        self._open: dict[Struct, int] = {}

    def place(self, content: bytes | bytearray, align: int = 8) -> int:
        """New bytes of their own; returns their offset."""
        data = self.data
        if len(data) % align:
            data += bytes(-len(data) % align)
        offset = len(data)
        data += content
        return offset

    def text(self, content: bytes) -> int:
        """A text, with its NUL, once however often it is used."""
        offset = self._texts.get(content)
        if offset is None:
            offset = self._texts[content] = len(self.data)
            self.data += content
            self.data.append(0)
        return offset

    def constant(self, content: bytes, written: str = "") -> int:
        """A structure that the kernel only reads, once however often it is used; or one that is `written`."""
        key = content, written
        offset = self._constants.get(key)
        if offset is None:
            offset = self._constants[key] = self.place(content)
        return offset

    def decimal(self, slot: str) -> int:
        """Where the decimal text of what a slot holds comes to stand, with its NUL."""
        offset = self.decimals.get(slot)
        if offset is None:
            empty = b"%d\0" % NO_PROCESS  # as long as the longest
            offset = self.decimals[slot] = self.place(empty)
        return offset

    def entry(self, text: Text) -> bytes | Text:
        """The bytes of an environment's entry, or itself where it is known only when it runs."""
        if self.variables is None and not all(isinstance(part, str) for part in text):
            return text
        return self.encode(text)

    def texts(self, contents: Sequence[bytes | str | Text]) -> int:
        """An array of pointers to texts, ended by a null pointer. A string names a slot, whose
        decimal text is meant.
        """
        targets = tuple([self._target(each) for each in contents])
        offset = self._pointing.get(targets)
        if offset is None:
            offset = self._pointing[targets] = self.place(bytes(8 * len(targets) + 8))
            for index, target in enumerate(targets):
                self.pointers.append((offset + 8 * index, target))
                if target in self._late_texts:
                    self.late.append((offset + 8 * index, self._late_texts[target]))
        return offset

    def _target(self, content: bytes | str | Text) -> int:
        if isinstance(content, bytes):
            return self.text(terminated(content))
        if isinstance(content, str):
            return self.decimal(content)
        for offset, text in self._late_texts.items():
            if text == content:
                return offset
        offset = self.place(b"", 1)
        self.data.append(0)  # until it runs, nothing
        self._late_texts[offset] = content
        return offset

    def cell(self, slot: str) -> int:
        """The slot's 4 bytes, made where they are first asked for."""
        offset = self.slots.get(slot)
        if offset is None:
            empty = NO_PROCESS if slot.startswith(PID) else NO_DESCRIPTOR
            offset = self.slots[slot] = self.place(empty.to_bytes(4, "little", signed=True), 4)
        return offset

    def encode(self, text: Text) -> bytes:
        """The bytes of a text, its variables replaced; UnfitError where one is not set."""
        return encode(
            "".join([part if isinstance(part, str) else self._value(part) for part in text])
        )

    def _value(self, variable: Variable) -> str:
        if self.variables is None:
            raise UnfitError(f"the variable {variable.name} is not known before it runs")
        found = self.variables.get(variable.name)
        if found is None:
            raise UnfitError(f"the variable {variable.name} is not set")
        return found

    def struct(self, given: Struct, writable: bool) -> int:
        """The offset of a structure; its size is `size`'s. KeyError where a name is unknown."""
        if given.name == "int[2]":
            return self._pipe(given)
        if given.name == "sock_fprog":
            return self._filter(given)
        if given in self._open:
            return self._open[given]
        content = self._filled(given)
        if writable and (given.name not in _WRITTEN_WHOLE or given.fields):
            return self.place(content)
        return self.constant(bytes(content), given.name if writable else "")

    def reserve(self, given: Struct) -> None:
        """Make the slots that a structure's fields name cells inside of it: before they are used.

        UnfitError where such a slot is a cell elsewhere already.
        """
        open_ = [(n, f.slot) for n, f in given.fields if isinstance(f, Fd) and _is_slot(f)]
        if not open_ or given in self._open or given.name == "int[2]":
            return
        if given.name == "msghdr":
            self._open[given] = self._message(given)
            return
        fixed = tuple((n, f) for n, f in given.fields if not (isinstance(f, Fd) and _is_slot(f)))
        at = self._open[given] = self.place(self._filled(Struct(given.name, fixed)))
        layout = {field[0]: field for field in STRUCTS[given.name][1]}
        for name, slot in open_:
            assert isinstance(slot, str)
            _, offset, width, kind = layout[name]
            if kind != "fd" or width != 4:  # a cell has four bytes
                raise UnfitError(f"{given.name}.{name} needs a number that is known beforehand")
            if slot in self.slots:
                raise UnfitError(f"{given.name}.{name}: {slot} is kept in another structure")
            self.slots[slot] = at + offset
            self.data[at + offset : at + offset + 4] = integer(NO_DESCRIPTOR, 4)

    def _filled(self, given: Struct) -> bytearray:
        content = bytearray(size(given))
        layout = {field[0]: field for field in STRUCTS[given.name][1]}
        for name, field in given.fields:
            _, offset, width, kind = layout[name]
            if kind == "size":
                continue
            if kind == "capabilities":
                low, high = self._mask(field)
                content[offset : offset + 4] = low
                content[offset + 12 : offset + 16] = high
            elif isinstance(field, Data):
                text = terminated(self.encode(field.text))
                if kind != "text" or len(text) >= width:
                    raise UnfitError(f"{given.name}.{name} cannot hold {text!r}")
                content[offset : offset + len(text)] = text
            else:
                number = self._number(field, kind)
                if number is None:
                    raise UnfitError(f"{given.name}.{name} needs a number that is known beforehand")
                content[offset : offset + width] = integer(number, width)
        return content

    def _mask(self, field: object) -> tuple[bytes, bytes]:
        """The two halves of a mask of capabilities."""
        if not isinstance(field, Flags):
            raise UnfitError("capabilities are given by name")
        mask = integer(value("capability", field.names, self.arch), 8)
        return mask[:4], mask[4:]

    def _number(self, field: object, kind: str) -> int | None:
        if isinstance(field, Int):
            return field.value
        if isinstance(field, Flags):
            known = kind.removeprefix("flags:")
            if known == kind != "mode":
                raise UnfitError(f"names where {kind} belongs")
            return value(known, field.names, self.arch)
        if isinstance(field, Fd):
            return AT_FDCWD if field.slot == "AT_FDCWD" else _known(field.slot)
        return None

    def _pipe(self, given: Struct) -> int:
        """Two cells side by side, which pipe2 fills."""
        ends = dict(given.fields)
        read, write = ends.get("read"), ends.get("write")
        if not (isinstance(read, Fd) and isinstance(write, Fd)):
            raise UnfitError("int[2] needs the slots read and write")
        if not (isinstance(read.slot, str) and isinstance(write.slot, str)):
            raise UnfitError("int[2] fills slots, not numbers")
        first = self.slots.get(read.slot)
        if first is None and write.slot not in self.slots and read.slot != write.slot:
            first = self.place(integer(NO_DESCRIPTOR, 4) * 2, 4)
            self.slots[read.slot], self.slots[write.slot] = first, first + 4
        if first is None or self.slots.get(write.slot) != first + 4:
            raise UnfitError(f"the slots {read.slot} and {write.slot} cannot lie side by side")
        return first

    def _message(self, given: Struct) -> int:
        """A msghdr, its text, and its control message, in which the slots' cells are (cmsg(3))."""
        layout = {field[0]: field for field in STRUCTS["msghdr"][1]}
        text = dict(given.fields).get("msg_iov")
        if not isinstance(text, Data):
            raise UnfitError("msghdr.msg_iov is no text")
        content = self.encode(text.text)
        slots = [field.slot for name, field in given.fields if isinstance(field, Fd)]
        length = _CMSGHDR + 4 * len(slots)
        control = self.place(integer(length, 8) + integer(_SOL_SOCKET, 4) + integer(_SCM_RIGHTS, 4))
        self.data += integer(NO_DESCRIPTOR, 4) * len(slots)
        for name, field in given.fields:
            if not isinstance(field, Fd):
                continue
            if not isinstance(field.slot, str) or field.slot in self.slots:
                raise UnfitError(f"msghdr.{name}: {field.slot} is no slot of its own")
            self.slots[field.slot] = control + layout[name][1]
        vector = self.place(bytes(8) + integer(len(content), 8))
        self.pointers.append((vector, self.text(content)))
        head = self.place(bytes(24) + integer(1, 8) + bytes(8) + integer(length, 8) + bytes(8))
        self.pointers += [(head + layout["msg_iov"][1], vector), (head + 32, control)]
        return head

    def _filter(self, given: Struct) -> int:
        """A classic BPF program, and the `sock_fprog` that points to it."""
        bpf = dict(given.fields).get("filter")
        if not isinstance(bpf, Bpf):
            raise UnfitError("sock_fprog needs a filter")
        code = b"".join(
            [
                integer(code, 2) + integer(jt, 1) + integer(jf, 1) + integer(k, 4)
                for code, jt, jf, k in bpf.instructions
            ]
        )
        target = self.constant(code)
        key = (len(bpf.instructions), -1, target)
        offset = self._pointing.get(key)
        if offset is None:
            head = integer(len(bpf.instructions), 2) + bytes(14)
            offset = self._pointing[key] = self.place(head)
            self.pointers.append((offset + 8, target))
        return offset


def size(given: Struct) -> int:
    """How many bytes the structure has; KeyError where it is unknown."""
    for name, field in given.fields:
        if name == "size" and isinstance(field, Int) and given.name == "char[]":
            return field.value
    return STRUCTS[given.name][0]


def _is_slot(field: Fd) -> bool:
    return isinstance(field.slot, str) and field.slot != "AT_FDCWD"


def _known(slot: str | int) -> int | None:
    return slot if isinstance(slot, int) else None
