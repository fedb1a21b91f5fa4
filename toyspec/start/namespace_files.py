"""Files of namespaces (namespaces(7), ioctl_nsfs(2)): what each is, and who owns it.

Questions of `start.look`, and as light. Its ioctls answer, or hand out descriptors, which are closed again.
"""

from __future__ import annotations

import os
import stat
import sys

from toyspec.start.look import NAMESPACES

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from typing import Final

    Chain = tuple[tuple[str, int], ...]
    Map = tuple[tuple[int, int, int], ...]
    Seen = tuple[str] | tuple[str, str, Chain, tuple[str, ...], Map, Map]

FILES: Final[dict[str, str]] = dict(NAMESPACES)

# CLONE_NEW* (include/uapi/linux/sched.h), as NS_GET_NSTYPE returns them.
_KINDS: Final[dict[int, str]] = {
    0x20000: "mount", 0x10000000: "user", 0x20000000: "pid", 0x40000000: "network",
    0x4000000: "uts", 0x8000000: "ipc", 0x2000000: "cgroup", 0x80: "time",
}  # fmt: skip
# include/uapi/linux/nsfs.h
_GET_USERNS, _GET_PARENT, _GET_NSTYPE, _GET_OWNER_UID = 0xB701, 0xB702, 0xB703, 0xB704
_DEEPEST = 40  # namespaces nest 32 deep
_MOST_LINKS = 40


def seen(path: str) -> Seen:
    """What is at `path`: the fields of a NamespaceFact. Nothing is opened that is not known to be a
    namespace's file.
    """
    try:
        status = os.stat(path)
        own_device = os.stat("/proc/self/ns/user").st_dev
        if status.st_dev != own_device or not stat.S_ISREG(status.st_mode):
            return ("other",)
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        return ("denied",)
    except (OSError, ValueError):
        return ("missing",)
    try:
        return _open(path, fd)
    finally:
        os.close(fd)


def _open(path: str, fd: int) -> Seen:
    from fcntl import ioctl

    try:
        kind = _KINDS.get(ioctl(fd, _GET_NSTYPE))
    except OSError:
        kind = None
    if kind is None:
        return ("other",)
    inode = _inode(os.fstat(fd))
    return (
        kind,
        inode,
        tuple(_chain(fd, _GET_USERNS if kind != "user" else None, "user")),
        tuple(each for each, _ in _chain(fd, None, "pid")) if kind == "pid" else (),
        _map(path, inode, "uid_map") if kind == "user" else (),
        _map(path, inode, "gid_map") if kind == "user" else (),
    )


def _chain(fd: int, first: int | None, kind: str) -> list[tuple[str, int]]:
    """From this namespace (or what the ioctl `first` gives of it) up to the caller's own."""
    from fcntl import ioctl

    last = _inode(os.stat(f"/proc/self/ns/{FILES[kind]}"))
    found: list[tuple[str, int]] = []
    opened: list[int] = []
    try:
        here = fd
        if first is not None:
            here = ioctl(fd, first)
            opened.append(here)
        while len(found) < _DEEPEST:
            inode = _inode(os.fstat(here))
            uid = 0
            if kind == "user":
                uid = int.from_bytes(ioctl(here, _GET_OWNER_UID, bytes(4)), sys.byteorder)
            found.append((inode, uid))
            if inode == last:
                return found
            here = ioctl(here, _GET_PARENT)
            opened.append(here)
    except OSError:
        return []  # EPERM: it is not below the caller's own
    finally:
        for each in opened:
            os.close(each)
    return []


def _map(path: str, inode: str, name: str) -> tuple[tuple[int, int, int], ...]:
    """A map of the process whose file this is; empty where it is no process's."""
    directory = _process(path)
    if directory is None:
        return ()
    try:
        with open(f"{directory}/{name}", encoding="ascii") as file:
            rows = [line.split() for line in file]
        if _inode(os.stat(f"{directory}/ns/user")) != inode:
            return ()  # the process went elsewhere meanwhile
    except (OSError, ValueError):
        return ()
    return tuple((int(inside), int(outside), int(count)) for inside, outside, count in rows)


def _process(path: str) -> str | None:
    """`/proc/PID`, where `path` leads to a file of its `ns`."""
    for _ in range(_MOST_LINKS):
        directory, name = os.path.split(path)
        directory = os.path.realpath(directory)
        parts = directory.split("/")
        if len(parts) >= 4 and parts[1] == "proc" and parts[-1] == "ns" and parts[2].isdigit():
            return directory.removesuffix("/ns")
        try:
            path = os.path.join(directory, os.readlink(f"{directory}/{name}"))
        except OSError:
            return None
    return None


def _inode(seen: os.stat_result) -> str:
    return f"{os.major(seen.st_dev)}:{os.minor(seen.st_dev)}:{seen.st_ino}"
