"""`toyspec up`: from words to a running box, and to init's own exit status."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from toyspec.cli.box import load_spec, make_plan
from toyspec.cli.error import FatalError
from toyspec.cli.keeping import may_be_kept, run_compiled
from toyspec.cli.reach import out_of_reach
from toyspec.cli.source import read
from toyspec.cli.streams import colour, put, say
from toyspec.cli.words import UP, Words, help_text, parse
from toyspec.run.progress import MOST_STEPS, Progress
from toyspec.start.look import Look

if TYPE_CHECKING:
    from toyspec.plan.step import Plan
    from toyspec.run.failure import Outcome
    from toyspec.show.lines import Lines
    from toyspec.show.view import View
    from toyspec.start.again import Kept

TOYSPEC_FAILED = 125


def up(args: list[str], kept: Kept | None = None) -> int:
    """View, load, plan (looking at the machine), lower, run, report: each takes the last one's result.

    `kept`: where the box may be kept for the next time, of a command that is a process of its own.
    """
    words = parse(args, UP)
    if words.flag("help"):
        put(help_text(UP))
        return 0
    keeps = kept if kept is not None and may_be_kept(kept, words) else None
    if kept is not None and keeps is None:
        out_of_reach()
    monitor = os.getpid()
    progress = Progress()
    view = _view(words, progress)
    try:
        look, used = Look(), set[str]()
        if keeps is not None:
            keeps.prepare()
        source = read(words, UP, look)
        spec = load_spec(source, words, TOYSPEC_FAILED, look=look)
        _, plan = make_plan(spec, source, words, TOYSPEC_FAILED, look=look, used=used)
        if keeps is not None:
            run_compiled(keeps, source, spec, plan, look, used)
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
        if view is not None:
            from toyspec.show.trace import phases

            progress.publish(phases(plan), time.time_ns())
        outcome = run(plan, program, progress=progress, view=view)
        return _report(outcome, plan, words, view, source.data)
    finally:
        if os.getpid() != monitor:
            os._exit(TOYSPEC_FAILED)  # a process of the box's: the caller's stack is not its own
        if view is not None:
            view.close()


def _view(words: Words, progress: Progress) -> View | Lines | None:
    """What shows the trace. On a terminal a process, forked before anything that takes time."""
    if words.flag("quiet"):
        return None
    if not os.isatty(2):
        from toyspec.show.lines import Lines

        return Lines(progress, words.flag("verbose"))
    from toyspec.show.view import start

    try:
        return start(progress, colour=colour(words, 2), verbose=words.flag("verbose"))
    except OSError:
        return None  # no process to spare: the box matters more


def _warn(plan: Plan, words: Words) -> None:
    """What a reader of the plan would have seen; here only with -v."""
    from toyspec.show.text import escape

    if words.flag("verbose"):
        for text in plan.warnings:
            say(f"toyspec: warning: {escape(text)}\n")


def _report(
    outcome: Outcome, plan: Plan, words: Words, view: View | Lines | None, data: bytes
) -> int:
    """What is left to say once the box is gone: nothing, unless it never stood."""
    if view is not None:
        view.close()
    if outcome.failure is not None:
        from toyspec.show.failure import failure_text

        say(failure_text(outcome.failure, plan, data, colour(words, 2)))
    elif outcome.said is not None and not words.flag("quiet"):
        say(f"toyspec: {outcome.said}\n")
    if outcome.changes:
        from toyspec.show.text import escape

        for text in outcome.changes:
            say(f"toyspec: {escape(text)}\n")
    return outcome.status
