"""The boxes that were left to themselves, as the verbs find them: by NAME, or by the SPEC that says it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from toyspec.cli.error import FatalError
from toyspec.cli.place import base
from toyspec.cli.source import read
from toyspec.cli.words import COLOR, FILE, HELP, QUIET, VERBOSE, Option, spec_and_name
from toyspec.run import state
from toyspec.run.boxes import StateError, names, open_boxes
from toyspec.start.look import Look
from toyspec.start.look_paths import first_line
from toyspec.values import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toyspec.cli.words import Syntax, Words
    from toyspec.run.afar import Watcher

NO_BOX = 1
"""The status of a verb whose box is not there."""
BY_NAME = (FILE,)
"""What a verb on a box takes beside NAME or SPEC."""
WHICH = ("NAME|SPEC",)
GRACE = 10.0  # seconds between the signal to stop and KILL, where the box's spec said nothing


def common(quiet: str) -> tuple[Option, ...]:
    """The options that every verb has; what -q leaves out there."""
    return (replace(QUIET, help=quiet), replace(VERBOSE, help="tracebacks"), COLOR, HELP)


def boxes_of(look: Look, *, make: bool = False) -> int:
    """The directory of the caller's boxes, by a descriptor; raises FatalError."""
    found = find_boxes(look, make=make)
    if found is None:
        raise FatalError(
            "there is no box: none was left to itself",
            "toyspec up -d SPEC begins one",
            status=NO_BOX,
        )
    return found


def find_boxes(look: Look, *, make: bool = False) -> int | None:
    """The same; None where none was ever made."""
    try:
        return open_boxes(base(look), make=make)
    except StateError as error:
        raise cannot(error) from None


def named(words: Words, syntax: Syntax, look: Look) -> str:
    """The box that is meant; raises UsageError, FatalError, and Reported where its spec is not valid."""
    spec, name = spec_and_name(words, syntax)
    if spec is None and name is not None:
        return name
    from toyspec.cli.box import load_spec

    return load_spec(read(words, syntax, look), words, NO_BOX, plans=False, look=look).name


def seen(boxes: int, name: str) -> state.Seen:
    """The box as it is; raises FatalError where there is none."""
    try:
        found = state.look(boxes, name)
    except StateError as error:
        raise cannot(error) from None
    if found is None:
        state.sweep(boxes, name)
        raise no_box(boxes, name)
    return found


def watch(boxes: int, name: str) -> Watcher:
    """The box, to be watched and stopped; raises FatalError where there is none."""
    from toyspec.run.afar import Watcher, end_lost

    try:
        found = seen(boxes, name)
        end_lost(found, boot())
        return Watcher(boxes, name)
    except StateError as error:
        raise cannot(error) from None
    except FileNotFoundError:
        raise no_box(boxes, name) from None


def boot() -> str | None:
    """Which one of the machine's this is."""
    return first_line("/proc/sys/kernel/random/boot_id")


def how_to_stop(about: Mapping[str, object]) -> tuple[int, float]:
    """The signal that asks the box to end, and the seconds that it has then: as its spec said."""
    number, grace = about.get("stop_signal"), about.get("stop_grace_period")
    return (
        number if isinstance(number, int) else signal.SIGTERM,
        float(grace) if isinstance(grace, int | float) else GRACE,
    )


def no_box(boxes: int, name: str) -> FatalError:
    """There is none of that name; perhaps another one was meant."""
    from toyspec.cli.near import near

    known = names(boxes)
    guess = near(name, known)
    if guess:
        remedy = f"did you mean {guess}?"
    else:
        remedy = "there is: " + ", ".join(known[:8]) if known else "toyspec up -d begins one"
    return FatalError(f"no box `{name}` was left to itself", remedy, status=NO_BOX)


def taken(name: str) -> FatalError:
    """A box of that name runs."""
    return FatalError(
        f"the box `{name}` runs already, left to itself",
        f"toyspec exec {name} -- COMMAND runs something in it; toyspec down {name} ends it",
        status=125,
    )


def cannot(error: StateError) -> FatalError:
    """What is wrong with where states lie."""
    return FatalError(error.message, error.remedy)
