"""/proc/self/mountinfo, as the kernel writes it, whatever names people mount on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toyspec.host.facts import MountFact
from toyspec.host.mountinfo import Table, parse

LINES = rb"""22 1 254:0 / / rw,relatime - ext4 /dev/root rw
23 22 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:5 master:2 - proc proc rw
24 22 0:22 /sub\040dir /mnt/a\040b\134c ro,noatime,nodiratime - fuse.x with\040space rw,a=b
25 22 0:23 / /mnt/strict rw,nosymfollow,idmapped - tmpfs none rw,size=1k
"""


def line(point: bytes, flags: bytes = b"rw,relatime", kind: bytes = b"ext4") -> bytes:
    """One mount, its point mangled as fs/proc_namespace.c does (seq_path with " \t\n\\" and #)."""
    mangled = b"".join(b"\\%03o" % b if b in b" \t\n\\#" else bytes((b,)) for b in point)
    return b"22 1 254:0 / " + mangled + b" " + flags + b" shared:1 - " + kind + b" none rw\n"


def test_fields() -> None:
    assert parse(LINES) == (
        MountFact("/", "ext4", ("relatime",), "254:0", "/"),
        MountFact("/proc", "proc", ("nosuid", "nodev", "noexec", "relatime"), "0:21", "/"),
        MountFact("/mnt/a b\\c", "fuse.x", ("ro", "noatime", "nodiratime"), "0:22", "/sub dir"),
        MountFact("/mnt/strict", "tmpfs", ("nosymfollow",), "0:23", "/"),
    )


def test_nothing_and_what_is_no_mount() -> None:
    assert parse(b"") == ()
    assert parse(b"\n22 1 254:0\n") == ()


NAMES = st.lists(
    st.binary(min_size=1, max_size=8).map(lambda b: b.translate(None, b"/\0")), max_size=4
).map(lambda parts: b"/" + b"/".join(part for part in parts if part))


@given(st.lists(NAMES, max_size=5))
@example([b"/a\x0bb", b"/\x0c", b"/\x1c\x1d\x1e", "/\x85".encode(), "/\u2028\u2029".encode()])
@example([b"/\r", b"/\\040", b"/ - ", b"/\xff\xfe", b"/#"])
def test_any_name_comes_back(points: list[bytes]) -> None:
    found = parse(b"".join(line(point) for point in points))
    assert [mount.point.encode("utf-8", "surrogateescape") for mount in found] == points


@pytest.mark.parametrize(
    ("path", "points"),
    [
        ("/", ["/", "/a", "/a b", "/a/b", "/a/b/c", "/ab"]),
        ("/a", ["/a", "/a/b", "/a/b/c"]),
        ("/a/x", ["/a"]),
        ("/a/b", ["/a/b", "/a/b/c"]),
        ("/abc", ["/"]),
        ("/a b/x/y", ["/a b"]),
    ],
)
def test_below(path: str, points: list[str]) -> None:
    """First the mount that holds the path, then every one below it, parents first."""
    every = [b"/", b"/a/b/c", b"/ab", b"/a", b"/a b", b"/a/b"]
    found = Table(parse(b"".join(map(line, every)))).at(path)
    assert [mount.point for mount in found] == points


def test_the_last_mount_of_a_point_is_the_one_that_shows() -> None:
    table = parse(line(b"/") + line(b"/a", b"ro") + line(b"/a", b"rw,nosuid", b"tmpfs"))
    assert Table(table).at("/a") == (MountFact("/a", "tmpfs", ("nosuid",), "254:0", "/"),)


def test_this_machine_s() -> None:
    table = parse(Path("/proc/self/mountinfo").read_bytes())
    assert len(table) == len(Path("/proc/self/mountinfo").read_bytes().splitlines())
    assert all(mount.point.startswith("/") and mount.type for mount in table)
    assert Table(table).at("/")[0].point == "/"
