"""Why execve says ENOENT for a file that is there: its interpreter is not.

Asked inside the box, by the process whose execve failed: nobody else sees the box's tree.
"""

from __future__ import annotations

import os

_ELF = b"\x7fELF"
_PT_INTERP = 3


def missing_interpreter(path: str, errno: int) -> bytes:
    """A sentence about the file at `path`, or nothing; never raises."""
    del errno
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
        if head.startswith(b"#!"):
            return _script(path, head)
        if head.startswith(_ELF):
            return _elf(path, head)
    except OSError:
        return b""
    except (ValueError, IndexError):
        return f"{path} is a damaged ELF file".encode()
    return f"{path} is neither an ELF file nor a script that begins with #!".encode()


def _script(path: str, head: bytes) -> bytes:
    words = head[2:].split(b"\n", 1)[0].split()
    if not words:
        return f"{path} begins with #! but names no interpreter".encode()
    return _named(path, os.fsdecode(words[0].rstrip(b"\r")), words[0].endswith(b"\r"))


def _elf(path: str, head: bytes) -> bytes:
    order = "little" if head[5] == 1 else "big"
    wide = head[4] == 2

    def number(at: int, size: int) -> int:
        return int.from_bytes(head[at : at + size], "little" if order == "little" else "big")

    table, size, count = (
        (number(32, 8), number(54, 2), number(56, 2))
        if wide
        else (number(28, 4), number(42, 2), number(44, 2))
    )
    for index in range(count):
        at = table + index * size
        if number(at, 4) != _PT_INTERP:
            continue
        offset, length = (
            (number(at + 8, 8), number(at + 32, 8))
            if wide
            else (number(at + 4, 4), number(at + 16, 4))
        )
        name = head[offset : offset + length].rstrip(b"\0")
        return _named(path, os.fsdecode(name), False) if name else b""
    machine = number(18, 2)
    return f"{path} is an ELF file for machine {machine} (elf.h, EM_*)".encode()


def _named(path: str, interpreter: str, carriage: bool) -> bytes:
    if carriage:
        return f"{path} has Windows line ends: its #! line names `{interpreter}\\r`".encode()
    if os.path.exists(interpreter):
        return b""
    return f"{path} needs the interpreter {interpreter}, which is not in the box".encode()
