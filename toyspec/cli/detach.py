"""`toyspec up -d`: the box is left to itself; its state says what becomes of it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from toyspec.cli.anew import renamed
from toyspec.cli.box import load_spec, make_plan
from toyspec.cli.boxes import boot, boxes_of, cannot, taken, tell_changes
from toyspec.cli.error import FatalError, Reported, UsageError
from toyspec.cli.interruptible import interruptible, uninterrupted
from toyspec.cli.place import base
from toyspec.cli.session import ends_with_session
from toyspec.cli.source import STDIN, read
from toyspec.cli.streams import put, say
from toyspec.cli.unfed import is_unfed, remedy, why
from toyspec.cli.words import DETACH, PLANNING, UP, Words
from toyspec.run import earlier, files, state
from toyspec.run.afar import end_lost
from toyspec.run.boxes import StateError
from toyspec.run.readers import wait_for_readers
from toyspec.start.look import account

if TYPE_CHECKING:
    from toyspec.cli.source import Source
    from toyspec.plan.step import Plan
    from toyspec.spec.model import Spec
    from toyspec.start.look import Look

TOYSPEC_FAILED = 125
_CHANGES = 4096  # bytes that a full disk cannot take from what the host has to look at


class Ready(NamedTuple):
    """A box that can begin."""

    spec: Spec
    source: Source
    plan: Plan
    program: bytes
    look: Look
    boxes: int


def detach(words: Words) -> int:
    """Load, plan, compile, claim the name, launch. The name on stdout once init runs its command."""
    from toyspec.start.look import Look

    if words.one("status-fd") is not None:
        raise UsageError(
            "-d and --status-fd contradict each other: what becomes of the box is kept with it",
            "toyspec wait NAME tells its status, toyspec ps --format json its processes",
        )
    ready = prepare(words, Look())
    return begin(ready, words)


def prepare(words: Words, look: Look, name: str | None = None) -> Ready:
    """All that can fail before anything is changed; raises FatalError, also where the spec says
    another name than the one that is given, as it did once.
    """
    source = read(words, UP, look)
    spec = load_spec(source, words, TOYSPEC_FAILED, look=look)
    if name is not None and name != spec.name:
        raise renamed(name, spec.name, source.absolute, _words(words))
    boxes = boxes_of(look, spec.name, make=True)
    _, plan = make_plan(spec, source, words, TOYSPEC_FAILED, look=look)
    return Ready(spec, source, plan, _compiled(plan, spec, source), look, boxes)


def begin(ready: Ready, words: Words) -> int:
    """Claim the name, say what is begun, launch. Raises FatalError."""
    name = ready.spec.name
    try:
        left = state.look(ready.boxes, name)
        if left is not None:
            end_lost(left, boot())
        wait_for_readers(ready.boxes, name)
        tell_changes(ready.boxes, name)
        with interruptible(), uninterrupted():
            return _launch(state.claim(ready.boxes, name), words, ready)
    except state.TakenError:
        raise taken(ready.boxes, name, ready.source.absolute) from None
    except StateError as error:
        raise cannot(error) from None


def _launch(found: state.Claim, words: Words, ready: Ready) -> int:
    """Whatever happens: the state is there where the box runs, and only there."""
    from toyspec.run.launch import launch

    stands = False
    try:
        _fill(found, words, ready)
        launched = launch(found, ready.program)
        stands = launched.status is None
    except OSError as error:
        raise FatalError(f"the box cannot be started: {error.strerror}") from None
    finally:
        if stands or _runs(found):  # an interrupt can come between
            earlier.forget(found.directory)
            found.close()
        else:
            state.discard(found)
    if launched.status is not None:
        from toyspec.cli.messages import advised

        say(advised(ready.plan, launched.said))
        raise Reported(launched.status)
    if not words.flag("quiet"):
        put(f"{found.name}\n")
        _tell_of_no_input(ready)
        _tell_of_a_logout(found.name, ready.look)
    return 0


def _tell_of_no_input(ready: Ready) -> None:
    command, path = ready.spec.init, ready.source.path
    if is_unfed(command):
        spec = None if path == "<stdin>" else path
        say(f"toyspec: {why(command)}; {remedy(spec)}\n")


def _tell_of_a_logout(name: str, look: Look) -> None:
    user = look.ask(account, str(os.geteuid()))
    if ends_with_session(base(look), os.geteuid(), user and user[0]):
        say(
            f"toyspec: {name} ends with your last session here; `loginctl enable-linger` lets it go on\n"
        )


def _runs(found: state.Claim) -> bool:
    """Whether the box runs all the same."""
    from toyspec.run.afar import monitor_of

    status = state.parse_status(files.read(found.directory, "status") or b"")
    monitor = monitor_of(status) if status.ran else None
    if monitor is not None:
        os.close(monitor)
    return monitor is not None


def _compiled(plan: Plan, spec: Spec, source: Source) -> bytes:
    """The plan as an executable that stays in memory: the values of variables are in it."""
    from toyspec.cli.messages import messages, unexecuted, watches
    from toyspec.emit.compiled import VARIANTS, Baked, Variant, compiled
    from toyspec.program.lower import lower

    program = lower(plan, {**os.environ, **spec.env_file})
    variant = Variant(
        plan, program, messages(plan, source.data), watches(plan), unexecuted=unexecuted(plan)
    )
    try:
        return compiled(dict.fromkeys(VARIANTS, variant), Baked(os.getuid(), os.getgid()))
    except ValueError:
        raise FatalError(
            f"the plan has {len(plan.steps)} steps: too many for a box that is left to itself",
            "bind a directory that holds what is bound one by one",
        ) from None


def _fill(found: state.Claim, words: Words, ready: Ready) -> None:
    """What other commands have to know of the box; raises FatalError."""
    import json

    from toyspec.emit.plan_json import to_json
    from toyspec.plan.traits import stop_number
    from toyspec.plan.variables import variables
    from toyspec.version import VERSION

    spec, source, plan, look = ready.spec, ready.source, ready.plan, ready.look
    about = {
        "name": spec.name,
        "spec": None if source.path == STDIN else source.absolute,
        "words": _words(words),
        "command": list(spec.init),
        "stop_signal": stop_number(plan),
        "stop_grace_period": plan.stopping.grace / 1000,
        "created": time.time_ns(),
        "toyspec": VERSION,
        "boot": boot(),
    }
    kept = {name: value for (kind, name), value in look.answers.items() if kind == "variable"}
    kept |= {name: os.environ.get(name) for name in variables(plan)} | dict(spec.env_file)
    pairs = (f"{name}={value}\0" for name, value in sorted(kept.items()) if value is not None)
    try:
        files.write(found.directory, "plan.json", to_json(plan).encode())
        files.write(found.directory, "environment", os.fsencode("".join(pairs)))
        files.write(found.directory, "log", b"")
        files.reserve(found.directory, "changes", _CHANGES)
        files.write(found.directory, "box.json", json.dumps(about).encode())
    except OSError as error:
        raise cannot(state.failed(found, error)) from None


def _words(words: Words) -> list[str]:
    """The options and the command again, as `restart` gives them; not how it is said and shown."""
    kept = {each.key for each in (*PLANNING, DETACH)} - {"file"}
    options = [
        f"--{key}={value}" if value else f"--{key}"
        for key, values in words.options.items()
        if key in kept
        for value in values
    ]
    return [*options, *(("--", *words.argv) if words.argv is not None else ())]
