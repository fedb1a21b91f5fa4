"""The calls that make and take a pty, as plan values (pty(7), ioctl_tty(2), unix(7))."""

from __future__ import annotations

from toyspec.plan.calls import Call, Slot, call
from toyspec.plan.step import Data, Fd, Flags, Int, Struct


def _ioctl(fd: Slot, request: str, argp: Struct | Flags | Int) -> Call:
    return call("ioctl", ("fd", Fd(fd)), ("request", Flags((request,))), ("argp", argp))


def unlock(master: Slot) -> Call:
    """TIOCSPTLCK of 0: the slave may be opened."""
    return _ioctl(master, "TIOCSPTLCK", Struct("int"))


def slave_of(master: Slot) -> Call:
    """TIOCGPTPEER (Linux 4.13): the slave, without resolving a path."""
    return _ioctl(master, "TIOCGPTPEER", Flags(("O_RDWR", "O_NOCTTY", "O_CLOEXEC")))


def control(slave: Slot) -> Call:
    """TIOCSCTTY: the controlling terminal of a session's leader that has none."""
    return _ioctl(slave, "TIOCSCTTY", Int(0))


def send(socket: Slot, *descriptors: Slot) -> Call:
    """sendmsg(2) of one byte, with which the descriptors go (SCM_RIGHTS)."""
    fields = tuple((f"rights[{at}]", Fd(fd)) for at, fd in enumerate(descriptors))
    message = Struct("msghdr", (("msg_iov", Data(("t",))), *fields))
    return call("sendmsg", ("sockfd", Fd(socket)), ("msg", message), ("flags", Int(0)))


def socketpair(kind: str, slot: str) -> Call:
    """socketpair(2) that closes at execve; its ends are the slots `SLOT.read` and `SLOT.write`."""
    ends = (("read", Fd(f"{slot}.read")), ("write", Fd(f"{slot}.write")))
    return call(
        "socketpair",
        ("domain", Flags(("AF_UNIX",))),
        ("type", Flags((kind, "SOCK_CLOEXEC"))),
        ("protocol", Int(0)),
        ("sv", Struct("int[2]", ends)),
    )


def dup3(old: Slot, new: int) -> Call:
    """dup3(2): `new` becomes what `old` is, and stays open at execve."""
    return call("dup3", ("oldfd", Fd(old)), ("newfd", Fd(new)), ("flags", Flags(())))
