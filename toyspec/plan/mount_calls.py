"""The mount calls as plan values: as `calls`, for what makes, moves and removes mounts."""

from __future__ import annotations

from toyspec.plan.calls import Call, Slot, call
from toyspec.plan.step import Data, Fd, Flags, Int, Null, Path, Struct

SIZEOF_MOUNT_ATTR = 32


def open_tree_clone(dirfd: Slot, path: str, *, recursive: bool = True) -> Call:
    """open_tree(2): a private clone of the mounts at `path`, attached nowhere."""
    flags = ("OPEN_TREE_CLONE", "OPEN_TREE_CLOEXEC") + (("AT_RECURSIVE",) if recursive else ())
    flags += () if path else ("AT_EMPTY_PATH",)
    return call("open_tree", ("dirfd", Fd(dirfd)), ("path", Path(path)), ("flags", Flags(flags)))


def open_tree_in(dirfd: Slot, name: str, *, recursive: bool = True) -> Call:
    """open_tree(2) of what has this one name in an open directory: a symlink is not followed."""
    flags = ("OPEN_TREE_CLONE", "OPEN_TREE_CLOEXEC") + (("AT_RECURSIVE",) if recursive else ())
    flags += ("AT_SYMLINK_NOFOLLOW", "AT_NO_AUTOMOUNT")
    return call("open_tree", ("dirfd", Fd(dirfd)), ("path", Path(name)), ("flags", Flags(flags)))


def move_mount(fd: Slot, to: Slot, path: str = "") -> Call:
    """move_mount(2): the mount of descriptor `fd` onto descriptor `to`, or `path` below it."""
    flags = ("MOVE_MOUNT_F_EMPTY_PATH",) + (() if path else ("MOVE_MOUNT_T_EMPTY_PATH",))
    return call(
        "move_mount",
        ("from_dirfd", Fd(fd)),
        ("from_path", Path("")),
        ("to_dirfd", Fd(to)),
        ("to_path", Path(path)),
        ("flags", Flags(flags)),
    )


def mount_setattr(fd: Slot, *attributes: str, recursive: bool = True, clear: bool = False) -> Call:
    """mount_setattr(2): set `attributes` on the mount of `fd` and, recursively, below it.

    `clear`: take them away instead.
    """
    flags = ("AT_EMPTY_PATH",) + (("AT_RECURSIVE",) if recursive else ())
    return call(
        "mount_setattr",
        ("dirfd", Fd(fd)),
        ("path", Path("")),
        ("flags", Flags(flags)),
        ("attr", Struct("mount_attr", (("attr_clr" if clear else "attr_set", Flags(attributes)),))),
        ("size", Int(SIZEOF_MOUNT_ATTR)),
    )


def fsopen(name: str) -> Call:
    """fsopen(2)"""
    return call("fsopen", ("fsname", Data((name,))), ("flags", Flags(("FSOPEN_CLOEXEC",))))


def fsconfig_string(fd: Slot, key: str, value: str) -> Call:
    """fsconfig(2) FSCONFIG_SET_STRING"""
    return call(
        "fsconfig",
        ("fd", Fd(fd)),
        ("cmd", Flags(("FSCONFIG_SET_STRING",))),
        ("key", Data((key,))),
        ("value", Data((value,))),
        ("aux", Int(0)),
    )


def fsconfig_create(fd: Slot) -> Call:
    """fsconfig(2) FSCONFIG_CMD_CREATE"""
    return call(
        "fsconfig",
        ("fd", Fd(fd)),
        ("cmd", Flags(("FSCONFIG_CMD_CREATE",))),
        ("key", Null()),
        ("value", Null()),
        ("aux", Int(0)),
    )


def fsmount(fd: Slot, *attributes: str) -> Call:
    """fsmount(2)"""
    return call(
        "fsmount",
        ("fsfd", Fd(fd)),
        ("flags", Flags(("FSMOUNT_CLOEXEC",))),
        ("attr_flags", Flags(attributes)),
    )


def mount(
    source: str | None, target: str, fstype: str | None, flags: tuple[str, ...], data: str | None
) -> Call:
    """mount(2)"""
    return call(
        "mount",
        ("source", Path(source) if source is not None else Null()),
        ("target", Path(target)),
        ("filesystemtype", Data((fstype,)) if fstype is not None else Null()),
        ("mountflags", Flags(flags)),
        ("data", Data((data,)) if data is not None else Null()),
    )


def umount2(target: str, *flags: str) -> Call:
    """umount2(2)"""
    return call("umount2", ("target", Path(target)), ("flags", Flags(flags)))


def pivot_root(new_root: str, put_old: str) -> Call:
    """pivot_root(2)"""
    return call("pivot_root", ("new_root", Path(new_root)), ("put_old", Path(put_old)))
