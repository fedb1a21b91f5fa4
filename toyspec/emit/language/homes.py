"""Where the locals of a function live: in registers, as far as there are any, else in its frame.

A function that calls nobody keeps them in registers that are nobody's; any other in those that the
functions it calls put back. What is used most goes first.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from toyspec.emit.language.source import QUIET

if TYPE_CHECKING:
    from types import ModuleType

    from toyspec.emit.language.source import Source

_WORTH = 3  # uses that pay for saving a register, where there is a frame anyway


class Homes(NamedTuple):
    """A function's frame."""

    parameters: tuple[str, ...]
    registers: dict[str, int]
    slots: dict[str, int]  # offsets from FRAME
    rooms: dict[ast.AST, int]
    size: int  # bytes of the frame, a multiple of 16
    kept: tuple[int, ...]  # registers that are put back at the end
    calls: bool


def settle(node: ast.FunctionDef, source: Source, machine: ModuleType) -> Homes:
    """Find a home for each local of `node`. LanguageError where a room has no size."""
    parameters = tuple(each.arg for each in node.args.args)
    uses = dict.fromkeys(parameters, 1)
    rooms: list[tuple[ast.AST, int]] = []
    calls = divides = shifts = False
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and (isinstance(each.ctx, ast.Store) or each.id in uses):
            uses[each.id] = uses.get(each.id, 0) + 1
        elif isinstance(each, ast.Call):
            name = source.intrinsic(each)
            if name == "room":
                rooms.append((each, source.size(each)))
            calls = calls or name not in QUIET
        elif isinstance(each, ast.BinOp | ast.AugAssign):
            right = each.right if isinstance(each, ast.BinOp) else each.value
            divides = divides or isinstance(each.op, ast.FloorDiv | ast.Mod)
            if isinstance(each.op, ast.LShift | ast.RShift):
                shifts = shifts or not isinstance(right, ast.Constant)
    unused = {name for name in parameters if uses[name] == 1}
    names = sorted((name for name in uses if name not in unused), key=lambda name: -uses[name])
    if calls:
        registers = _kept(names, uses, machine, framed=bool(rooms))
        kept = tuple(sorted(registers.values()))
    else:
        lost = {machine.COUNT} if shifts else set()
        lost |= set(machine.LOST_BY_DIVISION) if divides else set()
        registers, kept = _free(names, parameters, machine, lost), ()
    slots = {
        name: -8 * (index + 1)
        for index, name in enumerate(name for name in names if name not in registers)
    }
    used = 8 * len(slots)
    places: dict[ast.AST, int] = {}
    for room, size in rooms:
        used = -(-(used + size) // 16) * 16
        places[room] = -used
    return Homes(parameters, registers, slots, places, -(-used // 16) * 16, kept, calls)


def _kept(
    names: list[str], uses: dict[str, int], machine: ModuleType, *, framed: bool
) -> dict[str, int]:
    """Homes in registers that a function puts back."""
    pool = list(machine.KEPT)
    if not framed and len(names) <= len(pool) + len(machine.KEPT_WITHOUT_FRAME):
        return dict(zip([*names], [*machine.KEPT_WITHOUT_FRAME, *pool]))
    return {name: home for name, home in zip(names, pool) if uses[name] >= _WORTH}


def _free(
    names: list[str], parameters: tuple[str, ...], machine: ModuleType, lost: set[int]
) -> dict[str, int]:
    """Homes where nobody is called: a parameter stays where it came, if it can."""
    came = dict(zip(parameters, machine.PARAMETERS))
    usable = [register for register in machine.FREE if register not in lost]
    homes = {name: came[name] for name in names if came.get(name) in usable}
    others = [register for register in usable if register not in came.values()]
    homes.update(zip([name for name in names if name not in homes], others))
    return homes
