"""System calls as plan values: one constructor a call, arguments in the kernel's order.

Constructors only name things. What a call is for, who makes it and what may go wrong with it is
said where it is used.
"""

from __future__ import annotations

from toyspec.plan.step import (
    Argument,
    Bpf,
    Data,
    Decimal,
    Environment,
    Fd,
    Flags,
    Int,
    Length,
    Null,
    Path,
    Pid,
    Role,
    Strings,
    Struct,
)
from toyspec.spec.model import Text

Call = tuple[str, tuple[Argument, ...]]
Slot = str | int

CWD = "AT_FDCWD"
IN_ROOT = ("RESOLVE_IN_ROOT", "RESOLVE_NO_MAGICLINKS")
NO_SYMLINKS = ("RESOLVE_NO_SYMLINKS",)
NO_LINKS = ("RESOLVE_IN_ROOT", "RESOLVE_NO_MAGICLINKS", "RESOLVE_NO_SYMLINKS")
SIZEOF_OPEN_HOW = 24
SIZEOF_SIGSET = 8


def call(name: str, *args: tuple[str, object]) -> Call:
    """The call `name` with its arguments, each under the name that the man page gives it."""
    return name, tuple(Argument(key, value) for key, value in args)  # type: ignore[arg-type]


def _zeros(*names: str) -> tuple[tuple[str, Int], ...]:
    return tuple((name, Int(0)) for name in names)


def close(fd: Slot) -> Call:
    """close(2)"""
    return call("close", ("fd", Fd(fd)))


def read(fd: Slot, count: int) -> Call:
    """read(2) into a buffer that nobody looks at."""
    buffer = Struct("char[]", (("size", Int(count)),))
    return call("read", ("fd", Fd(fd)), ("buf", buffer), ("count", Int(count)))


def write(fd: Slot, text: Text) -> Call:
    """write(2) of a whole text."""
    literal = [part for part in text if isinstance(part, str)]
    fixed = len(literal) == len(text)
    count = Int(len("".join(literal).encode("utf-8", "surrogateescape"))) if fixed else None
    return call("write", ("fd", Fd(fd)), ("buf", Data(text)), ("count", count or Length("buf")))


def sendfile(out: Slot, source: Slot, count: int) -> Call:
    """sendfile(2): at most `count` bytes from one descriptor to another, inside the kernel."""
    return call(
        "sendfile",
        ("out_fd", Fd(out)),
        ("in_fd", Fd(source)),
        ("offset", Null()),
        ("count", Int(count)),
    )


def openat(dirfd: Slot, path: str, *flags: str) -> Call:
    """openat(2) of something that exists."""
    return call(
        "openat",
        ("dirfd", Fd(dirfd)),
        ("path", Path(path)),
        ("flags", Flags((*flags, "O_CLOEXEC"))),
        ("mode", Int(0)),
    )


def openat2(
    dirfd: Slot, path: str, *flags: str, resolve: tuple[str, ...] = IN_ROOT, mode: int | None = None
) -> Call:
    """openat2(2): `path` resolved inside `dirfd`, whatever symlinks lie there."""
    how: list[tuple[str, Flags]] = [("flags", Flags((*flags, "O_CLOEXEC")))]
    if mode is not None:
        how.append(("mode", Flags((f"0{mode:03o}",))))
    how.append(("resolve", Flags(resolve)))
    return call(
        "openat2",
        ("dirfd", Fd(dirfd)),
        ("path", Path(path)),
        ("how", Struct("open_how", tuple(how))),
        ("size", Int(SIZEOF_OPEN_HOW)),
    )


def mkdirat(dirfd: Slot, path: str, mode: int) -> Call:
    """mkdirat(2)"""
    return call(
        "mkdirat", ("dirfd", Fd(dirfd)), ("path", Path(path)), ("mode", Flags((f"0{mode:03o}",)))
    )


