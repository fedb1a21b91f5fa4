"""Makes the front: `toyspec` as pip installs it, a static executable of a few kilobytes."""

from __future__ import annotations

from pathlib import Path

from toyspec.emit import elf
from toyspec.emit.language.compiler import compiled

_PACKAGE = "toyspec.emit"
_SHARED = (
    "again", "clock", "environment", "memory", "process", "record", "refusal", "saying", "sealed",
    "streams", "terminal",
)  # fmt: skip
_TOOLS = ("__init__", "make")


def sources() -> dict[str, str]:
    """Every module that the front is made of, by its name."""
    emit = Path(__file__).parent.parent
    own = [file for file in sorted((emit / "front").glob("*.py")) if file.stem not in _TOOLS]
    files = own + [emit / "resident" / f"{name}.py" for name in _SHARED]
    return {f"{_PACKAGE}.{file.parent.name}.{file.stem}": file.read_text() for file in files}


def front(arch: str) -> bytes:
    """The executable for one of `elf.MACHINES`."""
    machine = elf.MACHINES[arch][1]
    begin = ("toyspec.emit.front.begin", "front")
    code, entries = compiled(sources(), [begin], machine, arch)
    stub = machine.Assembler()
    entry = stub.label()
    stub.move(machine.PARAMETERS[0], machine.STACK)
    stub.call(entry)
    size = len(stub.bytes)
    stub.place(entry, size + entries[begin[1]])
    return elf.program(arch, bytes(stub.finish()) + code, 0)
