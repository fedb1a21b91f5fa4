"""The boxes that were left to themselves, as the verbs see them by their names."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from toyspec.cli.absent import NoBoxError, is_same
from toyspec.cli.error import FatalError
from toyspec.cli.place import base
from toyspec.cli.source import STDIN
from toyspec.cli.streams import say
from toyspec.cli.words import COLOR, FILE, HELP, QUIET, VERBOSE, Option
from toyspec.run import state
from toyspec.run.boxes import StateError, open_boxes
from toyspec.start.look import Look, variable
from toyspec.start.look_paths import first_line
from toyspec.start.places import runtime_dir
from toyspec.values import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toyspec.run.afar import Watcher

NO_BOX = 1
"""The status of a verb whose box is not there, unless its status is that of a command in one."""
BY_NAME = (FILE,)
"""What a verb on a box takes beside NAME or SPEC."""
WHICH = ("NAME|SPEC",)
SEVERAL = ("NAME|SPEC…",)
GRACE = 10.0  # seconds between the signal to stop and KILL, where the box's spec said nothing
_LONGEST_GRACE = 999999 * 3600  # as the schema has it
_SIGNALS = 64  # signal(7)


def common(quiet: str) -> tuple[Option, ...]:
    """The options that every verb has; what -q leaves out there."""
    return (replace(QUIET, help=quiet), replace(VERBOSE, help="tracebacks"), COLOR, HELP)


def boxes_of(look: Look, name: str, *, make: bool = False, mends: bool = False) -> int:
    """The directory of the caller's boxes, by a descriptor, in which `name` is looked for or made;
    raises FatalError.
    """
    found = find_boxes(look, make=make, mends=mends)
    if found is None:
        raise NoBoxError(name)
    return found


def find_boxes(look: Look, *, make: bool = False, mends: bool = False) -> int | None:
    """The same; None where none was ever made."""
    where = base(look)
    try:
        found = open_boxes(where, make=make, mends=mends)
    except StateError as error:
        raise cannot(error) from None
    named = runtime_dir(lambda name: look.ask(variable, name))
    if found is None and named is not None and not os.path.lexists(named):
        raise FatalError(
            f"{where} does not exist, where XDG_RUNTIME_DIR has boxes looked for",
            "set it to a directory of your own, or unset it; `su` keeps that of another user, `su -l` does not",
        )
    return found


def seen(boxes: int, name: str) -> state.Seen:
    """The box as it is; raises FatalError where there is none."""
    try:
        found = state.settle(boxes, name)
    except StateError as error:
        raise cannot(error) from None
    if found is None:
        raise NoBoxError(name)
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
        raise NoBoxError(name) from None


def tell_changes(boxes: int, name: str) -> None:
    """What a box that has ended left for its host to look at, on standard error: by everybody who ends it,
    waits for it or removes what is kept of it. Its log may never be read. Raises StateError.
    """
    from toyspec.show.text import escape

    if (found := state.look(boxes, name)) is None or not found.is_over:
        return
    for text in state.changes(boxes, name):
        say(f"{escape(text)}\n")


def boot() -> str | None:
    """Which one of the machine's this is."""
    return first_line("/proc/sys/kernel/random/boot_id")


def how_to_stop(about: Mapping[str, object]) -> tuple[int, float]:
    """The signal that asks the box to end, and the seconds that it has then: as its spec said. What cannot
    be one, as in a file that somebody damaged, is the default.
    """
    number, grace = about.get("stop_signal"), about.get("stop_grace_period")
    if not isinstance(number, int) or number is True or not 0 < number <= _SIGNALS:
        number = signal.SIGTERM
    if not isinstance(grace, int | float) or not 0 <= grace <= _LONGEST_GRACE:
        grace = GRACE
    return number, float(grace)


def taken(boxes: int, name: str, wanted: str) -> FatalError:
    """A box of that name runs: perhaps one of another spec than the `wanted` one."""
    try:
        found = state.look(boxes, name)
    except StateError as error:
        return cannot(error)
    spec = found.about.get("spec") if found is not None else None
    origin = f", begun from {spec}" if isinstance(spec, str) else ""
    others = isinstance(spec, str) and wanted != STDIN and not is_same(spec, wanted)
    apart = "give one of the two specs another `name:`, and both run; or " if others else ""
    return FatalError(
        f"the box `{name}` runs already, left to itself{origin}",
        f"{apart}toyspec exec {name} -- COMMAND runs something in it; toyspec down {name} ends it",
        status=125,
    )


def cannot(error: StateError) -> FatalError:
    """What is wrong with where states lie."""
    return FatalError(error.message, error.remedy)