def mknodat_file(dirfd: Slot, path: str) -> Call:
    """mknodat(2) of an empty regular file: unlike open, it cannot block on a FIFO."""
    mode = Flags(("S_IFREG", "0644"))
    return call(
        "mknodat", ("dirfd", Fd(dirfd)), ("path", Path(path)), ("mode", mode), ("dev", Int(0))
    )


def symlinkat(target: str, dirfd: Slot, path: str) -> Call:
    """symlinkat(2)"""
    return call(
        "symlinkat", ("target", Path(target)), ("newdirfd", Fd(dirfd)), ("linkpath", Path(path))
    )


def fchmod(fd: Slot, mode: int) -> Call:
    """fchmod(2)"""
    return call("fchmod", ("fd", Fd(fd)), ("mode", Flags((f"0{mode:03o}",))))


def chdir(path: str) -> Call:
    """chdir(2)"""
    return call("chdir", ("path", Path(path)))


def fchdir(fd: Slot) -> Call:
    """fchdir(2)"""
    return call("fchdir", ("fd", Fd(fd)))


def getcwd(size: int) -> Call:
    """getcwd(2): the kernel's, which answers `(unreachable)…` outside the root."""
    return call("getcwd", ("buf", Struct("char[]", (("size", Int(size)),))), ("size", Int(size)))


def umask(mask: int) -> Call:
    """umask(2)"""
    return call("umask", ("mask", Flags((f"0{mask:03o}",))))


def statx_type(fd: Slot) -> Call:
    """statx(2) of an open descriptor: its type and, of a device, its numbers."""
    return call(
        "statx",
        ("dirfd", Fd(fd)),
        ("path", Path("")),
        ("flags", Flags(("AT_EMPTY_PATH",))),
        ("mask", Flags(("STATX_TYPE",))),
        ("statxbuf", Struct("statx")),
    )


def statx_inode(fd: Slot) -> Call:
    """statx(2) of an open descriptor: which file it is."""
    return call(
        "statx",
        ("dirfd", Fd(fd)),
        ("path", Path("")),
        ("flags", Flags(("AT_EMPTY_PATH",))),
        ("mask", Flags(("STATX_INO",))),
        ("statxbuf", Struct("statx")),
    )


def fstatfs(fd: Slot) -> Call:
    """fstatfs(2)"""
    return call("fstatfs", ("fd", Fd(fd)), ("buf", Struct("statfs")))


def pipe2(slot: str, *flags: str) -> Call:
    """pipe2(2); its ends are the slots `SLOT.read` and `SLOT.write`."""
    ends = (("read", Fd(f"{slot}.read")), ("write", Fd(f"{slot}.write")))
    return call("pipe2", ("pipefd", Struct("int[2]", ends)), ("flags", Flags(flags)))


def clone(signal: str = "SIGCHLD") -> Call:
    """clone(2) as fork does it; `signal` tells of the child's end, and after its execve SIGCHLD."""
    null = Null()
    return call(
        "clone",
        ("flags", Flags((signal,))),
        ("stack", null),
        ("parent_tid", null),
        ("child_tid", null),
        ("tls", Int(0)),
    )


def supervise(child: Role, **fds: str) -> Call:
    """Not the kernel's: from here on the process waits for `child` and relays to it."""
    return call("supervise", ("child", Pid(child)), *((k, Fd(v)) for k, v in fds.items()))


def unshare(*flags: str) -> Call:
    """unshare(2)"""
    return call("unshare", ("flags", Flags(flags)))


def setns(fd: Slot, kind: str) -> Call:
    """setns(2): into the namespace whose file is open, which must be of that kind."""
    return call("setns", ("fd", Fd(fd)), ("nstype", Flags((kind,))))


def prctl(option: str, arg2: Int | Flags, arg3: Int | Flags | None = None) -> Call:
    """prctl(2)"""
    return call(
        "prctl",
        ("option", Flags((option,))),
        ("arg2", arg2),
        ("arg3", arg3 or Int(0)),
        *_zeros("arg4", "arg5"),
    )


