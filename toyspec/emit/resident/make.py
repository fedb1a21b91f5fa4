"""Compiles the resident code: `python -m toyspec.emit.resident.make > toyspec/emit/resident/ready.py`."""

from __future__ import annotations

import binascii
import sys
import zlib
from pathlib import Path

from toyspec.emit.language.compiler import compiled
from toyspec.emit.machine import aarch64, x86_64

_PACKAGE = "toyspec.emit.resident"
_TOOLS = ("__init__", "make", "ready", "words")
ENTRIES = {
    "start": "start", "supervise_monitor": "outcome", "supervise_setup": "relay",
    "supervise_init": "reaper",
    "failed": "failed", "tried": "failed", "execute": "execute", "done": "times",
    "append_number": "memory",
}  # fmt: skip
_HEAD = '''"""The resident code, compiled: made by `make` out of the modules beside this one, not by hand."""

# fmt: off
'''


def sources() -> dict[str, str]:
    """Every module of resident code, by its name."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return {
        f"{_PACKAGE}.{file.stem}": file.read_text() for file in files if file.stem not in _TOOLS
    }


def blobs() -> dict[str, tuple[bytes, dict[str, int]]]:
    """The machine code and the entry points' offsets, by architecture."""
    entries = [(f"{_PACKAGE}.{module}", name) for name, module in ENTRIES.items()]
    return {
        arch: compiled(sources(), entries, machine, arch)
        for arch, machine in (("x86_64", x86_64), ("aarch64", aarch64))
    }


def main() -> None:
    """Write the module to standard output."""
    lines = [_HEAD, "CODE: dict[str, bytes] = {\n"]
    made = blobs()
    for arch, (code, _) in made.items():
        text = binascii.b2a_base64(zlib.compress(code, 9), newline=False).decode()
        lines.append(f'    "{arch}": (\n')
        lines += [f'        b"{text[at : at + 90]}"\n' for at in range(0, len(text), 90)]
        lines.append("    ),\n")
    lines.append(
        '}\n"""zlib, in base 64: what decodes base 85 imports `re`."""\n\nENTRIES: dict[str, dict[str, int]] = {\n'
    )
    for arch, (_, offsets) in made.items():
        lines.append(f'    "{arch}": {{\n')
        lines += [f'        "{name}": {offset},\n' for name, offset in offsets.items()]
        lines.append("    },\n")
    sys.stdout.write("".join([*lines, "}\n"]))


if __name__ == "__main__":
    main()
