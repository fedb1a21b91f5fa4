"""A compiled box: plans as one static executable, for one caller, without anything else beside it.

Its parts: the straight-line code of each variant, the resident code, each variant's data, the
records by which the resident code knows all that, and what is read only when something is said.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final, NamedTuple

from toyspec.emit import elf
from toyspec.emit.records import Cold, Data, Watch, write_box, write_file
from toyspec.emit.resident import record
from toyspec.emit.straight import Resident, Target, emit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toyspec.emit.machine.assembler import Label
    from toyspec.emit.straight import Assembler
    from toyspec.plan.step import Plan
    from toyspec.program.program import Program

VARIANTS: Final = {
    "plain": record.PLAIN, "tty": record.TTY,
    "foreground": record.FOREGROUND, "background": record.BACKGROUND,
}  # fmt: skip
"""When each of the file's plans is the one that runs."""
_PAGE: Final = 4096


class Message(NamedTuple):
    """What is said where a step fails: see `toyspec.emit.resident.record`."""

    place: str
    item: str
    odd: str
    tail: str


class Variant(NamedTuple):
    """One plan, lowered without its variables. `messages` are the steps', or none."""

    plan: Plan
    program: Program
    messages: Sequence[Message] = ()
    watches: Sequence[Watch] = ()


class Baked(NamedTuple):
    """What a file is made for, and checks when it starts. `home` None: nothing depends on it."""

    uid: int
    gid: int
    home: str | None = None
    home_unset: bool = False
    name: str = "toyspec: "
    replaces: bool = False
    timed: bool = False
    carried: bytes = b""  # what `--plan` prints


def compiled(variants: Mapping[str, Variant], baked: Baked) -> bytes:
    """The file. `variants` by the names of VARIANTS; those that are one value are kept once.

    All are for one architecture. ValueError where it would not fit its addresses.
    """
    distinct = list({id(each): each for each in variants.values()}.values())
    arch = distinct[0].program.arch
    _, machine, _ = elf.MACHINES[arch]
    data, cold = Data(elf.data_address()), Cold()
    at_file = data.record(record.FILE_SIZE)
    boxes = {id(each): data.record(record.BOX_SIZE) for each in distinct}
    programs = {id(each): data.program(each.program) for each in distinct}
    page = _page_size(distinct, baked.timed)
    for each in distinct:
        write_box(data, cold, boxes[id(each)], programs[id(each)], each, page)
    write_file(data, cold, at_file, baked)
    for name, each in variants.items():
        data.set(at_file + VARIANTS[name], boxes[id(each)])
    size = data.finish()

    code = machine.Assembler(elf.code_address(arch, size))
    start, resident = _resident_labels(code)
    code.address(machine.PARAMETERS[1], at_file)
    code.move(machine.PARAMETERS[0], machine.STACK)
    code.call(start)
    code.load(machine.PAGE, machine.RESULT, record.PAGE, 8)
    code.load(machine.RESULT, machine.RESULT, record.CODE, 8)
    code.jump_by(machine.RESULT)
    begins = []
    for each in distinct:
        target = Target(
            boxes[id(each)],
            programs[id(each)],
            _exec_step(each.plan),
            baked.replaces,
            baked.timed,
        )
        begins.append(emit(each.program, code, machine, resident, target))
    _place_resident(code, start, resident, arch)
    text = code.finish()
    for each, begin in zip(distinct, begins, strict=True):
        data.set(boxes[id(each)] + record.CODE, code.origin + begin.offset)
    data.relocate_cold(elf.cold_address(arch, size, len(text)))
    return elf.file(arch, code.origin, bytes(data.bytes), text, cold.finish())


def _page_size(variants: Sequence[Variant], timed: bool) -> int:
    """Of the shared page: the cells of the roles, and each step's where times are kept."""
    if not timed:
        return _PAGE
    most = max(len(each.plan.steps) for each in variants)
    return -(-(record.TIMES + 16 * (most + 1)) // _PAGE) * _PAGE


def _exec_step(plan: Plan) -> int:
    """Init's first execve."""
    return next(step.id for step in plan.steps if step.call == "execve" and step.role == "init")


def _resident_labels(code: Assembler) -> tuple[Label, Resident]:
    """Where the resident code begins, and its functions: yet to be placed."""
    return code.label(), Resident(*(code.label() for _ in Resident._fields))


def _place_resident(code: Assembler, start: Label, resident: Resident, arch: str) -> None:
    """The resident code behind the rest."""
    import zlib

    from toyspec.emit.resident.ready import CODE, ENTRIES

    code.bytes += bytes(-len(code.bytes) % 16)
    at = len(code.bytes)
    entries = ENTRIES[arch]
    code.place(start, at + entries["start"])
    for name, label in resident._asdict().items():
        code.place(label, at + entries[name])
    code.bytes += zlib.decompress(base64.b85decode(CODE[arch]))
