"""run: a program becomes a box, and the box an exit status."""

from __future__ import annotations

import gc
import os
import signal
from typing import TYPE_CHECKING

from toyspec.kernel import call as kernel
from toyspec.plan.step import HELPERS
from toyspec.plan.traits import (
    dies_with_caller,
    go_step,
    init_step,
    is_detached,
    is_pid_1,
    reaps,
    stop_number,
)
from toyspec.program.program import NO_PROCESS
from toyspec.run.command import why
from toyspec.run.ending import end_child, end_of_init, kill, wait_for_unknown_init
from toyspec.run.executor import Executor, StepFailed
from toyspec.run.failure import FAILED, Failure, Outcome
from toyspec.run.interrupted import ended as ended_by_key
from toyspec.run.monitor import Box, Drawing, Monitor, ignored
from toyspec.run.reaper import command_line, forget_words, reap
from toyspec.run.relay import relay
from toyspec.run.watch import Watch
from toyspec.values import replace

if TYPE_CHECKING:
    from toyspec.plan.step import Plan
    from toyspec.program.program import Program
    from toyspec.run.progress import Progress
    from toyspec.run.status import Status
    from toyspec.run.terminal import Terminal


def run(
    plan: Plan,
    program: Program,
    *,
    progress: Progress,
    view: Drawing | None = None,
    status: Status | None = None,
    parent: int = 0,
) -> Outcome:
    """Run `program`, which was lowered from `plan`, and wait for the box to end.

    `progress` was made before the view was forked. Every signal stays blocked in this process
    afterwards. In a forked child this does not return.
    `parent`: who started us, where the box may end with that; 0 is nobody.
    `status`: who is told what becomes of the box. Raises ValueError for the plan of a detached box: what
    it prints is kept by a compiled one, and by nobody here.
    """
    if is_detached(plan):
        raise ValueError("a detached box is run compiled")
    terminals = _terminals() if plan.exposure.terminal else None
    deaf = _dispositions()
    executor = Executor(program, progress, why)
    line = command_line()
    kernel.warm()
    gc.disable()
    try:
        role = executor.walk("monitor")
    except StepFailed:
        _abandon(executor)
        _end_helpers(plan, progress)
        return Outcome(FAILED, _failure(plan, progress, None, None))
    if role == "setup":
        _setup(executor)
    elif role == "init":
        forget_words(line)
        _reaper(executor, progress)
    box = Box(
        executor.cell("pid:setup"),
        executor.cell("exec.read"),
        executor.cell("go.write"),
        progress,
        init_step(plan).id,
        go_step(plan).id,
        Watch(plan.watched),
        reaps(plan),
        parent if dies_with_caller(plan) else 0,
        stop_number(plan),
        plan.stopping.grace / 1000,
    )
    terminal = None
    if terminals is not None:
        terminal = terminals(program.arch, executor.cell("terminal.read"), held=view is not None)
    monitor = Monitor(program.arch, box, view, terminal, deaf, status)
    try:
        outcome = _outcome(plan, monitor)
        return outcome if signal.SIGINT in deaf else ended_by_key(outcome, monitor.interrupted)
    finally:
        monitor.finish()


def _terminals() -> type[Terminal]:
    """Imported before the first fork, and only where there will be one."""
    from toyspec.run.terminal import Terminal

    return Terminal


def _dispositions() -> frozenset[int]:
    """Python's own leave: ^C raises nothing in the box's processes, and children can be waited for.

    Returns the signals that the caller wants ignored.
    """
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it has the kernel reap them
    return ignored()


def _setup(executor: Executor) -> None:
    """The rest of setup's life."""
    try:
        relay(executor.cell("pid:init"), executor.cell("life.read"))
    finally:
        os._exit(0)


def _reaper(executor: Executor, progress: Progress) -> None:
    """The rest of init's life, where the box's command is its child."""
    status = FAILED
    try:
        status = reap(executor.cell("pid:command"), progress)
    finally:
        os._exit(status)


def _abandon(executor: Executor) -> None:
    """A step of the monitor's failed when there may have been a setup already."""
    setup = executor.cell("pid:setup")
    if setup != NO_PROCESS:
        kill(setup)
        os.waitpid(setup, 0)
        try:
            os.close(executor.cell("exec.write"))  # or its end would never come
        except OSError:
            pass  # closed already, as planned
        wait_for_unknown_init(executor.cell("exec.read"))


def _end_helpers(plan: Plan, progress: Progress) -> None:
    """Setup has ended. Where it did not wait for its helpers, they came to the monitor."""
    for step in plan.steps:
        if step.yields in HELPERS and step.call == "clone" and progress.when(step.id):
            end_child(progress.result(step.id))


def _outcome(plan: Plan, monitor: Monitor) -> Outcome:
    progress = monitor.box.progress
    setup = monitor.supervise()
    _end_helpers(plan, progress)
    init = monitor.box.init
    ran, ended = False, None
    if init:
        end = end_of_init(init)
        if end is not None:
            executed, ended = end
            ran = monitor.ran(lambda _: executed)
    else:
        wait_for_unknown_init(monitor.box.exec_fd)
    monitor.finish()
    if monitor.ended_by is not None and not ran:
        return Outcome(128 + monitor.ended_by)
    if progress.failure() is not None or not ran or ended is None:
        failure = _failure(plan, progress, setup, ended)
        return Outcome(failure.status, failure)
    changes = monitor.box.watch.differences()
    outcome = replace(_ended(ended, reboots=is_pid_1(plan)), changes=changes)
    surely = True
    if monitor.ended_by is not None and ended == signal.SIGKILL:
        outcome = replace(outcome, status=128 + monitor.ended_by)
        surely = not monitor.box.reaps  # of its child nobody is left to tell
    if monitor.status is not None and surely:
        monitor.status.ended(outcome.status)
    return outcome


def _ended(status: int, *, reboots: bool) -> Outcome:
    """Init's status. SIGINT and SIGHUP cannot end a PID 1, save that reboot(2) says so by them."""
    if not os.WIFSIGNALED(status):
        return Outcome(os.WEXITSTATUS(status))
    number = os.WTERMSIG(status)
    if not reboots:
        return Outcome(128 + number)
    if number == signal.SIGINT:
        return Outcome(0, said="the box powered itself off")
    if number == signal.SIGHUP:
        return Outcome(128 + number, said="the box asked to be restarted, which `up` does not do")
    return Outcome(128 + number)


def _failure(plan: Plan, progress: Progress, setup: int | None, init: int | None) -> Failure:
    from toyspec.run.causes import explain, killed

    found = progress.failure()
    if found is not None:
        step, errno, note = found
        return explain(plan, step, errno, note.decode("utf-8", "replace"))
    return killed(plan, progress, setup, init)
