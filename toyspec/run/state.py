"""The state of one detached box: a directory, of which a lock says whether the box lives.

    lock         empty; locked as a whole by the box's own processes, as long as one of them lives
    box.json     what was started: see `About`
    plan.json    its plan
    environment  NAME=VALUE, NUL: the variables of the starter's that the plan takes
    status       one JSON object a line, NULs behind them: see `Status`
    changes      what its host has to look at (`run.watch`), NULs behind it
    log, log.1…  what it printed: see `run.log`
    earlier.…    the same of the box before, until this one has begun: see `run.earlier`

The lock is an open file description's (F_OFD_SETLK, fcntl(2)): monitor and setup inherit it, nothing
inside the box does, and the kernel gives it up with the last of them, whatever ended it. To ask who
holds it (F_OFD_GETLK) takes nothing, so that one who looks is never in the way of one who starts. Who
holds it may replace or remove all the rest. What `status` says of processes is believed only as far as
`run.alive` confirms it.
"""

from __future__ import annotations

import fcntl
import json
import os
from errno import EACCES, EAGAIN, EFBIG, EISDIR, ENOSPC, ENOTEMPTY
from typing import TYPE_CHECKING, Literal

from toyspec.run import earlier
from toyspec.run.boxes import ExactModes, StateError, check_private, open_box, where
from toyspec.run.files import FLAGS, read, reserve
from toyspec.run.lock import FLOCK, is_held, is_locked
from toyspec.values import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUS_ROOM = 4096
"""Bytes of `status`, set aside before the box begins: a full disk loses no exit status."""

State = Literal["starting", "running", "ended", "lost"]


class TakenError(Exception):
    """The box lives."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a box's monitor said. A number that nobody said is 0; `exit_code` is None until it ends.

    Pids are the starter's. `child` is PID 1 of the box; times are clock ticks since boot.
    """

    monitor: int = 0
    monitor_began: int = 0
    setup: int = 0
    child: int = 0
    child_began: int = 0
    namespaces: Mapping[str, int] = field(default_factory=dict)
    ran: bool = False
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a box. `about` is box.json; `lives`: a process of toyspec's holds the lock."""

    name: str
    lives: bool
    status: Status
    about: Mapping[str, object]

    @property
    def state(self) -> State:
        """`ended`: with a status of its own. `lost`: it is gone, and nobody was left to say how."""
        if self.status.exit_code is not None:
            return "ended"
        if not self.lives:
            return "lost"
        return "running" if self.status.ran else "starting"

    @property
    def is_over(self) -> bool:
        """Whether it has ended, somehow."""
        return self.state in ("ended", "lost")


@dataclass(frozen=True, slots=True)
class Claim:
    """A box's directory that is ours: both descriptors are closed by an execve, unless told otherwise."""

    boxes: int
    name: str
    directory: int
    lock: int

    def close(self) -> None:
        """Give the lock up, unless another process has it by now."""
        os.close(self.lock)
        os.close(self.directory)


def look(boxes: int, name: str) -> Seen | None:
    """The truth of a box; None where there is none. Raises StateError."""
    directory = open_box(boxes, name)
    if directory is None:
        return None
    try:
        while True:
            lives = is_held(directory)
            seen = _seen(directory, name, lives=lives)
            if lives or not is_held(directory):
                return seen
    finally:
        os.close(directory)


def settle(boxes: int, name: str) -> Seen | None:
    """The same, once what someone left who was killed on his way is gone. Raises StateError."""
    found = look(boxes, name)
    if found is not None and (found.lives or found.status.ran):
        return found
    sweep(boxes, name)
    return look(boxes, name)


def _seen(directory: int, name: str, *, lives: bool) -> Seen | None:
    """None for what is left where somebody was killed while he made or removed it."""
    about = _object(read(directory, "box.json"))
    if about is None and not lives:
        return None
    return Seen(name, lives, parse_status(read(directory, "status") or b""), about or {})


def parse_status(data: bytes) -> Status:
    """The lines of a `status` file; a line that is not whole counts for nothing."""
    said: dict[str, object] = {}
    for line in data.rstrip(b"\0").split(b"\n")[:-1]:
        said |= _object(line) or {}
    spaces = {
        key.removesuffix("-namespace"): number
        for key, number in said.items()
        if key.endswith("-namespace") and isinstance(number, int)
    }
    code = said.get("exit-code")
    return Status(
        _number(said, "monitor-pid"),
        _number(said, "monitor-start-time"),
        _number(said, "setup-pid"),
        _number(said, "child-pid"),
        _number(said, "start-time"),
        spaces,
        said.get("running") is True,
        code if isinstance(code, int) else None,
    )


def changes(boxes: int, name: str) -> list[str]:
    """What a box that has ended left for its host to look at: sentences. Raises StateError."""
    directory = open_box(boxes, name)
    if directory is None:
        return []
    try:
        data = (read(directory, "changes") or b"").rstrip(b"\0")
        return data.decode("utf-8", "surrogateescape").splitlines()
    finally:
        os.close(directory)


