"""The data of a compiled box while it grows: programs' data, records, and texts that are seldom read.

What the resident code may write lies in `Data`, at addresses known from the start; texts and tables
lie packed in `Cold`: there a place is an offset into what that unpacks to.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from toyspec.emit.resident import record
from toyspec.kernel.errnos import TEXTS
from toyspec.kernel.flags import flags
from toyspec.plan.step import INSIDE, Environment, Strings
from toyspec.plan.traits import (
    dies_with_caller,
    go_step,
    is_pid_1,
    reaps,
    runs_command,
    stop_number,
)
from toyspec.program.program import ADDRESS
from toyspec.start.places import login_directory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toyspec.emit.compiled import Baked, Variant
    from toyspec.plan.step import Plan
    from toyspec.program.program import Instruction, Program
    from toyspec.spec.model import Text

_SLOTS: Final = {
    "pid:setup": record.SETUP, "pid:init": record.INIT, "exec.read": record.EXEC_READ,
    "exec.write": record.EXEC_WRITE, "go.write": record.GO_WRITE, "life.read": record.LIFE_READ,
}  # fmt: skip
_DETACHED: Final = {
    "out.read": record.OUT_READ, "err.read": record.ERR_READ, "err.write": record.SAYS,
}  # fmt: skip


_PLANNED: Final = {"missing": record.WATCH_MISSING, "symlink": record.WATCH_SYMLINK}


class Watch(NamedTuple):
    """One watched path: as the kernel gets it, and how people read its directory and its name."""

    path: str
    directory: str
    name: str
    planned: str = ""


def _encoded(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


class Cold:
    """Texts, each once, and tables of their offsets. Offset 0 is no text."""

    def __init__(self) -> None:
        self.bytes = bytearray(8)
        self._texts: dict[bytes, int] = {b"": 0}

    def text(self, text: str | bytes) -> int:
        """The offset of a text with its NUL."""
        content = _encoded(text)
        found = self._texts.get(content)
        if found is None:
            found = self._texts[content] = len(self.bytes)
            self.bytes += content + b"\0"
        return found

    def table(self, offsets: Sequence[int]) -> int:
        """Numbers of 4 bytes each."""
        return self.raw(struct.pack(f"<{len(offsets)}I", *offsets))

    def raw(self, content: bytes) -> int:
        """Bytes as they are."""
        self.bytes += bytes(-len(self.bytes) % 8)
        at = len(self.bytes)
        self.bytes += content
        return at

    def packed(self) -> bytes:
        """All of it, by raw deflate."""
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(bytes(self.bytes)) + packer.flush()


class Data:
    """Writable memory from `address` on."""

    def __init__(self, address: int) -> None:
        self.address = address
        self.bytes = bytearray()

    def record(self, size: int) -> int:
        """So many zeros; returns their address."""
        self.bytes += bytes(-(self.address + len(self.bytes)) % 16)
        at = self.address + len(self.bytes)
        self.bytes += bytes(size)
        return at

    def text(self, text: str) -> int:
        """A text with its NUL; returns its address."""
        at = self.address + len(self.bytes)
        self.bytes += _encoded(text) + b"\0"
        return at

    def program(self, program: Program) -> int:
        """A program's data, its pointers filled in; returns its address."""
        at = self.record(len(program.data))
        begin = at - self.address
        self.bytes[begin : begin + len(program.data)] = program.data
        for offset, target in program.pointers:
            self.set(at + offset, at + target)
        return at

    def set(self, address: int, number: int) -> None:
        """Eight bytes."""
        at = address - self.address
        self.bytes[at : at + 8] = (number & (1 << 64) - 1).to_bytes(8, "little")


def write_file(records: Data, at: int, baked: Baked, *, seals: bool, sweeps: bool) -> None:
    """The file record, but for its variants."""
    records.set(at + record.UID, baked.uid)
    records.set(at + record.GID, baked.gid)
    records.set(at + record.NAME, records.text(baked.name))
    records.set(at + record.REPLACES, int(baked.replaces))
    records.set(at + record.AS_FILE, int(baked.as_file))
    records.set(at + record.SEALS, int(seals))
    records.set(at + record.SWEEPS, int(sweeps))


