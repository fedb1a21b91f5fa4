"""docs/life.md is true: its commands for `run` and `exec` do what they say, with `specs/dev.yaml`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tools
from tests.installation import REPOSITORY
from tests.kernel_side.specs import fresh
from tests.product import Product
from tests.run import detached
from tests.run.detached import Place
from toyspec.cli.unfed import is_unfed

PAGE = (REPOSITORY / "docs/life.md").read_text("utf-8")
MAKEFILE = "check:\n\t@echo checked\n"


def commands(title: str) -> list[str]:
    """What is typed below a heading."""
    part = re.split(r"^#+ ", PAGE.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^    \$ (.*)$", part, re.MULTILINE)


RUN = commands("One command: `run`")
EXEC = commands("Another command in it: `exec`")


@pytest.fixture
def place(product: Product) -> Iterator[Place]:
    with detached.place(product) as made:
        yield made


@pytest.fixture
def here(product: Product) -> Path:
    tools.need("bash", "make", "tar")
    made = fresh(product, "dev.yaml").parent
    product.write(made / "Makefile", MAKEFILE)
    return made


def typed(place: Place, here: Path, line: str) -> str:
    """What a line prints; it succeeds."""
    path = f"{os.path.dirname(place.product.toyspec[0])}:{place.product.environment['PATH']}"
    done = place.product.as_user(
        ["bash", "-o", "pipefail", "-c", line], cwd=here, env=place.env | {"PATH": path}
    )
    assert (done.returncode, done.stderr) == (0, ""), (line, done)
    return done.stdout


def test_run(place: Place, here: Path) -> None:
    said = [typed(place, here, line) for line in RUN]
    assert len(said) == 2
    assert said[0] == "checked\n"
    assert re.fullmatch(r"[0-9a-f]{64}  -\n", said[1])


def test_exec(place: Place, here: Path) -> None:
    done = place.run("up", "-d", "dev.yaml", "--", "sleep", "1000", cwd=here)
    assert (done.returncode, done.stdout, done.stderr) == (0, "dev\n", "")
    said = [typed(place, here, line) for line in EXEC]
    assert len(said) == 4
    assert said[0] == "checked\n"
    assert "steps · " in said[3]
    listed = typed(place, here, "toyspec exec dev -- ls /tmp")
    assert set(os.listdir(here)) <= set(listed.split())


def test_a_shell_left_to_itself_is_told_that_it_ends(place: Place, here: Path) -> None:
    """Its input is empty, and so it does."""
    why = "`bash` reads its input, which is empty in a box that is left to itself, and ends at once"
    what = "give it a command: toyspec up -d dev.yaml -- COMMAND"
    done = place.run("up", "-d", "dev.yaml", cwd=here)
    assert (done.returncode, done.stdout) == (0, "dev\n")
    assert done.stderr == f"toyspec: {why}; {what}\n"
    assert place.ends("dev") == 0
    done = place.run("exec", "dev", "--", "true", cwd=here)
    assert (done.returncode, done.stdout) == (125, "")
    assert (
        done.stderr == f"toyspec: error: the box `dev` has ended, with status 0: {why}\n  {what}\n"
    )
    done = place.run("up", "-d", "-q", "dev.yaml", cwd=here)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["sh"], True),
        (["/bin/bash", "-l"], True),
        (["bash", "-c", "true"], False),
        (["sh", "script"], False),
        (["python3", "-m", "http.server"], False),
        (["sleep", "1"], False),
    ],
)
def test_what_reads_its_input(argv: list[str], told: bool) -> None:
    assert is_unfed(argv) is told
