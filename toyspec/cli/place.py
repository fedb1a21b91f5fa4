"""Where the caller's boxes lie that were left to themselves. Light: every `up` that plans asks it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toyspec.cli.source import home
from toyspec.start.look import variable
from toyspec.start.look_paths import path
from toyspec.start.places import boxes_base

if TYPE_CHECKING:
    from toyspec.start.look import Look


def base(look: Look) -> str:
    """The directory that toyspec's own lies in."""

    def whose(where: str) -> int | None:
        kind, *_, uid = look.ask(path, where)[:5]
        return uid if kind == "directory" else None

    return boxes_base(lambda name: look.ask(variable, name), home(look), os.geteuid(), whose)


def refuse_running(name: str, spec: str, look: Look) -> bool:
    """Raises FatalError where a box of that name runs, left to itself, perhaps one of another spec. Else whether anything is kept of
    one: that there is nothing is a question of `look`, so that a box which was kept is served only then.
    """
    where = f"{base(look).rstrip('/')}/toyspec/boxes/{name}"
    if look.ask(path, where)[0] == "missing":
        return False
    from toyspec.cli.boxes import taken
    from toyspec.run import state
    from toyspec.run.boxes import StateError, open_boxes

    try:
        boxes = open_boxes(base(look))
        found = state.look(boxes, name) if boxes is not None else None
    except StateError:
        return True  # a box that somebody waits for keeps nothing there
    if boxes is not None and found is not None and found.lives:
        raise taken(boxes, name, spec)
    return True
