from __future__ import annotations

from dataclasses import replace

import pytest

from tests.show.plans import plan
from toyspec.plan.error import PlanError, PlanProblem
from toyspec.plan.step import Expect
from toyspec.run.failure import Failure
from toyspec.show.failure import errno_text, failure_text, plan_error_text
from toyspec.spec.model import Origin

SPEC = b"""version: 1
name: dev
system: host
binds: [".:/code:rw"]
working_dir: /code
init: [bash, -l]
"""


def test_a_failed_step_is_told_with_its_place_cause_and_remedy() -> None:
    made = plan()
    failure = Failure(
        made.steps[7], "EINVAL", "cannot open /code in the box", "it is odd", "mend it\nor not"
    )
    assert failure_text(failure, made, SPEC, colour=False) == (
        "dev.yaml:4:9: error: cannot open /code in the box\n"
        '    4 | binds: [".:/code:rw"]\n'
        "      |         ^^^^^^^^^^^^\n"
        '    step: 8 of 16, in setup: openat2(root, "code", {flags=O_PATH, '
        "resolve=RESOLVE_IN_ROOT}, 24)\n"
        "    which is: bind . at /code, writable: The spec wants the host's . at /code, "
        "and the box may write there.\n"
        "    errno: EINVAL, invalid argument\n"
        "    likely cause: it is odd\n"
        "    what to do: mend it\n"
        "      or not\n"
    )


def test_a_default_has_no_line() -> None:
    made = plan()
    text = failure_text(Failure(made.steps[4], "EPERM", "no namespaces"), made, SPEC, colour=False)
    assert text.startswith("dev.yaml: error: no namespaces\n    step: 5 of 16, in setup: unshare(")
    assert "    asked for by: namespaces; no line of the spec\n" in text


def test_a_failure_outside_the_plan() -> None:
    text = failure_text(
        Failure(None, None, "setup was killed", None, "try again"), plan(), b"", colour=False
    )
    assert text == "toyspec: error: setup was killed\n    what to do: try again\n"


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"\n" * 3, b"x\n\n\n\xff\x1b[2J\r\n", b"\xef\xbb\xbf"]
)
@pytest.mark.parametrize("colour", [False, True])
def test_any_file_at_all_can_be_shown(data: bytes, colour: bool) -> None:
    made = plan()
    failure = Failure(made.steps[7], "EINVAL", "bad \x1b[2J\n name")
    text = failure_text(failure, made, data, colour)
    assert "\x1b[2J" not in text
    assert "bad " in text


def test_an_origin_behind_the_end_of_its_line() -> None:
    made = plan()
    far = replace(made.steps[7], origin=Origin("binds[0]", 1, 500))
    assert "dev.yaml:1:500" in failure_text(Failure(far, None, "m"), made, SPEC, colour=False)


def test_problems_of_a_plan_stand_in_the_files_order() -> None:
    error = PlanError(
        PlanProblem("second", Origin("init", 6, 7), "mend it"),
        PlanProblem("first", Origin("system", 3, 9)),
        PlanProblem("no line", Origin("user", default="user: caller")),
    )
    assert plan_error_text(error, "dev.yaml", SPEC, colour=False) == (
        "dev.yaml: error: no line\n"
        "\n"
        "dev.yaml:3:9: error: first\n"
        "    3 | system: host\n"
        "      |         ^^^^\n"
        "\n"
        "dev.yaml:6:7: error: second\n"
        "    6 | init: [bash, -l]\n"
        "      |       ^^^^^^^^^^\n"
        "    help: mend it\n"
    )


def test_errnos_have_words() -> None:
    assert errno_text("EACCES") == "permission denied"
    assert errno_text("EWHAT") == "unknown to toyspec"


@pytest.mark.parametrize(
    ("line", "column", "marked"),
    [
        ("files: [{target: /a, content: b}]", 9, "{target: /a, content: b}"),
        ("time: {boottime: '1 } ''2', x: [1, {}]} # said", 7, "{boottime: '1 } ''2', x: [1, {}]}"),
        ('init: ["ls ] -la\\"]", x]', 7, '["ls ] -la\\"]", x]'),
        ('init: ["ls -la"]', 8, '"ls -la"'),
        ("a: {b: don't, c: d}", 4, "{b: don't, c: d}"),
        ("a: [x, # more", 4, "[x,"),
        ("a: 'b  ", 4, "'b"),
        ("root: ${HOME}/x # here", 7, "${HOME}/x"),
        ("a: {b: c}", 8, "c"),
    ],
)
def test_the_whole_value_is_marked(line: str, column: int, marked: str) -> None:
    error = PlanError(PlanProblem("odd", Origin("x", 1, column)))
    shown = plan_error_text(error, "dev.yaml", line.encode(), colour=False).splitlines()[2]
    carets = shown.removeprefix("      | ")
    begin = len(carets) - len(carets.lstrip())
    assert (begin, line[begin : len(carets)]) == (column - 1, marked)


def test_a_call_that_failed_has_no_result() -> None:
    made = plan()
    told = [
        failure_text(
            Failure(replace(step, expects=Expect(result="fd")), None, "m"), made, SPEC, False
        )
        for step in made.steps
    ]
    for text in told:
        (line,) = (line for line in text.splitlines() if line.startswith("    step: "))
        assert line.endswith(")"), line
