"""What is open when the box's command is executed: 0, 1, 2 and two pipes (and its terminal once more).

To be marked as closing at execve is not enough. The kernel opens the interpreter that a script or an ELF
file names before it closes anything (bprm_execve, begin_new_exec in fs/exec.c): `#!/proc/self/fd/4/../..`
in a file of the box would lead through a directory of the host's (the class of CVE-2024-21626).
"""

from __future__ import annotations

from collections.abc import Sequence

from toyspec.host.facts import HostFacts
from toyspec.plan import calls, process_calls
from toyspec.plan.box import Box
from toyspec.plan.error import PlanProblem
from toyspec.plan.writer import Writer
from toyspec.spec.model import Spec

ITEM = "no descriptors but 0, 1 and 2"
_NEEDED = ("exec.write", "go.read")
"""What the command needs until its execve."""
_FIRST = 3
_WHY = "closed, not only marked: the command's interpreter is opened before execve closes (CVE-2024-21626)"


def check(spec: Spec, facts: HostFacts) -> list[PlanProblem]:
    """The monitor of a detached box holds the directory of its state, which an old kernel cannot close."""
    if not spec.detached or facts.feature("close_range_cloexec"):
        return []
    message = (
        f"this kernel ({facts.kernel}) cannot close what the monitor of -d holds (close_range)"
    )
    return [PlanProblem(message, spec.origin("init"), "-d needs Linux 5.11; without it `up` works")]


def close(w: Writer, box: Box) -> None:
    """By init, when it needs no other any more. What a child of it becomes on a terminal has that to take yet."""
    takes = box.spec.reaper and box.facts.terminal
    able = box.facts.feature("close_range_cloexec")
    keep(w, (*_NEEDED, "slave") if takes else _NEEDED, None if able else box.facts.inherited)


def keep(w: Writer, slots: Sequence[str] = _NEEDED, inherited: Sequence[int] | None = None) -> None:
    """Of all that is open, 0 to 2 and these slots, in the places behind them.

    They are copied out of the way first: the place of one may be where another is. `inherited`: what the
    caller had open, where the kernel closes no ranges: one by one. What else is toyspec's own there is
    no directory of the host's.
    """
    w.about(ITEM)
    if inherited is not None:
        for fd in inherited:
            w.do(calls.close(fd), _WHY, tolerates=("EBADF",))
        return
    above = _FIRST + len(slots)
    for slot in slots:
        copied = process_calls.dup_above(slot, above)
        w.do(copied, "out of the way of the others", yields=f"{slot}.copy")
    for place, slot in enumerate(slots, _FIRST):
        why = "no path leads on from it, and it closes at execve"
        w.do(process_calls.dup3_cloexec(f"{slot}.copy", place), why, yields=slot)
    w.do(process_calls.close_range(above), _WHY)
