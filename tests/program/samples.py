"""Plans written by hand: short ways to make steps, and a small plan of all three roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toyspec.plan.step import (
    Argument,
    Data,
    Environment,
    Exposure,
    Fd,
    Flags,
    Int,
    Length,
    Path,
    Pid,
    Plan,
    Role,
    Step,
    Strings,
    Struct,
    Value,
)
from toyspec.spec.model import Origin, Variable

if TYPE_CHECKING:
    from collections.abc import Iterable

ORIGIN: Final = Origin("init", 7, 3)
EXPOSURE: Final = Exposure((), "none", (), terminal=False, real_root=False, weakened=())


def step(call: str, *args: tuple[str, Value], role: Role = "monitor", **fields: Any) -> Step:
    """A step without its number."""
    given = {"phase": "prepare", "item": "", "why": "", "origin": ORIGIN, **fields}
    return Step(id=0, role=role, call=call, args=tuple(Argument(*arg) for arg in args), **given)


def plan(steps: Iterable[Step], arch: str = "x86_64") -> Plan:
    """A plan of these steps, numbered."""
    from dataclasses import replace

    numbered = tuple(replace(each, id=index) for index, each in enumerate(steps, 1))
    host = (("arch", arch),)
    return Plan("box", "box.yaml", "0" * 64, arch, host, numbered, EXPOSURE, (), ())


def pipe2(name: str, *flags: str, role: Role = "monitor") -> Step:
    ends = (("read", Fd(name + ".read")), ("write", Fd(name + ".write")))
    return step("pipe2", ("pipefd", Struct("int[2]", ends)), ("flags", Flags(flags)), role=role)


def close(fd: str | int, role: Role = "monitor") -> Step:
    return step("close", ("fd", Fd(fd)), role=role)


def write(fd: str | int, *text: str | Variable, role: Role = "monitor", **fields: Any) -> Step:
    args: tuple[tuple[str, Value], ...] = (
        ("fd", Fd(fd)), ("buf", Data(text)), ("count", Length("buf")),
    )  # fmt: skip
    return step("write", *args, role=role, **fields)


def read(fd: str | int, size: int, role: Role = "monitor", **fields: Any) -> Step:
    buffer = Struct("char[]", (("size", Int(size)),))
    args: tuple[tuple[str, Value], ...] = (("fd", Fd(fd)), ("buf", buffer), ("count", Int(size)))
    return step("read", *args, role=role, **fields)


def clone(child: Role, role: Role) -> Step:
    return step("clone", ("flags", Flags(("SIGCHLD",))), role=role, yields=child)


def supervise(child: Role, role: Role, **fds: str) -> Step:
    ends = [(name, Fd(slot)) for name, slot in fds.items()]
    return step("supervise", ("child", Pid(child)), *ends, role=role)


def execve(path: str, *argv: str, **fields: Any) -> Step:
    environment = Environment((("PATH", ("/usr/bin",)), ("TERM", (Variable("TERM"),))))
    args: tuple[tuple[str, Value], ...] = (
        ("path", Path(path)), ("argv", Strings(argv)), ("envp", environment),
    )  # fmt: skip
    return step("execve", *args, role="init", **fields)


def box() -> list[Step]:
    """All three roles: pipes, forks, execve."""
    return [
        pipe2("go", "O_CLOEXEC"),
        pipe2("exec", "O_CLOEXEC"),
        clone("setup", "monitor"),
        close("go.read"),
        supervise("setup", "monitor", exec="exec.read", go="go.write"),
        close("go.write", "setup"),
        clone("init", "setup"),
        supervise("init", "setup"),
        read("go.read", 1, "init"),
        execve("/bin/sh", "sh", tolerates=("ENOENT",)),
        execve("/usr/bin/sh", "sh"),
    ]
