"""A compiled box: plans as one static executable, for one caller, without anything else beside it.

Its parts: the straight-line code of each variant, the resident code, each variant's data, the
records by which the resident code knows all that, and what is read only when something is said.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from toyspec.emit import elf
from toyspec.emit.machine.assembler import Label
from toyspec.emit.records import (
    Cold,
    Data,
    Watch,
    write_argv,
    write_box,
    write_file,
    write_home,
    write_own_place,
    write_places,
    write_watched,
)
from toyspec.emit.resident import record
from toyspec.emit.straight import Resident, Target, emit
from toyspec.plan.traits import closes_all, is_seen, runs_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from toyspec.emit.straight import Assembler
    from toyspec.plan.step import Plan
    from toyspec.program.program import Program

VARIANTS: Final = {
    "plain": record.PLAIN, "tty": record.TTY,
    "terminal": record.OWN, "apart": record.APART,
}  # fmt: skip
"""When each of the file's plans is the one that runs."""
_PAGE: Final = 4096


class Message(NamedTuple):
    """What is said where a step fails: see `toyspec.emit.resident.record`."""

    place: str
    item: str
    odd: str
    tail: str


class Unexecuted(NamedTuple):
    """What is said where the command is not executed. `missing`: why the plan's own is not found, and what
    helps. `searched`: in which PATH another one was searched. `paths`: of each of its execve.
    """

    missing: str
    searched: str
    paths: tuple[str, ...]


class Variant(NamedTuple):
    """One plan, lowered without its variables. `messages` are the steps', or none.

    `carried` is what `--plan` prints. `wanted` are variables that may not be empty when it runs, each
    with what is said where one is, or "". `unexecuted` goes with `messages`.
    """

    plan: Plan
    program: Program
    messages: Sequence[Message] = ()
    watches: Sequence[Watch] = ()
    carried: bytes = b""
    wanted: Mapping[str, str] = MappingProxyType({})
    unexecuted: Unexecuted | None = None


class Baked(NamedTuple):
    """What a file is made for, and checks when it starts. `home` None: nothing depends on it.

    `as_file`: it is for people to start. Else toyspec keeps it, and starts it from memory by words of
    its own, one of which has it execute whatever it is told. `places`: variables, and what they said.
    `place`: where the file has to lie. Else: nowhere in what is `writable`.
    """

    uid: int
    gid: int
    home: str | None = None
    home_unset: bool = False
    name: str = "toyspec: "
    replaces: bool = False
    timed: bool = False
    as_file: bool = False
    places: tuple[tuple[str, str | None], ...] = ()
    place: str | None = None
    writable: tuple[str, ...] = ()


def compiled(variants: Mapping[str, Variant], baked: Baked) -> bytes:
    """The file. `variants` by the names of VARIANTS; those that are one value are kept once.

    All are for one architecture. ValueError where it would not fit its addresses.
    """
    distinct = list({id(each): each for each in variants.values()}.values())
    arch = distinct[0].program.arch
    machine = elf.MACHINES[arch][1]
    layout = elf.Layout(arch)

    cold = Cold()
    records = Data(layout.address("records"))
    at_file = records.record(record.FILE_SIZE)
    boxes = [records.record(record.BOX_SIZE) for _ in distinct]
    known = {id(each): at for each, at in zip(distinct, boxes)}
    for name, variant in variants.items():
        records.set(at_file + VARIANTS[name], known[id(variant)])
    write_watched(records, {at: each.watches for at, each in zip(boxes, distinct)})
    for at, each in zip(boxes, distinct):
        write_argv(records, at, each.plan)
    seals = baked.as_file and any(is_seen(each.plan) for each in distinct)
    sweeps = baked.as_file and not all(closes_all(each.plan) for each in distinct)
    write_file(records, at_file, baked, seals=seals, sweeps=sweeps)
    layout.add("records", records.bytes)
    data = Data(layout.address("data"))
    write_home(records, data, at_file, baked)
    write_places(records, data, at_file, baked)
    write_own_place(records, data, at_file, baked)
    programs = [data.program(each.program) for each in distinct]
    for at, each, program_at in zip(boxes, distinct, programs):
        write_box(records, data, cold, at, program_at, each, _page_size(distinct, baked.timed))
    layout.add("data", data.bytes)

    functions = _resident(layout, arch)
    code = machine.Assembler(layout.address("code"))
    labels = {name: Label(at - code.origin) for name, at in functions.items()}
    _begin(code, machine, labels["start"], at_file)
    resident = Resident(*(labels[name] for name in Resident._fields))
    begins = []
    for at, each, program_at in zip(boxes, distinct, programs):
        target = Target(at, program_at, _exec_step(each.plan), baked.replaces, baked.timed)
        begins.append(emit(each.program, code, machine, resident, target))
    layout.add("code", code.finish())
    for at, begin in zip(boxes, begins):
        records.set(at + record.CODE, code.origin + begin.known)
    for part, where, size in (
        ("code", record.CODE_AT, record.CODE_SIZE),
        ("data", record.DATA_AT, record.DATA_SIZE),
    ):
        pages, extent = layout.within(part)
        records.set(at_file + where, pages)
        records.set(at_file + size, extent)
    records.set(at_file + record.COLD, layout.address("cold"))
    records.set(at_file + record.COLD_SIZE, len(cold.bytes))
    layout.add("cold", cold.packed())
    return layout.file(code.origin)


def _begin(code: Assembler, machine: ModuleType, start: Label, at_file: int) -> None:
    """The first instructions: `start` chooses a box, whose code goes on."""
    code.address(machine.PARAMETERS[1], at_file)
    code.move(machine.PARAMETERS[0], machine.STACK)
    code.call(start)
    code.load(machine.PAGE, machine.RESULT, record.PAGE, 8)
    code.load(machine.RESULT, machine.RESULT, record.CODE, 8)
    code.jump_by(machine.RESULT)


def _page_size(variants: Sequence[Variant], timed: bool) -> int:
    """Of the shared page: the cells of the roles, and each step's where times are kept."""
    if not timed:
        return _PAGE
    most = max(len(each.plan.steps) for each in variants)
    return -(-(record.TIMES + 16 * (most + 1)) // _PAGE) * _PAGE


def _exec_step(plan: Plan) -> int:
    """The first execve of the box's command."""
    return next(step.id for step in plan.steps if runs_command(step))


def _resident(layout: elf.Layout, arch: str) -> dict[str, int]:
    """The resident code; returns the addresses of its functions."""
    import binascii
    import zlib

    from toyspec.emit.resident.ready import CODE, ENTRIES

    at = layout.address("resident")
    layout.add("resident", zlib.decompress(binascii.a2b_base64(CODE[arch])))
    return {name: at + offset for name, offset in ENTRIES[arch].items()}
