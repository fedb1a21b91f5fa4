"""A plan written by hand: what the views draw where no planner is at hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from toyspec.plan.step import (
    Argument,
    Bpf,
    Data,
    Environment,
    Expect,
    Exposed,
    Exposure,
    Fd,
    Flags,
    Int,
    Length,
    Null,
    Path,
    Phase,
    Pid,
    Plan,
    Role,
    Step,
    Strings,
    Struct,
    Value,
)
from toyspec.spec.model import Origin, Variable

BIND = Origin("binds[0]", 4, 9)
INIT = Origin("init", 6, 7)

FILTER = ((0x20, 0, 0, 0), (0x15, 0, 1, 16), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7FFF0000))
"""ioctl fails with EPERM, on whatever architecture."""


def default(name: str) -> Origin:
    return Origin(name, default=name)


def step(
    phase: Phase,
    role: Role,
    call: str,
    args: dict[str, Value],
    item: str,
    why: str,
    origin: Origin,
    **more: Any,
) -> Step:
    named = tuple(Argument(name, value) for name, value in args.items())
    return Step(0, phase, role, call, named, item, why, origin, **more)


def _steps() -> list[Step]:
    user = default("namespaces")
    text = Data(("0 1000 1\n",))
    how = Struct(
        "open_how", (("flags", Flags(("O_PATH",))), ("resolve", Flags(("RESOLVE_IN_ROOT",))))
    )
    buffer = Struct("char[]", (("size", Int(1)),))
    bind = "bind . at /code, writable"
    reason = "The spec wants the host's . at /code, and the box may write there."
    drop = "no capabilities: all 3 dropped from the bounding set"
    return [
        step("prepare", "monitor", "pipe2",
             {"pipefd": Struct("int[2]", (("read", Fd("go.read")), ("write", Fd("go.write")))),
              "flags": Flags(("O_CLOEXEC",))},
             "pipes between the processes", "Init waits on it until it may start.",
             default("trace")),
        step("prepare", "monitor", "clone",
             {"flags": Flags(("SIGCHLD",)), "stack": Null(), "parent_tid": Null(),
              "child_tid": Null(), "tls": Int(0)},
             "process that builds the box", "It enters the namespaces.", default("setup"),
             yields="setup"),
        step("prepare", "monitor", "supervise",
             {"child": Pid("setup"), "exec": Fd("exec.read"), "go": Fd("go.write")},
             "supervise", "Waits for the box.", default("setup")),
        step("prepare", "setup", "read",
             {"fd": Fd("life.read"), "buf": buffer, "count": Int(1)}, "dies with its parent",
             "The monitor must still live.", default("setup"), expects=Expect(errno="EAGAIN")),
        step("namespaces", "setup", "unshare",
             {"flags": Flags(("CLONE_NEWUSER", "CLONE_NEWNS"))},
             "new user and mount namespaces", "The box is apart from the host.", user),
        step("identity", "setup", "write",
             {"fd": Fd("uid_map"), "buf": text, "count": Length("buf")}, "uid 1000 as itself",
             "One id is mapped.", default("user"), expects=Expect(result="count")),
        step("attach", "setup", "mkdirat",
             {"dirfd": Fd("root"), "path": Path("code"), "mode": Flags(("0755",))}, bind, reason,
             BIND, tolerates=("EEXIST",)),
        step("attach", "setup", "openat2",
             {"dirfd": Fd("root"), "path": Path("code"), "how": how, "size": Int(24)}, bind,
             reason, BIND, yields="bind_1", retries=("EAGAIN", "EINTR")),
        step("attach", "setup", "statx",
             {"dirfd": Fd("bind_1"), "path": Path(""), "flags": Flags(("AT_EMPTY_PATH",)),
              "mask": Flags(("STATX_TYPE",)), "statxbuf": Struct("statx")}, bind, reason, BIND,
             expects=Expect(kind="directory")),
        step("confine", "init", "rt_sigprocmask",
             {"how": Flags(("SIG_SETMASK",)), "set": Struct("sigset_t"), "oldset": Null(),
              "sigsetsize": Int(8)}, "signals as init expects them", "No signal is blocked.",
             default("signals")),
        *(step("confine", "init", "prctl",
               {"option": Flags(("PR_CAPBSET_DROP",)), "arg2": Int(number)}, drop,
               "Nothing that init starts can gain a capability.", default("capabilities"))
          for number in range(3)),
        step("confine", "init", "seccomp",
             {"operation": Flags(("SECCOMP_SET_MODE_FILTER",)), "flags": Flags(()),
              "args": Struct("sock_fprog", (("filter", Bpf(FILTER)),))},
             "no TIOCSTI", "The terminal is the caller's.", default("terminal")),
        step("confine", "init", "read",
             {"fd": Fd("go.read"), "buf": buffer, "count": Int(1)}, "wait for go",
             "The last line of the trace comes first.", default("trace"),
             expects=Expect(result=1)),
        step("exec", "init", "execve",
             {"path": Path("/usr/bin/bash"), "argv": Strings(("bash", "-l")),
              "envp": Environment((("PATH", ("/usr/bin",)), ("TERM", (Variable("TERM"),)),
                                   ("PRICE", ("5$",))))},
             "init: bash -l", "The command of the box.", INIT, tolerates=("ENOENT",)),
    ]  # fmt: skip


def plan(*steps: Step, **changes: Any) -> Plan:
    """The plan of `steps`, numbered from 1; of a small box where there are none."""
    numbered = tuple(replace(one, id=at) for at, one in enumerate(steps or _steps(), 1))
    made = Plan(
        box="dev",
        spec_path="dev.yaml",
        spec_sha256="0" * 64,
        arch="x86_64",
        host=(("kernel", "6.18"),),
        steps=numbered,
        exposure=Exposure(
            writable=(Exposed(".", "/code"),),
            network="none",
            environment=("PATH", "HOME", "TERM"),
            terminal=False,
            real_root=False,
            weakened=(),
        ),
        unresolved=(),
        warnings=(),
    )
    return replace(made, **changes)
