"""`launcher.py BOX SPEC [--again WORD…]`: BOX, compiled from SPEC with `timed`, and a view that draws it.

As `up` does it with a box that is ready: the view is forked first, then this process becomes BOX.
"""

from __future__ import annotations

import os
import sys
import time

from toyspec.cli.box import load_spec, make_plan
from toyspec.cli.source import read
from toyspec.cli.words import UP, parse
from toyspec.host.facts import HostFacts
from toyspec.run.progress import Progress, labels
from toyspec.show.phases import phases
from toyspec.show.view import start
from toyspec.start.page import SIZE
from toyspec.values import replace


def as_compiled(facts: HostFacts) -> HostFacts:
    """What the box was made without knowing."""
    return replace(facts, inherited=(), ignored=())


def main(box: str, spec: str, again: list[str]) -> None:
    memory = os.memfd_create("progress", 0)
    os.ftruncate(memory, SIZE)
    progress = Progress(memory)
    view = start(progress, colour=False)
    words = parse([spec], UP)
    source = read(words, UP)
    loaded = load_spec(source, words, 125)
    _, plan = make_plan(loaded, source, words, 125, edit=as_compiled)
    progress.publish(labels(phases(plan)), time.time_ns())
    os.set_inheritable(view.fileno(), True)
    shown = ["--progress", str(memory), "--view", f"{view.fileno()},{view.pid}"]
    os.execv(box, [box, *shown, *again])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
