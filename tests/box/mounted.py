"""`mounted.py WORD… -- ARGV…`: run ARGV as the same user, where a few things are mounted.

In a user and mount namespace of its own, with the caller's own ids. Each WORD is TARGET:FLAG,… and
gets a tmpfs with those flags (a tmpfs is made with a file `here` in it, whatever its flags), or
TARGET=SOURCE, a bind.
"""

from __future__ import annotations

import ctypes
import os
import sys

FLAGS = {
    "ro": 0x1, "nosuid": 0x2, "nodev": 0x4, "noexec": 0x8, "noatime": 0x400, "nodiratime": 0x800,
    "relatime": 0x200000, "strictatime": 0x1000000, "nosymfollow": 0x100,
}  # fmt: skip
BIND, REMOUNT = 0x1000, 0x20
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    """mount(2); raises OSError."""
    words = [os.fsencode(word) if word is not None else None for word in (source, target, kind)]
    if libc.mount(*words, ctypes.c_ulong(flags), None) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)


def write(path: str, text: str) -> None:
    """Write a whole file of procfs."""
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def main(argv: list[str]) -> None:
    """Mount, then become ARGV."""
    cut = argv.index("--")
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0:
        raise OSError(ctypes.get_errno(), "unshare")
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{uid} {uid} 1")
    write("/proc/self/gid_map", f"{gid} {gid} 1")
    for word in argv[:cut]:
        if "=" in word:
            target, _, source = word.partition("=")
            mount(source, target, None, BIND)
            continue
        target, _, names = word.rpartition(":")
        mount("tmpfs", target, "tmpfs", 0)
        if names == "closed":
            os.chmod(target, 0)
            continue
        with open(os.path.join(target, "here"), "w", encoding="ascii") as file:
            file.write("here\n")
        flags = 0
        for name in filter(None, names.split(",")):
            flags |= FLAGS[name]
        mount("none", target, None, REMOUNT | BIND | flags)
    os.execv(argv[cut + 1], argv[cut + 1 :])


if __name__ == "__main__":
    main(sys.argv[1:])
