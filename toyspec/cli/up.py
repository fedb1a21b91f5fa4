"""`toyspec up` and `run`: from words to a running box, and to init's own exit status.

Who draws the trace is forked last: each page of either process that one of them writes to from then
on is copied, and while a plan is made almost all of them are.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from toyspec.cli.keeping import may_be_kept
from toyspec.cli.reach import out_of_reach
from toyspec.cli.status import status_fd
from toyspec.cli.streams import colour, put, refuse_ways_out, say
from toyspec.cli.words import (
    DETACH,
    RUN,
    UP,
    Syntax,
    Words,
    as_run,
    help_text,
    parse,
    spec_and_name,
)
from toyspec.run.progress import MOST_STEPS, Progress, labels
from toyspec.start import parent

if TYPE_CHECKING:
    from collections.abc import Callable

    from toyspec.plan.step import Plan
    from toyspec.run.failure import Outcome
    from toyspec.run.status import Status
    from toyspec.show.lines import Lines
    from toyspec.show.view import View
    from toyspec.spec.model import Spec
    from toyspec.start.again import Kept
    from toyspec.start.drawn import Viewer
    from toyspec.start.look import Look

    Tells = Callable[[], list[str]] | None

TOYSPEC_FAILED = 125


def up(args: list[str], syntax: Syntax, kept: Kept | None = None) -> int:
    """Load, plan (looking at the machine), lower, view, run, report: each takes the last one's result.

    `syntax` is that of the verb: UP or RUN. `kept`: where the box may be kept for the next time, of a
    command that is a process of its own.
    """
    words = _parsed(args, syntax)
    if words.flag("help"):
        put(help_text(syntax))
        return 0
    words = as_run(words) if syntax is RUN else words
    status = status_fd(words)
    if words.flag(DETACH.key):
        from toyspec.cli.detach import detach

        return detach(words)
    keeps = _keeps(kept, words)
    refuse_ways_out()
    monitor = os.getpid()
    progress, shared = _page(keeps is not None and not words.flag("quiet"))
    drawing = _Drawing(words, progress)
    try:
        from toyspec.cli.box import load_spec, make_plan
        from toyspec.cli.error import FatalError
        from toyspec.cli.keeping import run_compiled
        from toyspec.cli.source import read
        from toyspec.start.again import given
        from toyspec.start.look import Look

        look, used = Look(), set[str]()
        if keeps is not None:
            keeps.prepare()
        source = read(words, syntax, look)
        spec = load_spec(source, words, TOYSPEC_FAILED, look=look)
        if syntax is UP:
            keeps = _unless_kept_apart(spec, source.absolute, look, keeps)
        _, plan = make_plan(spec, source, words, TOYSPEC_FAILED, look=look, used=used)
        drawn = b"" if words.flag("quiet") else _phases(plan)
        if keeps is not None:
            tells = _tells(drawing, progress, shared, drawn)
            told = given(status, replaces=keeps.replaces)
            run_compiled(keeps, source, spec, plan, look, used, told, drawn, tells)
            out_of_reach()
        if len(plan.steps) > MOST_STEPS:
            raise FatalError(
                f"the plan has {len(plan.steps)} steps, and a run has room for {MOST_STEPS}",
                "bind a directory that holds what is bound one by one",
            )

        from toyspec.program.lower import lower

        program = lower(plan, {**os.environ, **spec.env_file})

        from toyspec.run.box import run

        _warn(plan, words)
        view = drawing.begin()
        if view is not None:
            progress.publish(drawn, time.time_ns())
        outcome = run(
            plan,
            program,
            progress=progress,
            view=view,
            status=_status(status),
            parent=parent.PARENT,
        )
        drawing.close()
        return _report(outcome, plan, words, source.data)
    finally:
        if os.getpid() != monitor:
            os._exit(TOYSPEC_FAILED)  # a process of the box's: the caller's stack is not its own
        drawing.close()


def _parsed(args: list[str], syntax: Syntax) -> Words:
    """The words; raises UsageError, with the whole command as it is right where that can be told."""
    from toyspec.cli.error import UsageError

    try:
        words = parse(args, syntax)
        spec_and_name(words, syntax)
    except UsageError:
        from toyspec.cli.typed import refuse_bare_command

        refuse_bare_command(args, syntax)
        raise
    return words


def _keeps(kept: Kept | None, words: Words) -> Kept | None:
    """Where this command's box may be kept; None where it may not. Does not return in a viewer."""
    if kept is None:
        return None
    if kept.viewer is not None:
        _draw(kept.viewer, words)
    if may_be_kept(kept, words):
        return kept
    out_of_reach()
    return None


