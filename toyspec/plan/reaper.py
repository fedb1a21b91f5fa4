"""The reaper: PID 1 is toyspec's own, and the box's command is its child, the role `command`.

PID 1 takes in whatever loses its parent, hands on the signals that it gets, and ends with the command's
status. It executes nothing: what it is made of is what built the box. So nobody in the box may look
into it: /proc/1/exe would be a program of the host's (CVE-2019-5736).
"""

from __future__ import annotations

from toyspec.plan import calls, process_calls
from toyspec.plan.box import Box
from toyspec.plan.joining import new
from toyspec.plan.step import Flags, Int, Step
from toyspec.plan.writer import Writer

CALLS = ("wait4", "rt_sigtimedwait", "kill", "exit_group")
"""What the reaper calls once it supervises, which no filter may keep from it."""

_ITEMS = ("a reaper as PID 1", "a reaper", "the command dies with the reaper")


def is_own(step: Step) -> bool:
    """Whether the step is there for the reaper alone: what it does not do without one."""
    return step.item in _ITEMS


def fork(w: Writer, box: Box) -> None:
    """Init's last steps, and the first of its child."""
    first = "pid" in new(box.spec)
    origin = box.origin("reaper")
    whole, part, child = _ITEMS
    purpose = "it takes in orphans, hands on signals, and ends with the command's status"
    w.about(whole if first else part, origin, role="init", purpose=purpose)
    why = "nobody in the box may trace it, or open what it was executed from (CVE-2019-5736)"
    w.do(calls.prctl("PR_SET_DUMPABLE", Int(0)), why)
    if not first:
        subreaper = calls.prctl("PR_SET_CHILD_SUBREAPER", Int(1))
        w.do(subreaper, "orphans come to it and not to the PID 1 of the joined namespace")
    why = "the box's command; until its execve another signal than SIGCHLD tells of its end"
    w.do(calls.clone("SIGURG"), why, yields="command")
    if box.facts.feature("close_range_cloexec"):
        why = "the reaper needs no descriptor, and the exec pipe's end of file waits for no other"
        w.do(process_calls.close_range(0), why)
    else:
        for slot in ("exec.write", "go.read", "life.read", "alive.read"):
            w.do(calls.close(slot), "the reaper needs no descriptor")
        for fd in (0, 1, 2, *box.facts.inherited):
            w.do(calls.close(fd), "the reaper needs no descriptor", tolerates=("EBADF",))
    w.do(calls.supervise("command"), "from here on init waits, reaps, and hands on signals")
    w.about(child, origin, role="command")
    if first:
        why = "it is a program like any other; so far there is nobody in the box to trace it"
        w.do(calls.prctl("PR_SET_DUMPABLE", Int(1)), why)
    why = "as all in the box dies with PID 1" if first else "the end of init ends it"
    w.do(calls.prctl("PR_SET_PDEATHSIG", Flags(("SIGKILL",))), why)
