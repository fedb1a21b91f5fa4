from __future__ import annotations

import re

import pytest

from tests.show.plans import BIND, default, plan, step
from toyspec.plan.step import Exposed, Exposure
from toyspec.show.plan_text import plan_text
from toyspec.show.text import width

ALL_WEAKENED = (
    "1 step · writable: nothing of the host · network host · environment 0"
    " · shares your terminal · real root inside · devices of /dev/dri"
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
    assert [line for line in lines if line.startswith("    7-9  bind . at /work, writable")]


def test_phases_are_headings_in_the_plans_order() -> None:
    headings = [line for line in plan_text(plan()).splitlines() if re.match("[a-z]+$", line)]
    assert headings == ["prepare", "namespaces", "identity", "attach", "confine", "exec"]


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("colour", [False, True])
def test_no_line_is_wider_than_asked(columns: int, colour: bool) -> None:
    text = plan_text(plan(), columns=columns, colour=colour)
    assert bool(SGR.search(text)) is colour
    assert all(width(SGR.sub("", line)) <= columns for line in text.splitlines())


def test_colours_change_nothing_else() -> None:
    assert SGR.sub("", plan_text(plan(), colour=True)) == plan_text(plan())


def test_verbose_shows_every_call_and_every_reason_once() -> None:
    text = plan_text(plan(), verbose=True)
    assert 'mkdirat(root, "work", 0755) or EEXIST' in text
    assert text.count("Nothing that init starts can gain a capability.") == 1
    assert text.count("prctl(PR_CAPBSET_DROP, ") == 3


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (exposure(), "1 step · writable: nothing of the host · network none · environment 1"),
        (
            exposure(writable=(Exposed(".", "/work"), Exposed("/data", "/data"))),
            "1 step · writable: . at /work, /data · network none · environment 1",
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
    lines = plan_text(plan(exposure=found), columns=60).splitlines()[-3:]
    assert lines[0] == "16 steps"
    assert lines[-1] == "  network none · environment 1 · shares your terminal"


def test_warnings_and_open_questions_come_before_the_last_line() -> None:
    text = plan_text(plan(warnings=("groups stay",), unresolved=("AppArmor",)))
    assert "unknown until it runs: AppArmor\nwarning: groups stay\n16 steps" in text


def test_a_spec_cannot_draw() -> None:
    evil = step("attach", "setup", "x", {}, "bind \x1b[2J\u202e\n at /x", "w\r\n", default("\x07"))
    text = plan_text(plan(evil, spec_path="\x1b.yaml", warnings=("\x1b[1A",)))
    assert text.replace("\n", "").isprintable()
    assert "bind \\e[2J\\u202e\\n at /x" in text


def test_long_items_take_from_their_reason() -> None:
    item = "bind /a/rather/long/path/of/the/host at /the/same/path/in/the/box"
    text = plan_text(plan(step("attach", "setup", "x", {}, item, "A reason.", BIND)), columns=100)
    assert item in text