def sigprocmask(*signals: str) -> Call:
    """rt_sigprocmask(2): the mask becomes exactly `signals` (`ALL`: every one)."""
    return call(
        "rt_sigprocmask",
        ("how", Flags(("SIG_SETMASK",))),
        ("set", Struct("sigset_t", (("signals", Flags(signals)),))),
        ("oldset", Null()),
        ("sigsetsize", Int(SIZEOF_SIGSET)),
    )


def sigaction_default(signal: str) -> Call:
    """rt_sigaction(2): `signal` to SIG_DFL."""
    return call(
        "rt_sigaction",
        ("signum", Flags((signal,))),
        ("act", Struct("sigaction")),
        ("oldact", Null()),
        ("sigsetsize", Int(SIZEOF_SIGSET)),
    )


def join_session_keyring() -> Call:
    """keyctl(2) KEYCTL_JOIN_SESSION_KEYRING: a new one, without a name."""
    return call("keyctl", ("operation", Flags(("KEYCTL_JOIN_SESSION_KEYRING",))), ("arg2", Null()))


def setsid() -> Call:
    """setsid(2)"""
    return call("setsid")


def setpgid(pid: Pid | Int, pgid: Pid | Int) -> Call:
    """setpgid(2)"""
    return call("setpgid", ("pid", pid), ("pgid", pgid))


def ioctl(fd: Slot, request: str, argp: Struct) -> Call:
    """ioctl(2)"""
    return call("ioctl", ("fd", Fd(fd)), ("request", Flags((request,))), ("argp", argp))


def socket(domain: str, *kind: str) -> Call:
    """socket(2)"""
    return call("socket", ("domain", Flags((domain,))), ("type", Flags(kind)), ("protocol", Int(0)))


def sethostname(name: str) -> Call:
    """sethostname(2)"""
    return call("sethostname", ("name", Data((name,))), ("len", Int(len(name.encode()))))


def seccomp_filter(instructions: tuple[tuple[int, int, int, int], ...], *flags: str) -> Call:
    """seccomp(2) SECCOMP_SET_MODE_FILTER"""
    return call(
        "seccomp",
        ("operation", Flags(("SECCOMP_SET_MODE_FILTER",))),
        ("flags", Flags(flags)),
        ("args", Struct("sock_fprog", (("filter", Bpf(instructions)),))),
    )


def getpid() -> Call:
    """getpid(2)"""
    return call("getpid")


def wait4(child: Role) -> Call:
    """wait4(2): until `child` has ended; its status is written to a buffer of four bytes."""
    return call(
        "wait4",
        ("pid", Pid(child)),
        ("wstatus", Struct("int")),
        ("options", Flags(())),
        ("rusage", Null()),
    )


def setgroups_none() -> Call:
    """setgroups(2): no supplementary group is left"""
    return call("setgroups", ("size", Int(0)), ("list", Null()))


def setresuid(uid: int) -> Call:
    """setresuid(2): all three"""
    return call("setresuid", ("ruid", Int(uid)), ("euid", Int(uid)), ("suid", Int(uid)))


def setresgid(gid: int) -> Call:
    """setresgid(2): all three"""
    return call("setresgid", ("rgid", Int(gid)), ("egid", Int(gid)), ("sgid", Int(gid)))


def setfsuid(uid: int) -> Call:
    """setfsuid(2): it returns what held before"""
    return call("setfsuid", ("fsuid", Int(uid)))


def setfsgid(gid: int) -> Call:
    """setfsgid(2): it returns what held before"""
    return call("setfsgid", ("fsgid", Int(gid)))


def execve(path: str, argv: tuple[str | Decimal, ...], environment: Environment) -> Call:
    """execve(2)"""
    return call("execve", ("path", Path(path)), ("argv", Strings(argv)), ("envp", environment))
