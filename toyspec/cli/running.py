"""A box that runs, by its name: what its state says, as far as the processes themselves confirm it."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from toyspec.cli.absent import NoBoxError
from toyspec.cli.anew import begins_anew
from toyspec.cli.boxes import boxes_of, cannot, seen
from toyspec.cli.error import FatalError
from toyspec.cli.unfed import is_unfed, remedy, why
from toyspec.emit.plan_json import FormatError, from_json
from toyspec.plan.entering import Running
from toyspec.plan.joining import joined, namespaces
from toyspec.run import alive, files
from toyspec.run.boxes import StateError, open_box
from toyspec.start.look import NAMESPACES
from toyspec.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from toyspec.plan.step import Plan
    from toyspec.run.state import Seen
    from toyspec.spec.model import Namespace
    from toyspec.start.look import Look

_FILES: dict[Namespace, str] = dict(NAMESPACES)  # type: ignore[assignment]  # the same names
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


def running_box(name: str, look: Look) -> RunningBox:
    """The box of that name. Raises FatalError: there is none, or it has ended, or cannot be joined."""
    opened = boxes_of(look, name)
    found = seen(opened, name)
    try:
        directory = open_box(opened, name)
    except StateError as error:
        raise cannot(error) from None
    if directory is None:
        raise NoBoxError(name)
    try:
        return _joinable(directory, found)
    finally:
        os.close(directory)


def _joinable(directory: int, box: Seen) -> RunningBox:
    name, status = box.name, box.status
    if box.state == "starting":
        raise FatalError(f"the box `{name}` is being started yet", "try again")
    held = alive.hold(status.child, status.child_began, status.namespaces.get("pid"))
    if box.state != "running" or held is None:
        raise _over(box)
    try:
        plan = _plan(directory, box)
        told = _inodes(plan, status.namespaces)
        pid = _member(name, status.child, told)
        running = Running(pid, {**_seen_of(pid, namespaces(plan)), **told})
    finally:
        os.close(held)
    return RunningBox(plan, running, files.environment(directory), _spec(plan))


def _plan(directory: int, box: Seen) -> Plan:
    try:
        return from_json(files.read(directory, "plan.json") or b"")
    except FormatError as error:
        raise damaged(box.name, str(error), box.about) from None


def damaged(name: str, how: str, about: Mapping[str, object]) -> FatalError:
    """What is kept of the box is no plan that it can have come up by."""
    return FatalError(
        f"the plan of the box `{name}` cannot be read: {how}",
        f"plan.json is damaged, or of another version: {begins_anew(name, about)}",
    )


def _over(box: Seen) -> FatalError:
    code = box.status.exit_code
    how = "nobody was left to say how" if code is None else f"with status {code}"
    message = f"the box `{box.name}` has ended, {how}"
    command, spec = box.about.get("command"), box.about.get("spec")
    if code == 0 and isinstance(command, list) and is_unfed(words := [str(w) for w in command]):
        return FatalError(
            f"{message}: {why(words)}", remedy(spec if isinstance(spec, str) else None)
        )
    return FatalError(message, begins_anew(box.name, box.about))


def _inodes(plan: Plan, told: Mapping[str, int]) -> dict[Namespace, str]:
    """Those of the box's own namespaces that its monitor told, as statx(2) says them: all are files of
    one filesystem. Where it joined a user namespace the monitor could not look, and the plan says which
    that is: to leave the others takes rights in it.
    """
    device = os.stat("/proc/self/ns/user").st_dev
    known = joined(plan)
    known |= {name: _shown(device, told[file]) for name, file in _FILES.items() if file in told}
    return {name: known[name] for name in namespaces(plan) if name in known}


def _shown(device: int, inode: int) -> str:
    return f"{os.major(device)}:{os.minor(device)}:{inode}"


def _seen_of(pid: int, names: Iterable[Namespace]) -> dict[Namespace, str]:
    """What a process's namespaces are now. Raises OSError where the caller may not look."""
    found = {}
    for name in names:
        seen = os.stat(f"/proc/{pid}/ns/{_FILES[name]}")
        found[name] = _shown(seen.st_dev, seen.st_ino)
    return found


def _member(name: str, child: int, wanted: Mapping[Namespace, str]) -> int:
    """A process of the box that the caller may join: PID 1, or where that is toyspec's own and lets
    nobody look into it, one that it started. Raises FatalError.
    """
    for pid in (child, *_children(child)):
        try:
            if _seen_of(pid, wanted or ("user",)) == wanted or not wanted:
                return pid
        except OSError:
            pass
    raise FatalError(
        f"no process of the box `{name}` is where the box began",
        f"what runs in it made namespaces of its own: toyspec restart {name} begins it anew",
    )


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
