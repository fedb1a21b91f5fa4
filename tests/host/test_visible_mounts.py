"""Which mounts a path leads to, of all that are there."""

from __future__ import annotations

import os
from pathlib import Path

from toyspec.host.mountinfo import visible


def table(*mounts: tuple[int, int, str]) -> bytes:
    """Mounts as (id, parent, point)."""
    lines = [
        f"{own} {parent} 0:{own} / {point} rw - t{own} none rw" for own, parent, point in mounts
    ]
    return "\n".join(lines).encode() + b"\n"


def types(*mounts: tuple[int, int, str]) -> list[str]:
    return sorted(mount.type for mount in visible(table(*mounts)))


def test_what_came_over_a_directory_hides_what_is_below() -> None:
    assert types((1, 0, "/"), (2, 1, "/a/b"), (3, 1, "/a")) == ["t1", "t3"]
    assert types((1, 0, "/"), (2, 1, "/a"), (3, 2, "/a/b"), (4, 3, "/a/b/c")) == [
        "t1", "t2", "t3", "t4",
    ]  # fmt: skip
    assert types((1, 0, "/"), (2, 1, "/a"), (3, 2, "/a/b"), (4, 2, "/a")) == ["t1", "t4"]
    assert types((1, 0, "/"), (2, 1, "/ab"), (3, 1, "/a"), (4, 1, "/a\\040b")) == [
        "t1",
        "t2",
        "t3",
        "t4",
    ]


def test_one_over_another() -> None:
    assert types((1, 0, "/"), (2, 1, "/"), (3, 1, "/a"), (4, 2, "/b")) == ["t2", "t4"]
    assert types((1, 0, "/"), (3, 2, "/a"), (2, 1, "/a")) == ["t1", "t3"]


def test_a_table_without_its_root() -> None:
    assert types((7, 3, "/proc"), (8, 7, "/proc/sys")) == ["t7", "t8"]
    assert types() == []


def test_loops_end() -> None:
    visible(table((1, 1, "/"), (2, 3, "/a"), (3, 2, "/b")))


def test_a_thousand_on_top_of_each_other() -> None:
    stack = [(number, number - 1, "/") for number in range(1, 2000)]
    assert types(*stack) == ["t1999"]


def test_this_machine_s() -> None:
    """statvfs(3) sees the one that shows: its flags agree."""
    for mount in visible(Path("/proc/self/mountinfo").read_bytes()):
        try:
            flags = os.statvfs(mount.point).f_flag
        except OSError:
            continue
        assert bool(flags & os.ST_RDONLY) >= ("ro" in mount.flags), mount
        assert bool(flags & os.ST_NOEXEC) == ("noexec" in mount.flags), mount
