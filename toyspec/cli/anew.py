"""How a box that was left to itself begins anew: the command that does it, as it can be typed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toyspec.cli.error import FatalError
from toyspec.cli.source import STDIN
from toyspec.cli.words import as_typed, is_spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toyspec.run.state import Seen

_LONGEST = 200  # characters of a command that is repeated


def begins_anew(name: str, about: Mapping[str, object]) -> str:
    """What helps where it is to begin once more, by what is written down of it."""
    spec = about.get("spec")
    spec = None if spec == STDIN else spec
    if isinstance(spec, str) and os.path.isfile(spec) and isinstance(about.get("words"), list):
        return f"toyspec restart {name} begins it anew"
    if isinstance(spec, str):
        return f"{spec} is not there any more; from where it lies by now: {by_hand(name, about)}"
    return f"its spec came from standard input, or is not known; with it: {by_hand(name, about)}"


def by_hand(name: str, about: Mapping[str, object], spec: str | None = None) -> str:
    """The two commands that do it with another spec, and the options and the command of before."""
    given = about.get("words")
    words = [str(each) for each in given] if isinstance(given, list) else []
    end = words.index("--") if "--" in words else len(words)
    words = [each for each in words[:end] if each != "--detach"] + words[end:]
    shown = as_typed(words)
    if len(shown) > _LONGEST:
        shown = "OPTIONS -- COMMAND"
    where = as_typed([spec_word(spec)]) if spec is not None else "SPEC"
    return f"toyspec down {name}, then toyspec up -d {where} {shown}".rstrip()


def renamed(name: str, other: str, spec: str, words: list[str]) -> FatalError:
    """A spec that says another name than that of the box which was begun from it."""
    return FatalError(
        f"`{name}` was begun from {spec}, whose name is `{other}` by now",
        by_hand(name, {"words": words}, spec),
    )


def left(before: Seen, now: Seen) -> str:
    """What has become of a box that was to begin anew and did not; empty where another has its name."""
    name = before.name
    if now.lives:
        same = now.status.child_began == before.status.child_began
        return f"`{name}` still runs as it was" if same else ""
    if before.lives:
        return f"`{name}` was stopped and is not begun anew: mend that, then toyspec restart {name}"
    return f"`{name}` had ended, and is not begun anew"


def spec_word(path: str) -> str:
    """The file as a word that is taken for a SPEC, from here where that is shorter."""
    if path == STDIN:
        return "-"
    try:
        near = os.path.relpath(path)
    except OSError:  # no working directory
        return path
    near = near if is_spec(near) else f"./{near}"
    return near if len(near) < len(path) else path
