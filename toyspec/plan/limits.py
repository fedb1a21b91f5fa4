"""Limits that init sets for itself, and so for the box: resources, scheduling, the umask.

None of them can be raised from inside a user namespace: what the caller does not have is refused
before anything runs.
"""

from __future__ import annotations

from toyspec.host.facts import HostFacts
from toyspec.plan import calls, confine_calls, proc_files
from toyspec.plan.box import Box
from toyspec.plan.error import PlanProblem
from toyspec.plan.writer import Writer
from toyspec.spec.model import Spec, Ulimit

UMASK = 0o022
"""What `prepare` sets, so that modes in a plan are final."""
_INFINITY = (1 << 64) - 1  # RLIM64_INFINITY; Python says -1
_CLASSES = {"best-effort": 2, "idle": 3}  # IOPRIO_CLASS_* (linux/ioprio.h)
_CLASS_SHIFT = 13  # IOPRIO_CLASS_SHIFT


def check(spec: Spec, facts: HostFacts) -> list[PlanProblem]:
    """What is above the caller's own limits."""
    found = []
    for limit in spec.ulimits:
        hard = facts.rlimit(limit.name)[1]
        if _number(limit.hard) > hard:
            message = f"{limit.name}: {_shown(limit.hard)} is above your hard limit, {_plain(hard)}"
            remedy = "an ordinary user cannot raise it, and neither can root in a user namespace"
            found.append(PlanProblem(message, spec.origin(limit.at), remedy))
    if spec.oom_score_adj is not None and spec.oom_score_adj < facts.recorded("oom_score_adj"):
        message = (
            f"oom_score_adj {spec.oom_score_adj} is below your own, "
            f"{facts.recorded('oom_score_adj')}"
        )
        remedy = "only an administrator can make a process safer from the out-of-memory killer"
        found.append(PlanProblem(message, spec.origin("oom_score_adj"), remedy))
    if spec.nice is not None and spec.nice < facts.recorded("nice"):
        message = f"nice {spec.nice} is below your own, {facts.recorded('nice')}"
        remedy = "only an administrator can give a process more than its share"
        found.append(PlanProblem(message, spec.origin("nice"), remedy))
    missing = sorted(set(spec.cpus) - set(facts.own_cpus())) if spec.cpus else []
    if missing:
        listed = ", ".join(map(str, missing[:8]))
        message = f"you may not run on CPU {listed}: yours are {_ranges(facts.own_cpus())}"
        found.append(PlanProblem(message, spec.origin("cpus")))
    return found


def _number(limit: int | None) -> int:
    return _INFINITY if limit is None else limit


def _shown(limit: int | None) -> str:
    return "unlimited" if limit is None else str(limit)


def _plain(limit: int) -> str:
    return "unlimited" if limit == _INFINITY else str(limit)


def _ranges(cpus: tuple[int, ...]) -> str:
    """`0-3, 8`"""
    runs: list[list[int]] = []
    for cpu in cpus:
        if runs and runs[-1][1] == cpu - 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def oom_score(w: Writer, box: Box) -> None:
    """By setup, while the host's proc is at /proc; init inherits it (proc_pid_oom_score_adj(5))."""
    score = box.spec.oom_score_adj
    if score is None:
        return
    w.about(f"oom_score_adj {score}", box.origin("oom_score_adj"))
    proc_files.open_own(w, "oom_score_adj", "oom")
    why = "how early the box goes when memory runs out"
    proc_files.write(w, "oom", str(score), why)


def scheduling(w: Writer, box: Box) -> None:
    """CPUs, nice, and the disk's queue: inherited by everything that init starts."""
    spec = box.spec
    if spec.cpus:
        w.about(f"CPUs {_ranges(spec.cpus)}", box.origin("cpus"))
        w.do(confine_calls.sched_setaffinity(spec.cpus), "where the box's processes begin to run")
    if spec.nice is not None:
        w.about(f"nice {spec.nice}", box.origin("nice"))
        w.do(confine_calls.setpriority(spec.nice), "how much the box gives way to others")
    if spec.ioprio is not None:
        kind, level = spec.ioprio.kind, spec.ioprio.level
        w.about(f"I/O priority {kind} {level}", box.origin("ioprio"))
        number = _CLASSES[kind] << _CLASS_SHIFT | level
        w.do(
            confine_calls.ioprio_set(number), f"class {kind}, level {level}: {number} to the kernel"
        )


def umask(w: Writer, box: Box) -> None:
    """The box's own, where it is not the one that the plan runs with."""
    mask = box.spec.umask
    if mask != UMASK:
        w.about(f"umask {mask:04o}", box.origin("umask"))
        w.do(calls.umask(mask), "for files that the box makes")


def ulimits(w: Writer, box: Box) -> None:
    """Late, so that they hold for the box's command and do not starve what makes the box."""
    for limit in box.spec.ulimits:
        w.about(f"ulimit {limit.name} {_pair(limit)}", box.origin(limit.at))
        w.do(
            confine_calls.prlimit(limit.name, limit.soft, limit.hard),
            "it cannot be raised from inside",
        )


def _pair(limit: Ulimit) -> str:
    soft, hard = _shown(limit.soft), _shown(limit.hard)
    return soft if soft == hard else f"{soft}, at most {hard}"
