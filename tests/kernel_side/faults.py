"""A run in which one step failed, or its process was killed: what may be said of it and left of it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.kernel_side.encode import Call
from tests.kernel_side.match import HELPERS

KILL = "KILL"
ERRNOS = ("EPERM", "ENOMEM")


@dataclass(frozen=True, slots=True)
class Case:
    """How a run ended in which one step was tampered with."""

    step: Call
    kind: str
    status: str
    stderr: str
    acted: list[int]
    problems: list[str]
    ran: bool  # the box's command began all the same

    def __str__(self) -> str:
        return (
            f"step {self.step.id} ({self.step.name}, {self.step.role}) {self.kind}: {self.status}"
        )


def wrong(case: Case, spec: str, calls: list[Call]) -> list[str]:
    """What of invariant 3 does not hold of a case: statuses and the error's words."""
    found = list(case.problems)
    step, killed = case.step, case.kind == KILL
    if case.acted != [step.id]:
        return [*found, f"tampered with {case.acted}, not with it"]
    if killed and step.role == "monitor":
        return (
            found if case.status == "killed by SIGKILL" else [*found, "the monitor was not killed"]
        )
    forked = next(call.id for call in calls if call.yields == "init")
    if killed and step.role == "setup" and step.id > forked and case.status == "exit 137":
        return found  # init was in its execve already, and ended with setup
    clone = next((call.id for call in calls if call.yields == "command"), step.id)
    if killed and step.role == "init" and step.id > clone and case.status == "exit 137":
        return found  # the reaper's command was in its execve already
    init_s_execve = step.name == "execve" and step.role in ("init", "command")
    statuses = ("exit 126", "exit 127") if init_s_execve and not killed else ("exit 125",)
    if case.status not in statuses:
        found.append(f"{case.status}, not {' or '.join(statuses)}")
    named = re.search(r"\bstep: (\d+) ", case.stderr)
    expects = {} if named is None else calls[int(named[1]) - 1].expects or {}
    if killed and "errno" in expects:
        return found  # its child, which watches over its life, was the first to say it
    if killed and named is not None and calls[int(named[1]) - 1].role in HELPERS:
        return found  # a helper that waits for setup
    if killed and "status" in expects and step.role in HELPERS:
        return found  # setup, which waits for it
    if named is None or int(named[1]) != step.id:
        found.append(f"stderr names the step {named and named[1]}")
    source, default = step.json["source"], step.json["default"]
    place = f"{spec}:{source['line']}:{source['column']}" if source else str(default)
    if place not in case.stderr:
        found.append(f"stderr does not name {place}")
    if not killed and case.kind not in case.stderr:
        found.append("stderr does not name the errno")
    if "Traceback" in case.stderr:
        found.append("a traceback")
    return found


def snapshot(directories: Iterable[Path]) -> dict[str, str]:
    """Every file below: its kind and mode; of a regular one its size and times, which any write changes;
    of a link where it leads.
    """
    found = {}
    waiting = [os.fspath(directory) for directory in directories]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                known = entry.stat(follow_symlinks=False)
                mode, content = known.st_mode, ""
                if stat.S_ISDIR(mode):
                    waiting.append(entry.path)
                elif stat.S_ISREG(mode):
                    content = f"{known.st_size} {known.st_mtime_ns} {known.st_ctime_ns}"
                elif stat.S_ISLNK(mode):
                    content = os.readlink(entry.path)
                found[entry.path] = f"{mode:o} {content}"
    return found


def announced(calls: list[Call]) -> set[str]:
    """The names of the mount points that the plan makes on the host."""
    made = {"mkdirat", "mknodat", "symlinkat"}
    return {
        argument["path"]
        for call in calls
        if call.name in made
        for argument in call.json["args"]
        if argument["name"] in ("path", "linkpath") and "path" in argument
    }


def mounts() -> list[str]:
    """The mounts that this process sees."""
    return Path("/proc/self/mountinfo").read_text().splitlines()
