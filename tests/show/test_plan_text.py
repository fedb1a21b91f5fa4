from __future__ import annotations

import re

import pytest

from tests.show.plans import BIND, default, plan, step
from toyspec.plan.step import Exposed, Exposure, Fd, Strings, Value
from toyspec.plan.step import Path as Name
from toyspec.show.plan_text import plan_text
from toyspec.show.text import width

ALL_WEAKENED = (
    "1 step · writable: nothing of the host · network host · environment 0"
    " · a terminal of its own · real root inside · devices of /dev/dri"
)
SGR = re.compile(r"\x1b\[[0-9;]*m")


def exposure(**changes: object) -> Exposure:
    table: dict[str, object] = {
        "writable": (),
        "network": "none",
        "environment": ("PATH",),
        "terminal": False,
        "real_root": False,
        "weakened": (),
    }
    return Exposure(**{**table, **changes})  # type: ignore[arg-type]  # a table of fields


def test_steps_of_one_item_are_one_line() -> None:
    lines = plan_text(plan()).splitlines()
    drops = [line for line in lines if "bounding set" in line]
    assert len(drops) == 1
    assert drops[0].startswith("  11-13  ")
    assert drops[0].endswith("default capabilities")
    assert [line for line in lines if line.startswith("    7-9  writable bind . at /code  ")]


def test_phases_are_headings_in_the_plans_order() -> None:
    headings = [line for line in plan_text(plan()).splitlines() if re.match("[a-z]+$", line)]
    assert headings == ["prepare", "namespaces", "identity", "attach", "confine", "exec"]


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("colour", [False, True])
def test_no_line_is_wider_than_asked(columns: int, colour: bool) -> None:
    text = plan_text(plan(), columns=columns, colour=colour, wrap=True)
    assert bool(SGR.search(text)) is colour
    assert all(width(SGR.sub("", line)) <= columns for line in text.splitlines())


def test_colours_change_nothing_else() -> None:
    assert SGR.sub("", plan_text(plan(), colour=True)) == plan_text(plan())


def test_verbose_shows_every_call_and_every_reason_once() -> None:
    text = plan_text(plan(), verbose=True)
    assert 'mkdirat(root, "code", 0755) or EEXIST' in text
    assert text.count("Nothing that init starts can gain a capability.") == 1
    assert text.count("prctl(PR_CAPBSET_DROP, ") == 3


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (exposure(), "1 step · writable: nothing of the host · network none · environment 1"),
        (
            exposure(writable=(Exposed(".", "/code"), Exposed("/data", "/data"))),
            "1 step · writable: . at /code, /data · network none · environment 1",
        ),
        (
            exposure(terminal=True, real_root=True, weakened=("network host", "devices of /dev/dri"),
                     network="host", environment=()),
            ALL_WEAKENED,
        ),
    ],
)  # fmt: skip
def test_the_last_line_counts_what_the_box_can_touch(found: Exposure, line: str) -> None:
    one = step("attach", "setup", "x", {}, "i", "w", BIND)
    assert plan_text(plan(one, exposure=found), columns=200).splitlines()[-1] == line


def test_the_last_line_wraps_between_its_parts() -> None:
    found = exposure(writable=(Exposed("/a" * 20, "/b" * 20),), terminal=True)
    lines = plan_text(plan(exposure=found), columns=60, wrap=True).splitlines()[-3:]
    assert lines[0] == "16 steps"
    assert lines[-1] == "  network none · environment 1 · a terminal of its own"


@pytest.mark.parametrize("columns", [None, 60])
def test_the_last_line_alone_is_the_whole_truth(columns: int | None) -> None:
    found = exposure(
        writable=tuple(Exposed(f"/{at:0200}", f"/{at:0200}") for at in range(100)),
        weakened=("network host", "ipc namespace of the host", "devices of /dev/a, b"),
        network="host",
        terminal=True,
    )
    last = plan_text(plan(exposure=found, warnings=("a", "b")), columns=columns).splitlines()[-1]
    assert f"/{99:0200} · network host · environment 1 · a terminal of its own" in last
    assert last.endswith(' · ipc namespace of the host · devices of "/dev/a, b" · 2 warnings')


def test_warnings_and_open_questions_come_before_the_last_line() -> None:
    text = plan_text(plan(warnings=("groups stay",), unresolved=("AppArmor",)))
    assert "unknown until it runs: AppArmor\nwarning: groups stay\n16 steps" in text
    assert text.endswith(" · 1 warning\n")


def test_a_spec_cannot_draw() -> None:
    evil = step("attach", "setup", "x", {}, "bind \x1b[2J\u202e\n at /x", "w\r\n", default("\x07"))
    text = plan_text(plan(evil, spec_path="\x1b.yaml", warnings=("\x1b[1A",)))
    assert text.replace("\n", "").isprintable()
    assert "bind \\e[2J\\u202e\\n at /x" in text


