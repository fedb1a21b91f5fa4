"""run: a program becomes a box, and the box an exit status."""

from __future__ import annotations

import gc
import os
import signal
from typing import TYPE_CHECKING

from toyspec.kernel import call as kernel
from toyspec.run.ending import executed, wait_ended
from toyspec.run.executor import Executor, StepFailed
from toyspec.run.failure import Failure, Outcome
from toyspec.run.interpreter import missing_interpreter
from toyspec.run.monitor import Drawing, Monitor
from toyspec.run.relay import relay
from toyspec.run.terminal import Terminal

if TYPE_CHECKING:
    from toyspec.plan.step import Plan
    from toyspec.program.program import Program
    from toyspec.run.progress import Progress


def run(
    plan: Plan, program: Program, *, progress: Progress, view: Drawing | None = None
) -> Outcome:
    """Run `program`, which was lowered from `plan`, and wait for the box to end.

    `progress` was made before the view was forked. Every signal stays blocked in this process
    afterwards. In a forked child this does not return.
    """
    terminal = Terminal.remember() if plan.exposure.terminal else None
    executor = Executor(program, progress, missing_interpreter)
    init_step = next(step.id for step in plan.steps if step.yields == "init")
    kernel.warm()
    gc.disable()
    try:
        role = executor.walk("monitor")
    except StepFailed:
        return Outcome(125, _failure(plan, progress, None, None))
    if role == "setup":
        _setup(executor)
    monitor = Monitor(
        program.arch,
        executor.cell("pid:setup"),
        executor.cell("exec.read"),
        executor.cell("go.write"),
        progress,
        init_step,
    )
    return _outcome(plan, progress, monitor, view, terminal)


def _setup(executor: Executor) -> None:
    """The rest of setup's life."""
    try:
        relay(executor.cell("pid:init"))
    finally:
        os._exit(0)


def _outcome(
    plan: Plan,
    progress: Progress,
    monitor: Monitor,
    view: Drawing | None,
    terminal: Terminal | None,
) -> Outcome:
    status = monitor.supervise(view, terminal)
    init = monitor.init
    ran: bool | None = None
    ended: int | None = None
    if init and wait_ended(init):
        ran = executed(init)
        ended = os.waitpid(init, 0)[1]
    if terminal is not None:
        terminal.take_back()
    if monitor.ended_by is not None and not ran:
        return Outcome(128 + monitor.ended_by)
    if progress.failure() is not None or not ran or ended is None:
        failure = _failure(plan, progress, status, ended)
        return Outcome(failure.status, failure)
    return _ended(ended)


def _ended(status: int) -> Outcome:
    """Init's status. SIGINT and SIGHUP cannot end a PID 1, save that reboot(2) says so by them."""
    if not os.WIFSIGNALED(status):
        return Outcome(os.WEXITSTATUS(status))
    number = os.WTERMSIG(status)
    if number == signal.SIGINT:
        return Outcome(0, said="the box powered itself off")
    if number == signal.SIGHUP:
        return Outcome(128 + number, said="the box asked to be restarted, which `up` does not do")
    return Outcome(128 + number)


def _failure(
    plan: Plan, progress: Progress, setup: int | None, init: int | None
) -> Failure:
    from toyspec.run.causes import explain, killed

    found = progress.failure()
    if found is not None:
        step, errno, note = found
        return explain(plan, progress, step, errno, note.decode("utf-8", "replace"))
    return killed(plan, progress, setup, init)
