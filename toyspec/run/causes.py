"""Why there is no box: the step that failed, in words, and what to do about it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from toyspec.kernel import errnos
from toyspec.plan.step import HELPERS, Strings
from toyspec.plan.traits import runs_command
from toyspec.run.command import reason
from toyspec.run.failure import CANNOT_EXECUTE, NOT_FOUND, Failure
from toyspec.run.filtered import SIGSYS, filtered, killed_by_filter
from toyspec.run.mapping import why_unmapped
from toyspec.run.refusals import WITHOUT_TERMINAL, cause_of, path_of

if TYPE_CHECKING:
    from toyspec.plan.step import Plan, Role, Step
    from toyspec.run.progress import Progress


def explain(plan: Plan, number: int, errno: int, note: str) -> Failure:
    """The failure of step `number`; errno 0 means that its result was not what it expects."""
    step = plan.steps[number - 1]
    if runs_command(step):
        return _execve(plan, step, errno, note)
    if not errno:
        return _unexpected(plan, step)
    name = errnos.name(errno)
    cause, remedy = filtered(plan, step, name) or cause_of(step, name)
    message = f"{step.item or step.phase}: {errnos.text(errno)}"
    return Failure(step, name, message, cause, remedy)


def killed(plan: Plan, progress: Progress, setup: int | None, init: int | None) -> Failure:
    """No step failed, and yet there was no box: a process was ended from outside."""
    role: Role = "init"
    status = init
    if progress.lost is not None:
        role, status = "command", progress.lost
    elif setup is not None and os.WIFSIGNALED(setup):
        role, status = "setup", setup
    at = progress.current(role)
    step = plan.steps[at - 1] if at else None
    how = "ended"
    if status is not None and os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        how = f"was ended by {_signal(number)}"
    message = f"{role} {how} before the box's command ran"
    cause = "something outside toyspec ended it: the out-of-memory killer, or a person"
    remedy = "see the kernel's log (dmesg), then try again"
    if status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == SIGSYS:
        cause, remedy = killed_by_filter(plan, step) or (cause, remedy)
    return Failure(step, None, message, cause, remedy)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _execve(plan: Plan, step: Step, errno: int, note: str) -> Failure:
    """127 where there is nothing to execute, 126 where it cannot be executed, as shells have it."""
    name, path = errnos.name(errno), path_of(step)
    cause, remedy = filtered(plan, step, name) or reason(note)
    if name not in ("ENOENT", "ENOTDIR"):
        message = f"{path} cannot be executed: {errnos.text(errno)}"
        if not cause:
            cause, remedy = _EXECVE.get(name, ("", ""))
        return Failure(step, name, message, cause or None, remedy or None, CANNOT_EXECUTE)
    if cause:
        return Failure(step, name, f"{path} cannot start", cause, remedy or None, NOT_FOUND)
    tried = [path_of(each) for each in plan.steps if runs_command(each)]
    if words := _words_in_one(step):
        message = f"no command named `{words}` in the box"
        remedy = f"one entry a word: [{', '.join(words.split())}]"
        return Failure(step, name, message, None, remedy, NOT_FOUND)
    message = f"no {path} in the box"
    if len(tried) > 1:
        message = f"no `{os.path.basename(path)}` in the box"
        cause = "searched its PATH: " + ":".join(os.path.dirname(each) or "/" for each in tried)
    remedy = "name a command that is in the box's root, or bind what holds it"
    return Failure(step, name, message, cause or None, remedy, NOT_FOUND)


def _words_in_one(step: Step) -> str:
    """The command's name where it holds blanks: a command line in one entry; else nothing."""
    argv = next((a.value.values for a in step.args if isinstance(a.value, Strings)), ())
    first = argv[0] if argv else ""
    return first if isinstance(first, str) and len(first.split()) > 1 else ""


_EXECVE = {
    "E2BIG": (
        "arguments and environment together are larger than the stack limit allows, "
        "or one of them is larger than 128 KiB",
        "shorten them, or put them into a file",
    ),
    "ETXTBSY": ("a process has the file open for writing", "close it there, then try again"),
    "ENOMEM": ("memory is used up", ""),
    "ELOOP": ("symbolic links, or scripts that name scripts, lead round in a circle", ""),
}


def _unexpected(plan: Plan, step: Step) -> Failure:
    expects = step.expects
    if expects is not None and expects.status is not None:
        cause, remedy = why_unmapped(plan, step)
        message = f"{step.item.removeprefix('wait for ')} did not map the box's ids"
        return Failure(step, None, message, cause, remedy)
    if step.role in HELPERS:
        return Failure(step, None, f"setup was gone before {step.role} could map")
    if expects is not None and expects.errno == "EAGAIN":
        who = "the monitor" if step.role == "setup" else "setup"
        return Failure(step, None, f"{who} was gone before {step.role} stood")
    if expects is not None and expects.device is not None:
        message = f"{step.item}: the host's node is not device {expects.device}"
        remedy = "mend the host's /dev: something else lies where the device should be"
        return Failure(step, None, message, None, remedy)
    if expects is not None and expects.inode is not None:
        message = f"{step.item}: not the namespace that the plan was made for"
        return Failure(step, None, message, "another one came to be there meanwhile", "try again")
    if expects is not None and expects.prefix is not None:
        message = f"{step.item}: it is not inside the box's root"
        return Failure(step, None, message, None, "choose a working_dir that exists in the box")
    if expects is not None and expects.filesystem == "DEVPTS_SUPER_MAGIC":
        message = f"{step.item}: what is at /dev/pts/ptmx is not one of a devpts"
        return Failure(step, None, message, "something else lies there", WITHOUT_TERMINAL)
    if expects is not None and expects.filesystem is not None:
        message = f"{step.item}: the host's /proc is not procfs at this place"
        return Failure(step, None, message, "something is mounted over it", "unmount it")
    if step.call == "sendfile" and expects is not None:
        message = (
            f"{step.item}: the source has not the {expects.result} bytes of when the plan was made"
        )
        cause = "something changed it in between, or the memory for the copy is used up"
        return Failure(step, None, message, cause, "try again: a new plan knows its new size")
    if step.call == "read":
        message = "the monitor went away before it said go"
        return Failure(step, None, message)
    return Failure(step, None, f"{step.item}: the call returned what the plan does not expect")
