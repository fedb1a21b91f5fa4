"""`restart` of what cannot begin anew: what became of the old box, and what to type, as it can be typed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import Product
from tests.run import detached
from tests.run.detached import Place

TEXT = "version: 1\nsystem: host\nname: dev\n"
SLEEPS = ("sleep", "1000")


@pytest.fixture
def place(product: Product) -> Iterator[Place]:
    with detached.place(product) as made:
        yield made


@pytest.fixture
def here(place: Place) -> Path:
    return place.spec.parent


def begin(place: Place, here: Path, *options: str) -> Path:
    path = place.product.write(here / "dev.yaml", TEXT)
    done = place.run("up", "-d", *options, path, "--", *SLEEPS)
    assert done.returncode == 0, done.stderr
    return path


def follow(place: Place, here: Path, said: str, spec: str = "SPEC") -> None:
    """Type what is said, with the spec in the place of SPEC."""
    line = said[said.index("toyspec down ") :].splitlines()[0]
    for command in line.split(", then "):
        words = [spec if word == "SPEC" else word for word in shlex.split(command)]
        done = place.run(*words[1:], cwd=here)
        assert done.returncode == 0, (command, done.stderr)


@pytest.mark.parametrize("more", ["foo: 1\n", "binds: ['/nowhere/at/all:/x']\n"])
@pytest.mark.parametrize("word", ["dev", "dev.yaml"])
def test_one_that_cannot_be_planned_still_runs_and_that_is_said(
    place: Place, here: Path, more: str, word: str
) -> None:
    path = begin(place, here)
    before = place.processes("dev")
    place.product.write(path, TEXT + more)
    done = place.run("restart", word, cwd=here)
    assert done.returncode in (1, 125)
    assert done.stderr.endswith("\ntoyspec: `dev` still runs as it was\n")
    assert place.processes("dev") == before
    assert place.run("stop", "-q", "-t", "0", "dev").returncode == 0
    assert "still runs" not in place.run("restart", word, cwd=here).stderr


def test_one_that_was_stopped_already_begins_anew_once_that_is_mended(
    place: Place, here: Path
) -> None:
    path = begin(place, here, "-e", "A=1")
    place.product.write(path, f"{TEXT}working_dir: /nope\n")
    done = place.run("restart", "-t", "0", "dev")
    assert done.returncode == 125
    said = "toyspec: `dev` was stopped and is not begun anew: mend that, then toyspec restart dev\n"
    assert done.stderr.endswith(f"\n{said}")
    again = place.run("restart", "dev").stderr
    assert again.endswith("\ntoyspec: `dev` had ended, and is not begun anew\n")
    place.product.write(path, TEXT)
    assert place.run("restart", "dev").returncode == 0
    assert place.run("exec", "dev", "--", "sh", "-c", "echo $A").stdout == "1\n"
    assert place.ps()["dev"]["command"] == list(SLEEPS)


def test_a_spec_that_has_another_name_by_now(place: Place, here: Path) -> None:
    path = begin(place, here, "-e", "A=1")
    place.product.write(path, TEXT.replace("dev", "other"))
    said = "toyspec down dev, then toyspec up -d dev.yaml --env=A=1 -- sleep 1000"
    by_name, by_spec = (place.run("restart", word, cwd=here) for word in ("dev", "dev.yaml"))
    assert by_name.returncode == 125 and by_spec.returncode == 1
    assert (
        f"`dev` was begun from {path}, whose name is `other` by now\n  {said}\n" in by_name.stderr
    )
    assert said in by_spec.stderr
    follow(place, here, by_spec.stderr)
    assert place.ps()["other"]["state"] == "running"


@pytest.mark.parametrize("word", ["dev", "dev.yaml", "moved/dev.yaml"])
def test_a_spec_that_was_moved(place: Place, here: Path, word: str) -> None:
    path = begin(place, here)
    (here / "moved").mkdir()
    (here / "moved").chmod(0o755)
    path.rename(here / "moved/dev.yaml")
    done = place.run("restart", word, cwd=here)
    assert done.returncode != 0
    assert "still runs" in done.stderr or word == "moved/dev.yaml"
    follow(place, here, done.stderr, "moved/dev.yaml")
    assert place.ps()["dev"]["spec"] == str(here / "moved/dev.yaml")
    assert place.ps()["dev"]["command"] == list(SLEEPS)
