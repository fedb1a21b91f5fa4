"""Why the box's command does not run, as seen from inside.

Asked by the process whose execve failed: nobody else sees the box's tree, or is its user. Imports
nothing when it is asked, for Python's own files may not be in the box.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from errno import EACCES, ENOENT, ENOEXEC, ENOTDIR
from typing import Literal

_NOT_THERE = (ENOENT, ENOTDIR)
_DEPTH = 4  # of interpreters that are scripts themselves (BINPRM_MAX_RECURSION in fs/exec.c)
_PT_INTERP = 3
_MACHINES = {
    3: "i386", 8: "mips", 20: "ppc", 21: "ppc64le", 22: "s390x", 40: "arm", 43: "sparc64",
    62: "x86_64", 183: "aarch64", 243: "riscv64", 258: "loongarch64",
}  # fmt: skip  # EM_* (elf.h), as uname(2) names them

Reason = tuple[str, str]
"""A cause and a remedy; either may be empty."""


def why(attempts: Sequence[tuple[str, int]]) -> tuple[int, bytes]:
    """Which of the attempts (path, errno) counts, and its reason, encoded for `reason`.

    The first that found something counts, else the last. Never raises.
    """
    last = len(attempts) - 1
    try:
        for index, (path, errno) in enumerate(attempts):
            if os.path.lexists(path) or index == last:
                found = [each.replace("\n", "\\n") for each in _reason(path, errno)]
                return index, "\n".join(found).encode()
    except Exception:  # noqa: BLE001  # a failure's explanation must not fail
        return last, b""
    return last, b""


def reason(note: str) -> Reason:
    """What `why` encoded."""
    cause, _, remedy = note.partition("\n")
    return cause, remedy


def _reason(path: str, errno: int) -> Reason:
    if errno == EACCES:
        return _denied(path)
    if errno in (*_NOT_THERE, ENOEXEC):
        return _format(path, _DEPTH)
    return "", ""


def _denied(path: str) -> Reason:
    blocked = closed_directory(path)
    if blocked is not None:
        return (
            f"uid {os.geteuid()} may not search the directory {blocked} in the box",
            f"chmod +x {blocked}, or bind what lies below it somewhere else",
        )
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        return f"{path} is a directory", "name the program in it"
    if not stat.S_ISREG(status.st_mode):
        return f"{path} is no regular file", ""
    if not status.st_mode & 0o111:
        return f"{path} is not executable (mode {status.st_mode & 0o7777:04o})", f"chmod +x {path}"
    if os.statvfs(path).f_flag & os.ST_NOEXEC:
        return (
            f"{path} lies on a mount from which nothing may be executed (noexec)",
            "bind it from another filesystem, or name its interpreter as the command",
        )
    if not os.access(path, os.X_OK):
        return f"its owner and mode do not let uid {os.geteuid()} execute {path}", ""
    interpreter = _interpreter(_head(path))
    if interpreter is not None:
        cause, remedy = _denied(interpreter)
        return f"{path} needs the interpreter {interpreter}, and {cause}", remedy
    return "a security module forbids it", ""


def closed_directory(path: str) -> str | None:
    """The outermost directory on the way to `path` that this process may not search."""
    parts = path.strip("/").split("/")[:-1]
    for end in range(len(parts) + 1):
        here = "/" + "/".join(parts[:end])
        if os.path.isdir(here) and not os.access(here, os.X_OK):
            return here
    return None


def _format(path: str, depth: int) -> Reason:
    """Why the kernel does not start a file that is there: it names another that is not."""
    if not os.path.exists(path):
        if os.path.islink(path):
            return f"{path} is a symbolic link to {os.readlink(path)}, which is not in the box", ""
        return "", ""
    head = _head(path)
    if not head:
        return f"{path} is an empty file", ""
    elf = head.startswith(b"\x7fELF")
    if elf:
        machine = int.from_bytes(head[18:20], _order(head))
        ours = os.uname().machine
        theirs = _MACHINES.get(machine, f"machine {machine} of elf.h")
        if theirs != ours and (theirs, ours) != ("i386", "x86_64"):
            return f"{path} is built for {theirs}, and this is {ours}", f"use one built for {ours}"
    elif not head.startswith(b"#!"):
        return (
            f"{path} is neither an ELF program nor a script that begins with #!",
            "give a script its first line, or name its interpreter: [sh, …]",
        )
    interpreter = _interpreter(head)
    if interpreter is None:
        return f"{path} names no interpreter", ""
    if interpreter.endswith("\r"):
        return (
            f"{path} has Windows line ends: its first line names `{interpreter[:-1]}\\r`",
            "convert the file to Unix line ends",
        )
    if not os.path.exists(interpreter):
        kind = "the ELF interpreter" if elf else "the interpreter"
        remedy = "bind what holds it" + (", or use a static program" if elf else "")
        return f"{path} needs {kind} {interpreter}, which is not in the box", remedy
    if depth and not elf:
        return _format(interpreter, depth - 1)
    return "", ""


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(4096)


def _order(head: bytes) -> Literal["little", "big"]:
    return "little" if head[5] == 1 else "big"


def _interpreter(head: bytes) -> str | None:
    """What a script's first line or an ELF program's PT_INTERP names (elf(5), execve(2))."""
    if head.startswith(b"#!"):
        line = head[2:].split(b"\n", 1)[0].strip(b" \t")
        name = line.replace(b"\t", b" ").split(b" ")[0]
        return os.fsdecode(name) if name else None

    def number(at: int, size: int) -> int:
        return int.from_bytes(head[at : at + size], _order(head))

    wide = head[4] == 2
    table, size, count = (
        (number(32, 8), number(54, 2), number(56, 2))
        if wide
        else (number(28, 4), number(42, 2), number(44, 2))
    )
    for index in range(count):
        at = table + index * size
        if number(at, 4) == _PT_INTERP:
            offset = number(at + 8, 8) if wide else number(at + 4, 4)
            length = number(at + 32, 8) if wide else number(at + 16, 4)
            return os.fsdecode(head[offset : offset + length].rstrip(b"\0"))
    return None
