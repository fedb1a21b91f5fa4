"""The calls by which a process that runs already is found and told from others, as plan values."""

from __future__ import annotations

from toyspec.plan.calls import Call, Slot, call
from toyspec.plan.step import Fd, Flags, Int, Path, Struct


def pidfd_open(pid: int) -> Call:
    """pidfd_open(2): of the process that has this number now."""
    return call("pidfd_open", ("pid", Int(pid)), ("flags", Int(0)))


def statx_inode_in(dirfd: Slot, name: str) -> Call:
    """statx(2) of what a name in an open directory leads to: which file it is."""
    return call(
        "statx",
        ("dirfd", Fd(dirfd)),
        ("path", Path(name)),
        ("flags", Flags(())),
        ("mask", Flags(("STATX_INO",))),
        ("statxbuf", Struct("statx")),
    )


def close_range(first: int, last: int = 0xFFFFFFFF) -> Call:
    """close_range(2): every descriptor from `first` to `last` is closed at once."""
    return call("close_range", ("first", Int(first)), ("last", Int(last)), ("flags", Flags(())))


def setns_as(pidfd: Slot, *kinds: str) -> Call:
    """setns(2): into the namespaces of those kinds that a process has, all at once (Linux 5.8)."""
    return call("setns", ("fd", Fd(pidfd)), ("nstype", Flags(kinds)))


def dup_above(fd: Slot, least: int) -> Call:
    """fcntl(2) F_DUPFD_CLOEXEC: another descriptor for the same, the first free one from `least` on."""
    return call("fcntl", ("fd", Fd(fd)), ("cmd", Flags(("F_DUPFD_CLOEXEC",))), ("arg", Int(least)))


def dont_wait(fd: Slot) -> Call:
    """fcntl(2) F_SETFL: who reads where nothing is gets EAGAIN. Of a pipe the other end stays as it is."""
    flags = Flags(("O_NONBLOCK",))
    return call("fcntl", ("fd", Fd(fd)), ("cmd", Flags(("F_SETFL",))), ("arg", flags))


def dup3_cloexec(old: Slot, new: int) -> Call:
    """dup3(2): `new` becomes what `old` is, and closes at execve."""
    return call("dup3", ("oldfd", Fd(old)), ("newfd", Fd(new)), ("flags", Flags(("O_CLOEXEC",))))
