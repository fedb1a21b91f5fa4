"""A command that cannot be executed: one text, whichever way it was to run."""

from __future__ import annotations

from collections.abc import Iterator
from subprocess import CompletedProcess

import pytest

from tests.product import Product
from tests.run import detached
from tests.run.boxes import compile_box, spec
from tests.run.detached import Place

SPEC = """\
version: 1
system: host
files:
  - {target: /opt/plain, content: "echo", mode: "0640"}
  - {target: /opt/odd, content: "#!/nowhere/sh\\n", mode: "0755"}
init: [sleep, "1000"]
"""
MISSING = "    what to do: name a command that is in the box's root, or bind what holds it\n"
PATH = "    likely cause: searched its PATH: /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"


@pytest.fixture
def place(product: Product) -> Iterator[Place]:
    with detached.place(product) as made:
        yield made


@pytest.mark.parametrize(
    ("command", "status", "first", "last"),
    [
        ("nosuch", 127, "no `nosuch` in the box", PATH + MISSING),
        ("/nosuch", 127, "no /nosuch in the box", MISSING),
        ("\x1b[31mX\x07\u202e", 127, r"no `\e[31mX\x07\u202e` in the box", PATH + MISSING),
        (
            "/opt/plain", 126, "/opt/plain cannot be executed: permission denied",
            "    likely cause: /opt/plain is not executable (mode 0640)\n"
            "    what to do: chmod +x /opt/plain\n",
        ),
        (
            "/usr", 126, "/usr cannot be executed: permission denied",
            "    likely cause: /usr is a directory\n    what to do: name the program in it\n",
        ),
        ("/\x1b", 127, r"no /\e in the box", MISSING),
        ("/opt/odd", 127, "/opt/odd cannot start", "    what to do: bind what holds it\n"),
    ],
)  # fmt: skip
def test_a_command_that_cannot_be_executed_is_told_as_one(
    place: Place, command: str, status: int, first: str, last: str
) -> None:
    path = spec(place.product, SPEC, "box.yaml")
    file = compile_box(place.product, path, ())
    words = ["--", command]

    def check(done: CompletedProcess[str]) -> None:
        assert done.returncode == status, done
        assert f"error: {first}\n" in done.stderr
        assert "    errno: E" in done.stderr and done.stderr.endswith(last), done.stderr

    for verb in (["up", "-q"], ["run"], ["run"], ["up", "-d"]):
        check(place.run(*verb, path, *words))
    check(place.product.as_user([file, *words]))
    assert place.run("up", "-d", path).returncode == 0
    for _ in range(3):  # the first is made, the others are kept
        check(place.run("exec", "box", *words))