def write_home(records: Data, data: Data, at: int, baked: Baked) -> None:
    """The home that HOME must name when the file starts."""
    if baked.home is not None:
        records.set(at + record.HOME, data.text(baked.home))
        records.set(at + record.HOME_UNSET, int(baked.home_unset))


def write_places(records: Data, data: Data, at: int, baked: Baked) -> None:
    """The variables that say where toyspec's own directories are. Where XDG_RUNTIME_DIR is what a login
    gives, that is covered without it as well.
    """
    table = data.record(record.PLACE_SIZE * len(baked.places))
    records.set(at + record.PLACES, table)
    records.set(at + record.PLACE_COUNT, len(baked.places))
    for index, (name, value) in enumerate(baked.places):
        entry = table + index * record.PLACE_SIZE
        data.set(entry + record.PLACE_NAME, data.text(name))
        said = f"{name} is not set"
        if value is not None and value.startswith("/"):
            said = f"{name} is {value}"
            data.set(entry + record.PLACE_VALUE, data.text(value))
        data.set(entry + record.PLACE_UNSET, int(value == login_directory(baked.uid)))
        data.set(entry + record.PLACE_SAID, data.text(said))


def write_own_place(records: Data, data: Data, at: int, baked: Baked) -> None:
    """Where the file has to lie, or must not."""
    if baked.place is not None:
        records.set(at + record.OWN_PLACE, data.text(baked.place))
    table = data.record(8 * len(baked.writable) + 8)
    records.set(at + record.WRITABLE, table)
    for index, path in enumerate(baked.writable):
        data.set(table + 8 * index, data.text(path.rstrip("/")))


def write_box(
    records: Data, data: Data, cold: Cold, at: int, program_at: int, variant: Variant, page: int
) -> None:
    """A box record, but for its code. What only the building needs goes to `data`."""
    plan, program = variant.plan, variant.program
    for slot, field in _SLOTS.items():
        records.set(at + field, program_at + program.slots[slot])
    for slot, field in _DETACHED.items():
        if slot in program.slots:
            records.set(at + field, program_at + program.slots[slot])
    execs = _execs(program)
    paths = data.record(8 * len(execs))
    for index, instruction in enumerate(execs):
        data.set(paths + 8 * index, program_at + _address(instruction, 0))
    for field, number in (
        (record.PAGE_SIZE, page),
        (record.GO_STEP, go_step(plan).id),
        (record.EXEC_STEP, execs[0].step),
        (record.STEPS, len(plan.steps)),
        (record.EXECS, paths),
        (
            record.TERMINAL,
            program_at + program.slots["terminal.read"] if plan.exposure.terminal else 0,
        ),
        (record.REBOOTS, int(is_pid_1(plan))),
        (record.REAPS, int(reaps(plan))),
        (record.GRACE, plan.stopping.grace),
        (record.STOP_SIGNAL, stop_number(plan)),
        (record.DIES, int(dies_with_caller(plan))),
        (record.ENVIRONMENT, program_at + _address(execs[0], 2)),
    ):
        records.set(at + field, number)
    table = _late(data, program_at, program.late, variant.wanted)
    records.set(at + record.LATE, table)
    records.set(at + record.LATES, len(program.late))
    _write_texts(records, cold, at, plan, variant)


def write_argv(records: Data, at: int, plan: Plan) -> None:
    """The spec's own command, as if it were given when it runs, where only then its PATH is known."""
    argv = _searched_late(plan)
    if argv:
        table = records.record(8 * len(argv) + 8)
        records.set(at + record.ARGV, table)
        for index, word in enumerate(argv):
            records.set(table + 8 * index, records.text(word))


def _searched_late(plan: Plan) -> tuple[str, ...]:
    """Init's argv where a variable says in which PATH it is searched: the plan's own steps knew its
    value. Else nothing.
    """
    step = next(each for each in plan.steps if runs_command(each))
    named = {argument.name: argument.value for argument in step.args}
    argv, environment = named["argv"], named["envp"]
    assert isinstance(argv, Strings)
    assert isinstance(environment, Environment)
    paths = [text for name, text in environment.entries if name == "PATH"]
    words = tuple(str(word) for word in argv.values)
    late = any(not isinstance(part, str) for text in paths for part in text)
    return words if late and "/" not in words[0] else ()


