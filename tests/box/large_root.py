"""A root of many entries, most of them hostile: what a directory tree of somebody else's can hold."""

from __future__ import annotations

import os
import random
import socket
import stat
from pathlib import Path
from typing import Final

KINDS: Final = (
    "directory", "file", "fifo", "socket", "unreadable", "self", "loop", "root", "up", "far up",
    "dangling", "dangling absolute", "outside", "relative outside", "magic", "descriptor", "cwd",
    "host", "chain", "long chain", "device", "through a file", "empty-ish", "sibling",
)  # fmt: skip
CHAIN: Final = 45  # symlinks: more than the kernel follows (MAXSYMLINKS, 40)
ODD_NAMES: Final = (
    b"new\nline", b"tab\there", b"\x01\x1b[31mred", b"caf\xc3\xa9", b"\xff\xfe not utf-8", b"a b",
    b"a,b", b"a:b", b"a\\b", b"'quoted'", b'"double"', b"$HOME", b"*", b"-rf", b"...", b"null", b"zero",
    b"sda", b"x" * 255, b"\xe2\x80\xae\xe2\x80\x8b", b"%s%n", b"{}", b"#", b"~",
)  # fmt: skip


def fill(root: Path, outside: Path, count: int, seed: int = 7) -> list[tuple[str, bytes]]:
    """Make `count` entries below `root`; gives each with its kind, as a path from the root.

    `outside` is a directory beside the root that symlinks lead to by the host's rules. Where root
    runs the tests, devices are devices; otherwise they are files of that name.
    """
    chance = random.Random(seed)
    top = os.fsencode(root)
    places = [b"/"]
    made: list[tuple[str, bytes]] = []
    while len(made) < count:
        kind = KINDS[len(made) % len(KINDS)]
        name = b"n%d" % len(made)
        if chance.random() < (0.05 if kind == "directory" else 0.3):
            name = chance.choice(ODD_NAMES)[:240] + name
        path = os.path.join(chance.choice(places[-200:]), name)
        if len(top + path) > 900:
            continue
        _make(kind, top + path, os.fsencode(outside), made)
        made.append((kind, path))
        if kind == "directory":
            places.append(path)
    return made


def _make(kind: str, path: bytes, outside: bytes, made: list[tuple[str, bytes]]) -> None:
    name = os.path.basename(path)
    texts = {
        "self": b".", "loop": name, "root": b"/", "up": b"..", "far up": b"../" * 60 + outside[1:],
        "dangling": b"nowhere", "dangling absolute": outside + b"/new/deeper", "outside": outside,
        "relative outside": b"../" * 12 + b"outside", "magic": b"/proc/self/root" + outside,
        "descriptor": b"/proc/self/fd/0", "cwd": b"/proc/self/cwd", "host": b"/usr",
        "through a file": b"/etc/passwd/below", "empty-ish": b"./././.", "sibling": b"../sibling/x",
    }  # fmt: skip
    if kind in texts:
        os.symlink(texts[kind], path)
    elif kind == "directory":
        os.mkdir(path)
    elif kind == "unreadable":
        os.mkdir(path, 0)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        _socket(path)
    elif kind in ("chain", "long chain"):
        previous = [p for k, p in made if k == kind]
        length = 5 if kind == "chain" else CHAIN
        target = previous[-1] if len(previous) % length else b"/etc"
        os.symlink(target, path)
    elif kind == "device" and os.geteuid() == 0:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    else:
        with open(path, "wb") as file:
            file.write(b"theirs\n")


def _socket(path: bytes) -> None:
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(os.path.dirname(path))  # a socket's path is short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(b"s")
        os.rename(b"s", path)
    finally:
        os.fchdir(here)
        os.close(here)