def _unless_kept_apart(spec: Spec, path: str, look: Look, keeps: Kept | None) -> Kept | None:
    """Raises FatalError where a box of that name was left to itself and runs. Where something of one is
    there, this box is not kept: whoever would serve it could not tell that the other does not run.
    """
    from toyspec.cli.place import refuse_running

    if refuse_running(spec.name, path, look) and keeps is not None:
        out_of_reach()
        return None
    return keeps


def _phases(plan: Plan) -> bytes:
    """What a view has to know of the plan, as the page has it."""
    from toyspec.show.phases import phases

    return labels(phases(plan))


def _page(as_file: bool) -> tuple[Progress, int]:
    """The page; as a file, if that is possible, so that a compiled box can map it too. Else -1."""
    from toyspec.start import page

    if as_file:
        try:
            fd = page.create()
            return Progress(fd), fd
        except OSError:
            pass  # no memory, or no descriptor to spare
    return Progress(), -1


def _tells(drawing: _Drawing, progress: Progress, shared: int, phases: bytes) -> Tells:
    """What tells a compiled box who draws its trace, once it is about to begin; None where no process
    does, or none that it can tell.
    """
    if drawing.quiet:
        return list
    if shared < 0 or not drawing.on_terminal:
        return None

    def begins() -> list[str]:
        from toyspec.show.view import View
        from toyspec.start.drawn import words

        view = drawing.begin()
        if not isinstance(view, View):
            return []
        progress.publish(phases, time.time_ns())
        os.set_inheritable(shared, True)
        os.set_inheritable(view.fileno(), True)
        return words(shared, view.fileno(), view.pid)

    return begins


def _draw(viewer: Viewer, words: Words) -> None:
    """Show the trace of the box that our parent is by now; does not return."""
    from toyspec.show.view import draw

    coloured = os.isatty(2) and colour(words, 2)
    try:
        draw(Progress(viewer.page), viewer.monitor, viewer.writer, colour=coloured)
    finally:
        os._exit(0)  # without a view too the box goes on


class _Drawing:
    """What shows the trace of a run, from when that begins. On a terminal a process."""

    def __init__(self, words: Words, progress: Progress) -> None:
        self.quiet = words.flag("quiet")
        self.on_terminal = not self.quiet and os.isatty(2)
        self._words, self._progress = words, progress
        self._view: View | Lines | None = None

    def begin(self) -> View | Lines | None:
        """The view; the same a second time. None where none is wanted, or there is no process to spare
        for one: the box matters more.
        """
        if self._view is None and not self.quiet:
            self._view = self._lines() if not self.on_terminal else self._process()
        return self._view

    def _lines(self) -> Lines:
        from toyspec.show.lines import Lines

        return Lines(self._progress, self._words.flag("verbose"))

    def _process(self) -> View | None:
        from toyspec.show.view import start

        words = self._words
        try:
            return start(self._progress, colour=colour(words, 2), verbose=words.flag("verbose"))
        except OSError:
            return None

    def close(self) -> None:
        """Nothing more of it appears."""
        if self._view is not None:
            self._view.close()


def _warn(plan: Plan, words: Words) -> None:
    """What a reader of the plan would have seen; here only with -v."""
    from toyspec.show.text import escape

    if words.flag("verbose"):
        for text in plan.warnings:
            say(f"toyspec: warning: {escape(text)}\n")


def _status(fd: int | None) -> Status | None:
    """Who is told of the box."""
    if fd is None:
        return None
    from toyspec.run.status import Status

    return Status(fd)


def _report(outcome: Outcome, plan: Plan, words: Words, data: bytes) -> int:
    """What is left to say once the box is gone: nothing, unless it never stood. Its status; or our end."""
    from toyspec.run.interrupted import end

    if outcome.failure is not None:
        from toyspec.show.failure import failure_text

        say(failure_text(outcome.failure, plan, data, colour(words, 2)))
    elif outcome.said is not None and not words.flag("quiet"):
        say(f"toyspec: {outcome.said}\n")
    if outcome.changes:
        from toyspec.show.text import escape

        for text in outcome.changes:
            say(f"toyspec: {escape(text)}\n")
    return end(outcome)