def test_long_items_take_from_their_reason() -> None:
    item = "bind /a/rather/long/path/of/the/host at /the/same/path/in/the/box"
    text = plan_text(plan(step("attach", "setup", "x", {}, item, "A reason.", BIND)), columns=100)
    assert item in text


def test_nothing_is_cut_without_columns() -> None:
    why = "A reason that is as long as a reason can be, " * 5
    one = step("attach", "setup", "x", {}, "a rather long item " * 9, why, BIND)
    text = plan_text(plan(one))
    assert f"{'a rather long item ' * 9}  {why}" in text
    assert "dev.yaml:4" in text
    assert "…" in plan_text(plan(one), columns=100)


LONG = "/long" * 60


def bound(item: str, source: str, columns: int | None = None) -> str:
    """What one item looks like whose first step opens `source`."""
    found: dict[str, Value] = {"dirfd": Fd("AT_FDCWD"), "path": Name(source)}
    one = step("attach", "setup", "open_tree", found, item, "A reason.", BIND)
    line = plan_text(plan(one), columns=columns).splitlines()[1]
    return line.removeprefix("  1  ").split("  ")[0]


@pytest.mark.parametrize(
    ("source", "target", "names"),
    [
        ("/usr", "/usr", "/usr"),
        (".", "/code", ". at /code"),
        ("/my files", "/my files", '"/my files"'),
        ("/a", "/b c", '/a at "/b c"'),
        ("/a at /b", "/c", '"/a at /b" at /c'),
        ("/a at /b", "/a at /b", '"/a at /b"'),
        ("/a", "/b at /c", '/a at "/b at /c"'),
        ("/a at /b", "/c at /d", '"/a at /b" at "/c at /d"'),
        ("/a, read-only", "/b", '"/a, read-only" at /b'),
        ("/a", "/b, read-only", '/a at "/b, read-only"'),
        ("/a", "/b, with devices", '/a at "/b, with devices"'),
        ("/a · network none", "/b", '"/a · network none" at /b'),
        ("/a\u202e", "/b", '"/a\\u202e" at /b'),
    ],
)
@pytest.mark.parametrize("mode", ["writable", "read-only"])
@pytest.mark.parametrize("devices", [False, True])
def test_a_path_cannot_pose_as_the_words_around_it(
    source: str, target: str, names: str, mode: str, devices: bool
) -> None:
    written = source if source == target else f"{source} at {target}"
    more = " with devices" if devices else ""
    looks = f"{mode} bind{more} {names}"
    assert bound(f"{mode} bind{more} {written}", source) == looks
    assert bound(f"bind {written}, {mode}{',' + more if more else ''}", source) == looks


@pytest.mark.parametrize("item", [f"bind {LONG} at {LONG}, writable", f"writable bind {LONG}"])
def test_a_binds_mode_is_never_cut(item: str) -> None:
    assert bound(item, LONG, columns=60).startswith("writable bind /long")
    assert bound(item, LONG, columns=60).endswith("…")


@pytest.mark.parametrize(
    ("item", "looks"),
    [
        ("file /a b", 'file "/a b"'),
        ("symlink /a to /b to /c", 'symlink "/a to /b to /c"'),
        ("tmpfs at /a, b", 'tmpfs at "/a, b"'),
        ("working directory /a · b", 'working directory "/a · b"'),
        ('writable bind "/a b" at /c', 'writable bind "/a b" at /c'),
    ],
)
def test_other_paths_are_quoted_too(item: str, looks: str) -> None:
    assert bound(item, "/none") == looks


def test_the_command_is_shown_by_its_words() -> None:
    argv = ("sh", "-c", "echo hi", "")
    one = step("exec", "init", "execve", {"path": Name("/bin/sh"), "argv": Strings(argv)},
               " ".join(argv), "w", BIND)  # fmt: skip
    assert 'sh -c "echo hi" ""  ' in plan_text(plan(one))


@pytest.mark.parametrize("form", ["read-only bind {}", "bind {}, read-only"])
def test_alike_binds_of_one_line_are_folded_with_their_mode_first(form: str) -> None:
    binds = [step("attach", "setup", "open_tree",
                  {"dirfd": Fd("AT_FDCWD"), "path": Name(source)}, form.format(source),
                  "w", BIND) for source in ("/a", "/b, /c", "/d")]  # fmt: skip
    assert '3 read-only binds: /a, "/b, /c", /d  ' in plan_text(plan(*binds))


def test_what_is_exposed_is_quoted() -> None:
    found = exposure(writable=(Exposed("a · network none", "/b, c"),))
    last = plan_text(plan(exposure=found)).splitlines()[-1]
    assert ' · writable: "a · network none" at "/b, c" · network none · ' in last
