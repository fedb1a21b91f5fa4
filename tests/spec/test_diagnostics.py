from __future__ import annotations

import json

from tests.spec.loading import HEAD, problems
from toyspec.show.diagnostics import render, to_json
from toyspec.spec.problem import Problem


def test_the_look_of_a_good_one() -> None:
    text = "version: 1\ninit: [sh]\n\nroot:\n    path: ./rootfs\n    read_olny: true\n"
    assert render(problems(text)) == (
        "dev.yaml:6:5: error: unknown key `read_olny`\n"
        "    6 |     read_olny: true\n"
        "      |     ^^^^^^^^^ did you mean `read_only`?\n"
    )


def test_two_are_separated_and_help_stands_below() -> None:
    assert render(problems(HEAD + "name: ${NOPE}\nhostname: x y\n")) == (
        "dev.yaml:3:7: error: the variable `NOPE` is not set\n"
        "    3 | name: ${NOPE}\n"
        "      |       ^^^^^^^\n"
        "    help: set it, or give a default: ${NOPE:-…}\n"
        "\n"
        "dev.yaml:4:11: error: hostname cannot be `x y`\n"
        "    4 | hostname: x y\n"
        "      |           ^^^ letters, digits, `-`, `.` and `_`, beginning with a letter or digit\n"
    )


def test_the_caret_stands_below_wide_characters_and_tabs() -> None:
    shown = render(problems(HEAD + "x-a: 日本\t# c\nname: {日本: 1}\n"))
    excerpt, caret = shown.splitlines()[1:3]
    assert excerpt == "    4 | name: {日本: 1}"
    assert caret.startswith("      |       ^")
    shown = render(problems(HEAD + "\tname: x\n"))
    assert shown.splitlines()[1:3] == [
        "    3 |     name: x",
        "      | ^^^^ indent with spaces",
    ]


def test_a_long_line_is_shown_around_its_caret() -> None:
    text = HEAD + "binds: [" + ", ".join(f"/a{i}" for i in range(100_000)) + ", bad, /z]\n"
    (problem,) = problems(text)
    assert text.splitlines()[2][problem.column - 1 : problem.end_column - 1] == "bad"
    lines = render((problem,)).splitlines()
    assert max(map(len, lines)) < 160
    assert lines[1][lines[2].index("^") :].startswith("bad")


def test_control_characters_are_escaped() -> None:
    shown = render(problems(b"version: 1\ninit: [sh]\nname: \x1b[31mred\n"))
    assert "\x1b" not in shown
    assert "\\e[31mred" in shown
    shown = render(problems(HEAD + 'name: "\\u001b[31m\\u202e"\n'))
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_colour_changes_nothing_else() -> None:
    import re

    found = problems(HEAD + "nmae: x\nname: ${NOPE}\n")
    coloured = render(found, colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(found)
    assert set(re.findall(r"\x1b\[([0-9;]*)m", coloured)) <= {"0", "1", "2", "35", "1;31"}


def test_a_problem_without_a_place() -> None:
    assert render((Problem("-e", 0, 0, 0, "no name", label="a label", help="NAME=VALUE"),)) == (
        "-e: error: no name\n    a label\n    help: NAME=VALUE\n"
    )


def test_json_for_tools() -> None:
    found = json.loads(to_json(problems(HEAD + "mounts: [{tpye: proc, type: proc}]\n")))
    assert found["format"] == "toyspec-problems"
    assert found["problems"] == [
        {
            "path": "dev.yaml",
            "line": 3,
            "column": 11,
            "end_column": 15,
            "message": "unknown key `tpye`",
            "label": "did you mean `type`?",
            "help": "",
            "key": "mounts[0].tpye",
            "severity": "error",
            "excerpt": "mounts: [{tpye: proc, type: proc}]",
            "excerpt_column": 1,
        }
    ]
    assert json.loads(to_json(())) == {"format": "toyspec-problems", "problems": []}