def claim(boxes: int, name: str) -> Claim:
    """Take a name whose box does not live. What is left of an earlier one is set aside (`run.earlier`):
    forget it once the new one has begun, or `discard` the claim.

    Raises TakenError, and StateError where its place cannot be made. `status` is there and has its
    room then.
    """
    while True:
        found = lock(boxes, name, make=True)
        if found is None:
            continue
        try:
            _recover(found)
            earlier.set_aside(found.directory)
            reserve(found.directory, "status", STATUS_ROOM)
        except OSError as error:
            discard(found)
            raise failed(found, error) from None
        return found


def lock(boxes: int, name: str, *, make: bool = False) -> Claim | None:
    """The lock of a box that does not live, with all that lies there; None where there is no such box.

    Raises TakenError and StateError.
    """
    while True:
        directory = open_box(boxes, name, make=make)
        if directory is None:
            return None
        fd = -1
        try:
            with ExactModes():
                fd = os.open("lock", os.O_RDWR | os.O_CREAT | FLAGS, 0o600, dir_fd=directory)
            check_private(fd, where(directory, "lock"))
            if not _take(fd):
                os.unlink("lock", dir_fd=directory)
            elif _is_at(boxes, name, directory) and _is_at(directory, "lock", fd):
                return Claim(boxes, name, directory, fd)
        except FileNotFoundError:
            pass  # the directory was removed meanwhile
        except OSError as error:
            _close(directory, fd)
            if error.errno in (EAGAIN, EACCES) and fd >= 0:
                raise TakenError from None
            shown = where(boxes, f"{name}/lock")
            raise StateError(f"{shown}: {error.strerror}", _remedy(error)) from None
        except StateError:
            _close(directory, fd)
            raise
        _close(directory, fd)  # somebody removed it between our open and our lock


def _take(fd: int) -> bool:
    """The lock as a whole; False where somebody only reads there, who may keep nobody from it. Raises OSError."""
    whole = FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, whole)
    except OSError as error:
        if error.errno not in (EAGAIN, EACCES) or is_locked(fd):
            raise
        return False
    return True


def clear(found: Claim) -> None:
    """Remove everything but the lock; nothing where there is a directory, which is none of ours. Raises OSError."""
    own, aside = earlier.names(found.directory)
    for name in (*aside, *own):
        os.unlink(name, dir_fd=found.directory)


def remove(found: Claim) -> None:
    """Remove the box's state, and give the lock up. What cannot be removed stays. Raises StateError."""
    try:
        clear(found)
        os.unlink("lock", dir_fd=found.directory)
        os.rmdir(found.name, dir_fd=found.boxes)
    except FileNotFoundError:
        pass  # somebody deleted it by hand
    except OSError as error:
        if error.errno != ENOTEMPTY:  # then the name has been claimed anew already
            raise failed(found, error) from None
    finally:
        found.close()


def discard(found: Claim) -> None:
    """Nothing came of it: remove as much as can be, but put back what was set aside. Something else is
    wrong already, and is told.
    """
    try:
        if earlier.put_back(found.directory):
            found.close()
            return
    except OSError:
        pass
    try:
        remove(found)
    except StateError:
        pass


def sweep(boxes: int, name: str) -> None:
    """Remove what is no box, and put back what is one: what was left by someone killed on his way. Else nothing."""
    try:
        found = lock(boxes, name)
    except (TakenError, StateError):
        return
    if found is None:
        return
    try:
        _recover(found)
    except OSError:
        pass  # what is wrong with it is said by who needs it
    if read(found.directory, "box.json") is None:
        discard(found)
    else:
        found.close()


def _recover(found: Claim) -> None:
    status = parse_status(read(found.directory, "status") or b"")
    earlier.recover(found.directory, ran=status.ran)


def _is_at(directory: int, name: str, fd: int) -> bool:
    try:
        seen = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError:
        return False
    return os.path.samestat(seen, os.fstat(fd))


def _object(data: bytes | None) -> dict[str, object] | None:
    if not data:
        return None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _number(said: Mapping[str, object], name: str) -> int:
    number = said.get(name)
    return number if isinstance(number, int) and number > 0 else 0


def failed(found: Claim, error: OSError) -> StateError:
    """What to say where something could not be written or removed there."""
    shown = where(found.boxes, found.name)
    if error.errno == EISDIR:
        return StateError(f"{shown}/{error.filename} is a directory", "look into it, and remove it")
    return StateError(f"{shown}: {error.strerror}", _remedy(error))


def _remedy(error: OSError) -> str | None:
    return {
        ENOSPC: "make room there: df shows how full it is",
        EFBIG: "a limit of the caller's says so: ulimit -f shows it",
    }.get(error.errno or 0)


def _close(directory: int, fd: int) -> None:
    os.close(directory)
    if fd >= 0:
        os.close(fd)