def _execs(program: Program) -> list[Instruction]:
    role = next(each for each in reversed(INSIDE) if each in program.roles)
    return [each for each in program.roles[role] if each.call == "execve"]


def _address(instruction: Instruction, index: int) -> int:
    kind, offset = instruction.operands[index]
    assert kind == ADDRESS  # a path, an argv, an envp are data
    return offset


def write_watched(data: Data, watches: Mapping[int, Sequence[Watch]]) -> None:
    """The tables of what boxes watch, by their addresses. Equal ones are one: only one box runs."""
    tables: dict[tuple[Watch, ...], int] = {}
    for at, watched in watches.items():
        key = tuple(watched)
        if key not in tables:
            tables[key] = _watched(data, key)
        data.set(at + record.WATCHED, tables[key])
        data.set(at + record.WATCHES, len(key))


def _watched(data: Data, watches: tuple[Watch, ...]) -> int:
    """One table; returns its address. A text is there once, however many binds show a directory."""
    table = data.record(record.WATCH_SIZE * len(watches))
    texts: dict[str, int] = {}
    for index, each in enumerate(watches):
        entry = table + index * record.WATCH_SIZE
        for field, text in (
            (record.WATCH_PATH, each.path),
            (record.WATCH_DIRECTORY, each.directory),
            (record.WATCH_NAME, each.name),
        ):
            if text not in texts:
                texts[text] = data.text(text)
            data.set(entry + field, texts[text])
        data.set(entry + record.WATCH_PLANNED, _PLANNED.get(each.planned, 0))
    return table


def _late(
    data: Data, program_at: int, late: Sequence[tuple[int, Text]], wanted: Mapping[str, str]
) -> int:
    """The table of late texts; returns its address."""
    table = data.record(record.LATE_SIZE * len(late))
    for index, (offset, text) in enumerate(late):
        entry = table + index * record.LATE_SIZE
        pieces = _pieces(text)
        words = data.record(record.PIECE_SIZE * len(pieces))
        data.set(entry + record.LATE_ADDRESS, program_at + offset)
        data.set(entry + record.LATE_PIECES, words)
        data.set(entry + record.LATE_COUNT, len(pieces))
        for number, (kind, word) in enumerate(pieces):
            piece = words + number * record.PIECE_SIZE
            data.set(piece + record.PIECE_KIND, kind)
            data.set(piece + record.PIECE_WORD, data.text(word))
            if kind != record.PIECE_TEXT and word in wanted:
                data.set(piece + record.PIECE_WANTED, data.text(wanted[word]))
    return table


def _pieces(text: Text) -> list[tuple[int, str]]:
    first, *rest = [part for part in text if part != ""]
    only = rest[0] if len(rest) == 1 else ""
    if not isinstance(only, str) and first == only.name + "=":
        return [(record.PIECE_ENTRY, only.name)]
    return [
        (record.PIECE_TEXT, part) if isinstance(part, str) else (record.PIECE_VALUE, part.name)
        for part in (first, *rest)
    ]


def _write_texts(data: Data, cold: Cold, at: int, plan: Plan, variant: Variant) -> None:
    """Messages of the steps, errnos, and signals: tables of offsets."""
    offsets: list[int] = []
    for message in variant.messages:
        offsets += [cold.text(part) for part in message]
    offsets += [0] * (record.MESSAGE_SIZE // 4 * len(plan.steps) - len(offsets))
    data.set(at + record.MESSAGES, cold.table(offsets))
    said = variant.unexecuted
    if said is not None:
        data.set(at + record.MISSING, cold.text(said.missing))
        data.set(at + record.SEARCHED, cold.text(said.searched))
        data.set(at + record.PATHS, cold.table([cold.text(path) for path in said.paths]))
    data.set(at + record.PLAN, cold.raw(variant.carried))
    data.set(at + record.PLAN_SIZE, len(variant.carried))
    names = {number: f"{name}, {text}" for number, (name, text) in TEXTS.items()}
    signals = {number: name for name, number in flags("signal", plan.arch).items()}
    for known, table, count in (
        (names, record.ERRNOS, record.ERRNO_COUNT),
        (signals, record.SIGNALS, record.SIGNAL_COUNT),
    ):
        texts = [cold.text(known.get(number, "")) for number in range(max(known) + 1)]
        data.set(at + table, cold.table(texts))
        data.set(at + count, len(texts))
