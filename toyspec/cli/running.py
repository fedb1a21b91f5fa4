"""A box that runs, by its name: what its state says, as far as the processes themselves confirm it."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from toyspec.cli.boxes import base
from toyspec.cli.error import FatalError
from toyspec.emit.plan_json import FormatError, from_json
from toyspec.plan.entering import Running, namespaces
from toyspec.run import alive, boxes, state
from toyspec.start.look import NAMESPACES, Look
from toyspec.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toyspec.plan.step import Plan
    from toyspec.run.state import Seen
    from toyspec.spec.model import Namespace

_LARGEST_SPEC = 8 << 20  # bytes


@dataclass(frozen=True, slots=True)
class RunningBox:
    """Its own plan, whom to join, the variables that its plan takes, and the spec's text as it was;
    empty where that has changed since.
    """

    plan: Plan
    running: Running
    variables: Mapping[str, str]
    spec: bytes


def running_box(name: str) -> RunningBox:
    """The box of that name. Raises FatalError: there is none, or it has ended, or cannot be joined."""
    try:
        opened = boxes.open_boxes(base(Look()))
        directory = None if opened is None else boxes.open_box(opened, name)
        seen = None if opened is None else state.look(opened, name)
        if directory is None or seen is None:
            raise _none(name)
        try:
            return _joinable(directory, seen)
        finally:
            os.close(directory)
    except boxes.StateError as error:
        raise FatalError(error.message, error.remedy) from None


def _none(name: str) -> FatalError:
    return FatalError(
        f"no box `{name}` is running", "toyspec ps lists those that are; toyspec up -d starts one"
    )


def _joinable(directory: int, seen: Seen) -> RunningBox:
    name, status = seen.name, seen.status
    if seen.state == "starting":
        raise FatalError(f"the box `{name}` is being started yet", "try again")
    held = alive.hold(status.child, status.child_began, status.namespaces.get("pid"))
    if seen.state != "running" or held is None:
        raise _over(seen)
    os.close(held)  # it was its PID 1 when we looked; exec's plan looks again
    text = state.read(directory, "plan.json")
    try:
        plan = from_json(text or b"")
    except FormatError as error:
        remedy = f"start it anew: toyspec down {name}, then toyspec up -d"
        raise FatalError(f"the plan of the box `{name}` cannot be read: {error}", remedy) from None
    wanted = _inodes(plan, status.namespaces)
    return RunningBox(
        plan,
        Running(_member(name, status.child, wanted), wanted),
        state.environment(directory),
        _spec(plan),
    )


def _over(seen: Seen) -> FatalError:
    code = seen.status.exit_code
    how = "nobody was left to say how" if code is None else f"with status {code}"
    return FatalError(f"the box `{seen.name}` has ended, {how}", "toyspec up -d starts it anew")


def _inodes(plan: Plan, told: Mapping[str, int]) -> dict[Namespace, str]:
    """Those of the box's own namespaces, as statx(2) says them: all are files of one filesystem."""
    device = os.stat("/proc/self/ns/user").st_dev
    files = dict(NAMESPACES)
    return {
        name: f"{os.major(device)}:{os.minor(device)}:{told[files[name]]}"
        for name in namespaces(plan)
        if files[name] in told
    }


def _member(name: str, child: int, wanted: Mapping[Namespace, str]) -> int:
    """A process of the box that the caller may join: PID 1, or where that is toyspec's own and lets
    nobody look into it, one that it started.
    """
    for pid in (child, *_children(child)):
        if _is_member(pid, wanted):
            return pid
    raise FatalError(
        f"no process of the box `{name}` is where the box began",
        "what runs in it made namespaces of its own: start it anew to enter it",
    )


def _is_member(pid: int, wanted: Mapping[Namespace, str]) -> bool:
    files = dict(NAMESPACES)
    try:
        for name, inode in wanted.items():
            seen = os.stat(f"/proc/{pid}/ns/{files[name]}")
            if f"{os.major(seen.st_dev)}:{os.minor(seen.st_dev)}:{seen.st_ino}" != inode:
                return False
    except OSError:
        return False
    return True


def _children(pid: int) -> Iterator[int]:
    """Oldest first. Not every kernel lists them (CONFIG_PROC_CHILDREN), so every process is looked at."""
    for each in sorted(int(entry) for entry in os.listdir("/proc") if entry.isdecimal()):
        try:
            with open(f"/proc/{each}/stat", "rb") as file:
                parent = file.read().rpartition(b") ")[2].split()[1]
        except (OSError, IndexError):
            continue
        if int(parent) == pid:
            yield each


def _spec(plan: Plan) -> bytes:
    try:
        with open(plan.spec_path, "rb") as file:
            data = file.read(_LARGEST_SPEC)
    except (OSError, ValueError):
        return b""
    return data if hashlib.sha256(data).hexdigest() == plan.spec_sha256 else b""
