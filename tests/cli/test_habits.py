"""Who types what docker, podman or compose take is shown what to type here."""

from __future__ import annotations

import shlex

import pytest

from tests.product import Product
from toyspec.cli.error import UsageError
from toyspec.cli.exec import SYNTAX as EXEC
from toyspec.cli.habits import foreign_verb, verb_first
from toyspec.cli.logs import SYNTAX as LOGS
from toyspec.cli.main import VERBS as OURS
from toyspec.cli.ps import SYNTAX as PS
from toyspec.cli.restart import SYNTAX as RESTART
from toyspec.cli.stop import STOP
from toyspec.cli.typed import refuse_bare_command
from toyspec.cli.words import RUN, UP, Syntax, parse, spec_and_name
from toyspec.spec.habits import OPTIONS, VERBS


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("dev bash", "dev -- bash"),
        ("dev ls -la 'a b'", "dev -- ls -la 'a b'"),
        ("-it dev bash", "dev -- bash"),
        ("-i -t dev bash -c id", "dev -- bash -c id"),
        ("-it dev -- bash", "dev -- bash"),
        ("-ti", "NAME -- COMMAND…"),
        ("-e A=1 -w /x --tty dev env", "-e A=1 -w /x dev -- env"),
        ("dev.yaml web x", "dev.yaml -- web x"),
        ("-T dev cat", "-T dev -- cat"),
        ("-f dev.yaml cat", "-f dev.yaml -- cat"),
        ("dev.yaml web -it -- x", "dev.yaml web -- x"),
    ],
)
def test_a_command_goes_behind_dashes(typed: str, right: str) -> None:
    with pytest.raises(UsageError) as caught:
        refuse_bare_command(shlex.split(typed), EXEC)
    assert caught.value.remedy == f"toyspec exec {right}"


@pytest.mark.parametrize(
    "typed", ["", "dev", "dev -- ls -it", "-T dev -- ls", "dev.yaml dev -- ls", "-z dev ls", "x --help y"]
)  # fmt: skip
def test_what_is_right_or_wrong_otherwise_is_left_to_the_parser(typed: str) -> None:
    refuse_bare_command(typed.split(), EXEC)


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("run web.yaml ls -l", "run web.yaml -- ls -l"),
        ("run web.yaml ls -v", "run web.yaml -- ls -v"),
        ("run web.yaml bash", "run web.yaml -- bash"),
        ("up web.yaml sh -c 'echo hi'", "up web.yaml -- sh -c 'echo hi'"),
        ("run -it web.yaml bash", "run web.yaml -- bash"),
        ("run --rm -it web.yaml -- bash", "run web.yaml -- bash"),
        ("run --rm web.yaml", "run web.yaml"),
        ("up -e A=1 web.yaml web ls -l", "up -e A=1 web.yaml web -- ls -l"),
        ("run -qf web.yaml ls -l", "run -qf web.yaml -- ls -l"),
        ("run web ls -l", "run web.yaml -- ls -l"),
        ("run ls -l", "run -- ls -l"),
        ("run debian bash", "run SPEC -- bash"),
        ("up -d web", "up -d web.yaml"),
        ("up web -d -e A=1 -- ls", "up -d -e A=1 web.yaml -- ls"),
        ("up -d", "up -d ./dev.yaml"),
        ("up -d dir", "up -d dir/toyspec.yaml"),
        ("run dir ls -l", "run dir/toyspec.yaml -- ls -l"),
        ("run -T -- ls", "run -T ./dev.yaml -- ls"),
        ("up -d web.yaml wbe", "the box is `web`"),
        ("run -v .:/x web.yaml -- ls", '`binds: [".:/x"]`'),
        ("run -v .:/x:ro web.yaml", '`binds: [".:/x"]`'),
    ],
)
def test_the_whole_command_is_said(product: Product, typed: str, right: str) -> None:
    here = product.directory()
    product.write(here / "web.yaml", "version: 1\nsystem: host\ninit: ['true']\n")
    product.write(here / "dir" / "toyspec.yaml", "version: 1\n")
    done = product.run(shlex.split(typed), cwd=here)
    assert done.returncode == 125
    said = f"toyspec {right}\n" if right.startswith(("run", "up")) else right
    assert said in done.stderr


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("-f dev.yaml up -d", "toyspec up -f dev.yaml -d"),
        ("-q run x.yaml -- ls", "toyspec run -q x.yaml -- ls"),
        ("-f dev.yaml logs -f", "toyspec logs --file dev.yaml -f"),
        ("-f dev.yaml", None),
    ],
)
def test_options_before_the_verb(typed: str, right: str | None) -> None:
    assert verb_first(typed.split(), OURS) == right


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("rm -f dev", "`toyspec down dev` ends a box"),
        ("start dev.yaml", "`toyspec up -d dev.yaml`"),
        ("attach dev", "`toyspec exec dev -- sh`"),
        ("create", "`toyspec up -d SPEC`"),
        ("pause dev", "`toyspec stop dev` ends it"),
        ("status", "`toyspec ps`"),
        ("version", "`toyspec --version`"),
        ("compose up -d", "leave the word out: toyspec up -d"),
    ],
)
def test_a_foreign_verb_is_answered_with_ours(typed: str, says: str) -> None:
    assert says in (foreign_verb(typed.split()) or "")


def test_no_foreign_word_is_ours() -> None:
    assert not VERBS.keys() & OURS.keys()
    taken = {name for option in RUN.options for name in option.names}
    assert not OPTIONS.keys() & taken
    assert foreign_verb(["nothing"]) is None


@pytest.mark.parametrize(
    ("word", "says"), [("-it", "-i"), ("--rm", "--rm"), ("--build", "--build")]
)
def test_a_foreign_option_is_answered(word: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse([word], UP)
    assert (caught.value.message, caught.value.remedy) == (f"unknown option {says}", OPTIONS[says])


@pytest.mark.parametrize(
    ("syntax", "word", "says"),
    [
        (PS, "--json", "--format json"),
        (STOP, "--timeout=3", "-t SECONDS"),
        (RESTART, "-d", "left to itself"),
        (EXEC, "--user", "a command has the user"),
    ],
)
def test_an_option_of_another_verb_is_answered(syntax: Syntax, word: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse([word], syntax)
    assert says in (caught.value.remedy or "")


def test_logs_are_of_one_box() -> None:
    with pytest.raises(UsageError) as caught:
        spec_and_name(parse(["a", "b"], LOGS), LOGS)
    assert caught.value.remedy == "one box at a time: toyspec logs b"


def test_the_command_says_so(product: Product) -> None:
    for words, status, said in (
        (["rm", "dev"], 2, "`rm` is no verb here\n  `toyspec down dev`"),
        (["exec", "dev", "ls", "-la"], 125, "toyspec exec dev -- ls -la\n"),
        (["exec", "dev"], 125, "no command to run in the box\n  toyspec exec dev -- COMMAND…"),
        (["-f", "a.yaml", "up"], 2, "options come after the verb: toyspec up -f a.yaml\n"),
    ):
        done = product.run(words)
        assert (done.returncode, done.stdout) == (status, "")
        assert said in done.stderr


def test_help_takes_a_verb(product: Product) -> None:
    assert product.run(["help", "up"]).stdout == product.run(["up", "--help"]).stdout
    assert product.run(["help", "nothing"]).stdout == product.run(["help"]).stdout
