from __future__ import annotations

import pytest

from toyspec.cli.check import SYNTAX as CHECK
from toyspec.cli.compile import SYNTAX as COMPILE
from toyspec.cli.emit import SYNTAX as EMIT
from toyspec.cli.error import UsageError
from toyspec.cli.exec import SYNTAX as EXEC
from toyspec.cli.facts import SYNTAX as FACTS
from toyspec.cli.near import near
from toyspec.cli.plan import SYNTAX as PLAN
from toyspec.cli.schema import SYNTAX as SCHEMA
from toyspec.cli.words import UP, Syntax, Words, help_text, is_spec, parse, spec_and_name
from toyspec.emit.c import BUILD
from toyspec.start.places import is_name


@pytest.mark.parametrize(
    ("line", "options", "words", "argv"),
    [
        ("", {}, (), None),
        ("dev.yaml", {}, ("dev.yaml",), None),
        ("-q dev.yaml", {"quiet": [""]}, ("dev.yaml",), None),
        ("dev.yaml -q", {"quiet": [""]}, ("dev.yaml",), None),
        ("-e A=1 -e B -eC=2", {"env": ["A=1", "B", "C=2"]}, (), None),
        ("--env=A=1", {"env": ["A=1"]}, (), None),
        ("-qe A=1", {"quiet": [""], "env": ["A=1"]}, (), None),
        ("-w /code", {"working-dir": ["/code"]}, (), None),
        ("-w/code", {"working-dir": ["/code"]}, (), None),
        ("-e -x", {"env": ["-x"]}, (), None),
        ("-f odd", {"file": ["odd"]}, (), None),
        ("- dev", {}, ("-", "dev"), None),
        ("--color never -v", {"color": ["never"], "verbose": [""]}, (), None),
        ("dev.yaml -- ls -l --color -- -e", {}, ("dev.yaml",), ("ls", "-l", "--color", "--", "-e")),
        ("-- -q", {}, (), ("-q",)),
        ("dev.yaml --", {}, ("dev.yaml",), None),
    ],
)
def test_up_understands(
    line: str, options: dict[str, list[str]], words: tuple[str, ...], argv: tuple[str, ...] | None
) -> None:
    found = parse(line.split(), UP)
    assert found == Words(options, words, argv, tuple(line.split()), UP)


@pytest.mark.parametrize(
    ("syntax", "line", "message"),
    [
        (UP, "--quite", "unknown option --quite"),
        (UP, "-z", "unknown option -z"),
        (UP, "-qz", "unknown option -z"),
        (UP, "--syscalls", "unknown option --syscalls"),
        (UP, "-e", "-e needs a value"),
        (UP, "--env", "--env needs a value"),
        (UP, "dev.yaml -w -- /x", "-w needs a value"),
        (UP, "--quiet=yes", "--quiet takes no value"),
        (UP, "--color blue", "--color takes auto or always or never, not `blue`"),
        (UP, "-w /a -w /b", "-w is given twice"),
        (UP, "-q -v", "contradict"),
        (CHECK, "--format xml", "--format takes text or json"),
        (SCHEMA, "-- x", "schema takes no command after `--`"),
    ],
)
def test_refused_with_a_reason(syntax: Syntax, line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(line.split(), syntax)
    assert message in caught.value.message


def test_a_mistyped_option_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["--quite"], UP)
    assert caught.value.remedy == "did you mean --quiet?"


@pytest.mark.parametrize(
    ("word", "spec"),
    [
        ("-", True),
        ("dev.yaml", True),
        ("dev.yml", True),
        ("dev.json", True),
        ("a/b", True),
        ("./dev", True),
        ("dev", False),
        ("yaml", False),
        ("dev.toml", False),
    ],
)
def test_a_spec_is_known_by_its_looks(word: str, spec: bool) -> None:
    assert is_spec(word) is spec


@pytest.mark.parametrize(
    ("word", "name"),
    [("dev", True), ("0-a_b", True), ("Dev", False), ("-dev", False), ("_x", False), ("", False),
     ("dév", False), ("a.b", False)],
)  # fmt: skip
def test_a_name_is_known_by_its_letters(word: str, name: bool) -> None:
    assert is_name(word) is name


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", (None, None)),
        ("dev.yaml", ("dev.yaml", None)),
        ("dev.yaml web", ("dev.yaml", "web")),
        ("web", (None, "web")),
        ("-f odd web", ("odd", "web")),
        ("-", ("-", None)),
    ],
)
def test_spec_and_name(line: str, found: tuple[str | None, str | None]) -> None:
    assert spec_and_name(parse(line.split(), UP), UP) == found


@pytest.mark.parametrize(
    ("line", "message", "remedy"),
    [
        ("-f a b.yaml", "two specs", ""),
        ("Dev", "neither a spec nor a name", "a name is of a-z"),
        ("dev.yaml one two", "one word too many", "toyspec up dev.yaml -- one two"),
        ("./dev.yaml One", "one word too many", "toyspec up ./dev.yaml -- One"),
        ("dev.yaml echo A;B c", "one word too many", "toyspec up dev.yaml -- echo 'A;B' c"),
        ("web echo hi", "one word too many", "toyspec up -- web echo hi"),
        ("-f odd echo hi", "one word too many", "toyspec up odd -- echo hi"),
        ("web dev.yaml", "one word too many", "the spec comes first: toyspec up dev.yaml web"),
        ("a.yaml b.yaml", "two specs: a.yaml and b.yaml", "one at a time: toyspec up b.yaml"),
    ],
)
def test_stray_words(line: str, message: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        spec_and_name(parse(line.split(), UP), UP)
    assert message in caught.value.message
    assert remedy in (caught.value.remedy or "")


@pytest.mark.parametrize("syntax", [UP, EXEC, PLAN, CHECK, FACTS, SCHEMA, COMPILE, EMIT])
def test_help_names_every_option_and_fits_a_terminal(syntax: Syntax) -> None:
    text = help_text(syntax)
    assert max(map(len, text.splitlines())) <= 100
    for option in syntax.options:
        assert all(name in text for name in option.names)


def test_help_of_exec_is_about_the_box_that_is_up() -> None:
    text = help_text(EXEC)
    assert "the box, which is up" in text and "the command to run in it" in text
    assert "in place of the spec's init" not in text and "else the spec is refused" not in text


def test_help_has_the_line_that_builds_a_program() -> None:
    lines = help_text(EMIT).partition("  gcc ")[2].partition(" -o box box.c\n")[0]
    assert " ".join(["gcc", *lines.replace("\\\n", "").split()]) == BUILD


def test_plan_check_and_facts_take_what_changes_the_plan() -> None:
    changing = {"file", "env", "working-dir"}
    for syntax in (UP, PLAN, CHECK, FACTS):
        assert changing <= {option.key for option in syntax.options}
        assert syntax.argv


@pytest.mark.parametrize("line", ["--help", "-h", "-q --help", "--help -- x"])
def test_help_is_help(line: str) -> None:
    assert parse(line.split(), UP).flag("help")


@pytest.mark.parametrize(
    ("word", "guess"),
    [
        ("foo", None), ("colour", "color"), ("qiet", "quiet"), ("uqiet", "quiet"), ("x", None),
        ("verbsoe", "verbose"), ("", None), ("version", None), ("v" * 50, None),
    ],
)  # fmt: skip
def test_only_what_is_really_near_is_suggested(word: str, guess: str | None) -> None:
    assert near(word, ["color", "quiet", "verbose", "file"]) == guess


def test_an_option_that_is_near_nothing_gets_the_usage() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["--foo"], UP)
    assert caught.value.remedy == UP.usage()
