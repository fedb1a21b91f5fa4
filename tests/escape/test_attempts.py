"""Every attempt of the table fails, and succeeds once what it tests is switched off."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests import tools
from tests.box.boxes import only_mount_points, tree
from tests.escape.attempts import ATTEMPTS, SPECS, Attempt, Off
from tests.escape.world import Found, World, world
from tests.product import Product

FILTERS = ("", "seccomp: none\n")
"""Every wall is tried behind the filter and without it; what is switched off is without it too."""
OTHERS = {"working_directory", "push_input"}
"""Those with a module of their own."""
LINKS = {f"bare/{name}": f"usr/{name}" for name in ("bin", "sbin", "lib", "lib64")}
ROOT = pytest.mark.root
CALLERS = ("user", pytest.param("root", marks=ROOT))


def caller(request: pytest.FixtureRequest, who: str) -> Product:
    made = request.getfixturevalue("product" if who == "user" else "as_root")
    assert isinstance(made, Product)
    return made


def spec_of(box: str, here: World, more: str = "") -> str:
    """A box's spec with lines that replace those of the same key, or are added."""
    text = SPECS[box] + "init: [python3]\n"
    for line in more.splitlines(keepends=True):
        key = line.partition(":")[0]
        text = re.sub(rf"^{key}:.*\n", "", text, flags=re.MULTILINE) + line
    return text.replace("PLACE", "/" + here.top.parts[1])


def judged(attempt: Attempt, here: World, found: Found) -> bool:
    """Whether it got out: by the host's own eyes. An attempt that was never made is an error."""
    said = found[attempt.name]
    assert "broke" not in said, said
    return attempt.proof(here, said.get("got", ""))


BOXES = [
    (box, user, filter_)
    for box in SPECS
    for user in ("", "user: root\n")
    for filter_ in FILTERS
    if any(attempt.box == box for attempt in ATTEMPTS)
]


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize(("box", "user", "filter_"), BOXES)
def test_every_attempt_fails(
    request: pytest.FixtureRequest, who: str, box: str, user: str, filter_: str
) -> None:
    """All attempts of a box, one after the other, each in a process of its own."""
    tools.need("python3")
    attempts = [attempt for attempt in ATTEMPTS if attempt.box == box]
    with world(caller(request, who)) as here:
        found = here.run(spec_of(box, here, user + filter_), [each.name for each in attempts])
        out = [each.name for each in attempts if judged(each, here, found)]
        assert not out, {name: found[name] for name in out}
        only_mount_points(here.before, tree(here.top), "bare", LINKS)
        unheld = {
            each.name: found[each.name]
            for each in attempts
            if "got" in found[each.name] and not each.harmless
        }
        assert not unheld, unheld


def cases() -> list[object]:
    """Each attempt for each caller; what only root can switch off is a case of root's."""
    found: list[object] = []
    for attempt in ATTEMPTS:
        for who in ("user", "root"):
            off = attempt.switched_off(who)
            if not (who == "user" and off.by == "root"):
                marks = [ROOT] if who == "root" else []
                found.append(pytest.param(attempt, who, marks=marks, id=f"{attempt.name}-{who}"))
    return found


@pytest.mark.parametrize(("attempt", "who"), cases())
def test_it_succeeds_when_switched_off(
    request: pytest.FixtureRequest, attempt: Attempt, who: str
) -> None:
    tools.need("python3")
    if attempt.needs and not os.path.exists(attempt.needs):
        pytest.skip(f"nothing shown: this kernel has no {attempt.needs}")
    off = attempt.switched_off(who)
    with world(caller(request, who)) as here:
        found = weak(here, attempt, off)
        if off.by == "no box":
            assert "EACCES" in found[attempt.name]["held"] or "EPERM" in found[attempt.name]["held"]
            return
        assert judged(attempt, here, found), found
        if attempt.ways:
            assert found[attempt.name]["got"] == attempt.ways


def weak(here: World, attempt: Attempt, off: Off) -> Found:
    if off.by == "no box":
        return here.outside([attempt.name])
    spec = spec_of(attempt.box, here, off.spec + FILTERS[-1])
    return here.run(spec, [attempt.name], off.edits)


@pytest.mark.parametrize("who", CALLERS)
def test_the_filter_is_a_wall_of_its_own(request: pytest.FixtureRequest, who: str) -> None:
    """Without it a box may have namespaces of its own, behind which the deeper walls stand."""
    name = "new_user_namespace"
    with world(caller(request, who)) as here:
        assert here.run(spec_of("binds", here), [name])[name]["held"].startswith("EPERM")
        assert "got" in here.run(spec_of("binds", here, "seccomp: none\n"), [name])[name]


def test_every_attempt_is_in_the_table() -> None:
    """No function of the attacker's is forgotten, and none is asked for that it lacks."""
    text = (Path(__file__).parent / "attacker.py").read_text("utf-8")
    made = set(re.findall(r"^def (\w+)\(\) -> str:", text, re.MULTILINE))
    assert made == {*(attempt.name for attempt in ATTEMPTS), *OTHERS}
