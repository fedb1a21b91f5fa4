"""There is no such box: where it was looked for, which ones there are, and what was meant perhaps."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toyspec.cli.anew import by_hand, spec_word
from toyspec.cli.error import FatalError
from toyspec.cli.place import base
from toyspec.cli.words import ENDINGS, as_typed
from toyspec.run import state
from toyspec.run.boxes import StateError, names, open_boxes
from toyspec.run.remains import what_lies_there
from toyspec.start.look import variable
from toyspec.start.places import runtime_dir

if TYPE_CHECKING:
    from toyspec.start.look import Look

_FEW = 8  # names that are listed


class NoBoxError(FatalError):
    """No box of that name was left to itself."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no box `{name}` was left to itself")


def tell_absent(name: str, spec: str | None, verb: str, look: Look, status: int) -> FatalError:
    """The same with what helps. `spec`: the file that says the name, where nobody typed it."""
    error = NoBoxError(name)
    error.status = status
    if lies := _remains(name, look):
        error.message, error.remedy = lies, f"toyspec down {name} removes it"
        return error
    known = begun_from(spec, look) if spec is not None and verb == "restart" else []
    if spec is not None and known:
        how = f"`{known[0]}` was begun from this spec, whose name is another by now"
        error.remedy = f"{how}: {by_hand_of(known[0], spec, look)}"
        return error
    guess = _of_spec(spec, verb, look) if spec is not None else _of_name(name, verb, look)
    error.remedy = f"{guess}; {there(look)}" if guess else there(look)
    return error


def _of_spec(spec: str, verb: str, look: Look) -> str:
    known = begun_from(spec, look)
    if known:
        return f"`{known[0]}` was begun from this spec: toyspec {verb} {known[0]}"
    if not os.path.isfile(spec):
        return ""
    return f"toyspec up -d {as_typed([spec_word(spec)])} begins it"


def by_hand_of(name: str, spec: str | None, look: Look) -> str:
    """As `anew.by_hand`, of a box that is there."""
    about = next((each.about for each in _seen(look) if each.name == name), {})
    return by_hand(name, about, spec)


def _of_name(name: str, verb: str, look: Look) -> str:
    from toyspec.cli.near import near

    beside = next((name + each for each in ENDINGS if os.path.isfile(name + each)), None)
    if beside is not None:
        known = begun_from(os.path.abspath(beside), look)
        if known:
            return f"`{known[0]}` was begun from {beside}: toyspec {verb} {known[0]}"
        return f"toyspec up -d {as_typed([beside])} begins one"
    known = existing(look)
    guess = near(name, known)
    if guess:
        return f"did you mean {guess}?"
    return "" if known else "toyspec up -d SPEC begins one"


def there(look: Look) -> str:
    """Which boxes there are, and where that was looked up."""
    lives = [each.name for each in _seen(look) if each.lives]
    known = existing(look)
    if lives:
        found = f"running: {_list(lives)}"
    else:
        found = f"none runs; ended: {_list(known)}" if known else "there is none"
    return f"{found}; looked in {base(look).rstrip('/')}/toyspec/boxes ({_why(look)})"


def existing(look: Look) -> list[str]:
    """The names of all that is kept of boxes."""
    boxes = _open(look)
    if boxes is None:
        return []
    try:
        return names(boxes)
    finally:
        os.close(boxes)


def begun_from(path: str, look: Look) -> list[str]:
    """The boxes that were begun from a file, those first that live."""
    found = [
        each
        for each in _seen(look)
        if isinstance(spec := each.about.get("spec"), str) and is_same(spec, path)
    ]
    return [each.name for each in sorted(found, key=lambda each: not each.lives)]


def origin_of(name: str, look: Look) -> str | None:
    """The spec that the box of that name was begun from; None where nobody knows, or there is none."""
    spec = next((each.about.get("spec") for each in _seen(look) if each.name == name), None)
    return spec if isinstance(spec, str) else None


def runs(name: str, look: Look) -> bool:
    """Whether the box of that name lives."""
    return any(each.name == name and each.lives for each in _seen(look))


def is_same(one: str, other: str) -> bool:
    """Whether two paths lead to one file; one that is gone is where it was."""
    try:
        return os.path.realpath(one) == os.path.realpath(other) or os.path.samefile(one, other)
    except (OSError, ValueError):  # ValueError: what is written down has a NUL
        return False


def _seen(look: Look) -> list[state.Seen]:
    boxes = _open(look)
    if boxes is None:
        return []
    found = []
    for name in names(boxes):
        try:
            found.append(state.look(boxes, name))
        except StateError:
            continue  # what is wrong with it `ps` says
    os.close(boxes)
    return [each for each in found if each is not None]


def _open(look: Look) -> int | None:
    try:
        return open_boxes(base(look))
    except StateError:
        return None


def _remains(name: str, look: Look) -> str | None:
    """What lies in its place and is no box."""
    boxes = _open(look)
    if boxes is None:
        return None
    try:
        return what_lies_there(boxes, name)
    except StateError:
        return None
    finally:
        os.close(boxes)


def _why(look: Look) -> str:
    if runtime_dir(lambda name: look.ask(variable, name)) is not None:
        return "XDG_RUNTIME_DIR is set"
    if look.ask(variable, "XDG_RUNTIME_DIR"):
        return "XDG_RUNTIME_DIR is no absolute path, and does not count"
    return "XDG_RUNTIME_DIR is not set"


def _list(found: list[str]) -> str:
    return ", ".join(found[:_FEW]) + (", …" if found[_FEW:] else "")
