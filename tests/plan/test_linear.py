"""Twice as many entries, twice the work: calls are counted, not seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from tests.plan.world import DIRECTORY, World, host
from toyspec.emit.plan_json import to_json
from toyspec.host import mountinfo
from toyspec.program.lower import lower
from toyspec.show.plan_text import plan_text

FEW = 20
ROOM = "/toyspec/"


def entries(key: str, count: int, line: str) -> str:
    return f"{key}:\n" + "".join(f"  - {line.format(at)}\n" for at in range(count))


SHAPES: dict[str, Callable[[int], str]] = {
    "read-only binds": lambda n: entries("binds", n, "/src/{0}:/t/{0}"),
    "binds of files": lambda n: entries("binds", n, "/files/{0}:/t/{0}"),
    "in a directory root": lambda n: "root: ./root\n" + entries("binds", n, "/src/{0}:/t/{0}"),
    "far apart": lambda n: entries("binds", n, "/src/{0}/a:/t/{0}/b"),
    "in their own places": lambda n: "system: host\n" + entries("binds", n, "/links/{0}"),
    "inside each other": lambda n: (
        entries("binds", n, "/src/{0}:/t/{0}")
        + entries("mounts", n, "{{type: tmpfs, target: /t/{0}/a}}")
    ),
    "writable binds": lambda n: entries("binds", n, "/src/{0}:/t/{0}:rw"),
    "files on a directory": lambda n: (
        "root: ./root\n" + entries("files", n, "{{target: /u/{0}, content: x}}")
    ),
    "symlinks": lambda n: entries("files", n, "{{target: /t/{0}, symlink: x}}"),
    "volumes": lambda n: entries("mounts", n, "{{type: volume, name: v{0}, target: /t/{0}}}"),
    "covered": lambda n: (
        entries("binds", n, "/src/{0}:/t/{0}:rw") + entries("read_only_paths", n, "/t/{0}/a")
    ),
    "left out": lambda n: entries("binds", n, "/none/{0}:/t/{0}:optional"),
    "variables": lambda n: entries("environment", n, "A{0}=${{TERM}}"),
}


def world(count: int) -> World:
    files = {f"/src/{at}/a": "dir" for at in range(count)}
    files |= {f"/files/{at}": "file" for at in range(count)}
    files |= {f"/links/{at}": f"-> ../src/{at}" for at in range(count)}
    files |= {f"{DIRECTORY}/root/t/{at}": "dir" for at in range(count)}
    files |= {f"{DIRECTORY}/root/u/{at}": "file" for at in range(count)}
    found = host(files)
    found.mine = (DIRECTORY, "/home/me")
    found.files["/home/me/.local"] = "dir"
    return found


def counted(work: Callable[[], object]) -> int:
    """Calls that the product's own code makes or gets, built-in ones too."""
    count = 0

    def note(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        if event in ("call", "c_call") and ROOM in frame.f_code.co_filename:
            count += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def whole_way(text: str, count: int) -> tuple[int, int, int]:
    """Calls, steps, and paths asked for, from the spec's text to a program and what people read."""
    host_of = world(count)

    def work() -> None:
        plan = host_of.plan(text)
        steps.append(len(plan.steps))
        lower(plan, {"TERM": "dumb"})
        plan_text(plan, columns=80, colour=False, verbose=False, wrap=False)
        to_json(plan)

    steps = list[int]()
    calls = counted(work)
    return calls, steps[0], sum(len(needs.paths) for needs in host_of.asked)


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_entries_twice_the_work(shape: str) -> None:
    make = SHAPES[shape]
    whole_way(make(1), FEW)  # what is made once is not counted
    some, more, most = (whole_way(make(n), 4 * FEW) for n in (FEW, 2 * FEW, 4 * FEW))
    assert most[0] - more[0] > 0
    for few, twice, fourfold in zip(some, more, most, strict=True):
        assert fourfold - twice <= 2.03 * (twice - few)


def test_steps_of_a_bind() -> None:
    """The design's figure: what a bind costs when there are many."""

    def steps(line: str, root: str = "") -> int:
        some, more = (whole_way(root + entries("binds", n, line), 20)[1] for n in (10, 20))
        return (more - some) // 10

    assert steps("/src/{0}:/t/{0}") == 4
    assert steps("/files/{0}:/t/{0}") == 5
    assert steps("/src/{0}:/t/{0}", "root: ./root\n") == 3


def test_rounds_of_questions_do_not_grow() -> None:
    for shape in ("volumes", "in their own places", "in a directory root"):
        rounds = []
        for count in (10, 40):
            host_of = world(count)
            host_of.plan(SHAPES[shape](count))
            rounds.append(len(host_of.asked))
        assert rounds[0] == rounds[1], shape


def test_a_host_of_many_mounts_costs_a_path_no_more() -> None:
    def looked(mounts: int) -> int:
        lines = ["1 0 0:1 / / rw - ext4 none rw"]
        lines += [f"{at + 2} 1 0:1 / /m/{at} rw - ext4 none rw" for at in range(mounts)]
        table = mountinfo.Table(mountinfo.visible("\n".join(lines).encode()))
        assert table.at("/m/5/a")[0].point == "/m/5"
        return counted(lambda: table.at("/m/5/a"))

    assert looked(100) == looked(1000)
