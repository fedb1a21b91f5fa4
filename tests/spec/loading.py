"""Loading a spec from text, in surroundings that are the same on every machine."""

from __future__ import annotations

from toyspec.spec.load import Overrides, Problem, SpecError, Surroundings, load
from toyspec.spec.model import Spec

FILES: dict[str, bytes] = {}
"""What lies beside the spec, by absolute path."""


def read(path: str, most: int) -> bytes:
    """As `toyspec.cli.box.read_beside`, of `FILES`."""
    if path not in FILES:
        raise FileNotFoundError(2, "No such file or directory", path)
    return FILES[path][: most + 1]


HERE = Surroundings(
    directory="/home/me/proj",
    home="/home/me",
    variables={"HOME": "/home/me", "TERM": "xterm", "X": "ex", "EMPTY": "", "WIDE": "/a:/b:rw"},
    terminal=True,
    read=read,
)
HEAD = "version: 1\ninit: [sh]\n"


def spec(text: str | bytes, path: str = "dev.yaml", overrides: Overrides | None = None) -> Spec:
    """The Spec of a text that is meant to be valid."""
    data = text.encode() if isinstance(text, str) else text
    return load(data, path, HERE, overrides or Overrides())


def problems(text: str | bytes, overrides: Overrides | None = None) -> tuple[Problem, ...]:
    """The problems of a text that is meant to have some."""
    try:
        found = spec(text, overrides=overrides)
    except SpecError as error:
        return error.problems
    raise AssertionError(f"no problem, but {found}")


def said(text: str | bytes, overrides: Overrides | None = None) -> list[tuple[int, int, str]]:
    """Line, column and message of each problem."""
    return [(p.line, p.column, p.message) for p in problems(text, overrides)]
