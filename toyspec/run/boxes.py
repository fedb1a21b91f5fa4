"""Where the states of detached boxes lie: one directory of the caller's alone, held by a descriptor.

What stands there decides whom `exec` joins and whom `kill` kills. So every directory on the way from
the caller's base is opened by its one name, never through a symlink, and must be the caller's own,
with no right for anybody else; whatever is otherwise is an error that says so.
"""

from __future__ import annotations

import os
import stat
from errno import EACCES, ELOOP, EMFILE, ENFILE, ENOENT, ENOSPC, ENOTDIR

from toyspec.start.places import is_name

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PARTS = ("toyspec", "boxes")
LONGEST = 64
"""Characters of a name, as the schema has it."""


class StateError(Exception):
    """Why the state of a box cannot be read or written, and what helps."""

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class ExactModes:
    """What is made meanwhile gets the mode that is given, be it the owner's that the umask takes away."""

    def __enter__(self) -> None:
        self._before = os.umask(0o077)

    def __exit__(self, *_: object) -> None:
        os.umask(self._before)


def open_boxes(base: str, *, make: bool = False, mends: bool = False) -> int | None:
    """A descriptor of BASE/toyspec/boxes, to be closed; None where there is none yet.

    `make`: it is made, with what lies above it. Raises StateError where it cannot be, or where a part
    of it is not what only the caller could have made. `mends`: see `mend`.
    """
    try:
        if make:
            with ExactModes():
                os.makedirs(base, 0o700, exist_ok=True)
        here = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _refused(base, error) from None
    shown = base
    try:
        _check_base(base, here)
        for part in _PARTS:
            shown = f"{shown.rstrip('/')}/{part}"
            if make:
                _make(part, here)
            if mends:
                mend(here, part)
            inner = os.open(part, _DIRECTORY, dir_fd=here)
            os.close(here)
            here = inner
            check_private(here, shown)
    except FileNotFoundError:
        os.close(here)
        return None
    except OSError as error:
        os.close(here)
        raise _refused(shown, error) from None
    except StateError:
        os.close(here)
        raise
    return here


def names(boxes: int) -> list[str]:
    """What may be a box there, sorted. Raises OSError."""
    return sorted(filter(is_name, os.listdir(boxes)))


def is_directory(boxes: int, name: str) -> bool:
    """Whether what lies there is one, be it closed."""
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=boxes, follow_symlinks=False).st_mode)
    except OSError:
        return False


def open_box(boxes: int, name: str, *, make: bool = False) -> int | None:
    """A descriptor of one box's directory; None where there is none. Raises StateError, also for
    a name that is none.
    """
    if not is_name(name) or len(name) > LONGEST:
        raise StateError(f"`{name}` cannot be a box's name", "it is of a-z, 0-9, _ and -")
    try:
        if make:
            _make(name, boxes)
        fd = os.open(name, _DIRECTORY, dir_fd=boxes)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(where(boxes, name), error) from None
    try:
        check_private(fd, where(boxes, name))
    except StateError:
        os.close(fd)
        raise
    return fd


def mend(directory: int, name: str) -> None:
    """Give the caller every right to a directory or file of their own: a umask that leaves the owner none
    was obeyed once. Nothing happens to what belongs to somebody else, or is of another kind.
    """
    try:
        fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        return
    try:
        seen = os.fstat(fd)
        rights = {stat.S_IFDIR: 0o700, stat.S_IFREG: 0o600}.get(stat.S_IFMT(seen.st_mode), 0)
        if seen.st_uid == os.geteuid() and seen.st_mode & rights != rights:
            os.chmod(f"/proc/self/fd/{fd}", stat.S_IMODE(seen.st_mode) | rights)
    except OSError:
        pass  # whoever opens it says so
    finally:
        os.close(fd)


def mend_box(boxes: int, name: str) -> None:
    """The same to a box's directory, and to what lies there. Raises StateError."""
    if is_name(name):
        mend(boxes, name)
    directory = open_box(boxes, name)
    if directory is None:
        return
    try:
        for each in os.listdir(directory):
            mend(directory, each)
    except OSError:
        pass
    finally:
        os.close(directory)


def where(directory: int, name: str = "") -> str:
    """The path of what a descriptor holds, and of a name in it: for messages only."""
    try:
        path = os.readlink(f"/proc/self/fd/{directory}")
    except OSError:
        path = "the directory of boxes"
    return f"{path}/{name}" if name else path


def check_private(fd: int, shown: str) -> None:
    """Raises StateError unless the directory or file is the caller's, and nobody else's to enter."""
    seen = os.fstat(fd)
    if seen.st_uid != os.geteuid():
        raise StateError(
            f"{shown} belongs to uid {seen.st_uid}, not to you: no box's state is kept there",
            "remove it, or set XDG_RUNTIME_DIR to a directory of your own",
        )
    if seen.st_mode & 0o077:
        raise StateError(
            f"{shown} is open to others (mode {stat.S_IMODE(seen.st_mode):04o}): what lies there "
            "cannot be trusted",
            f"look at it, then: chmod go= {shown}",
        )


def _check_base(base: str, fd: int) -> None:
    """Whoever owns the base could put another directory in the place of ours; so could whoever may
    write there, unless it is sticky.
    """
    seen = os.fstat(fd)
    if seen.st_uid not in (os.geteuid(), 0):
        raise StateError(
            f"{base} belongs to uid {seen.st_uid}, not to you: no box's state is kept there",
            "set XDG_RUNTIME_DIR to a directory of your own, or unset it",
        )
    if seen.st_mode & 0o022 and not seen.st_mode & stat.S_ISVTX:
        raise StateError(
            f"{base} may be written by others (mode {stat.S_IMODE(seen.st_mode):04o})",
            "set XDG_RUNTIME_DIR to a directory that is yours alone",
        )


def _make(name: str, directory: int) -> None:
    try:
        with ExactModes():
            os.mkdir(name, 0o700, dir_fd=directory)
    except FileExistsError:
        pass  # whatever it is: the open looks


def _refused(path: str, error: OSError | ValueError) -> StateError:
    if not isinstance(error, OSError):
        return StateError(f"{path!r} is no path")
    if error.errno in (ENOTDIR, ELOOP):
        kind = "a symlink" if os.path.islink(path) else "no directory"
        return StateError(
            f"{path} is {kind}, and should be a directory of yours that holds boxes' states",
            "look at what it is, and remove it",
        )
    if error.errno == ENOSPC:
        return StateError(f"{path}: {error.strerror}", "make room there: df shows how full it is")
    if error.errno == EACCES and (closed := _closed(path)):
        return StateError(
            f"{path}: {error.strerror}, as {closed} is closed to you, its owner",
            f"chmod u+rwx {closed}",
        )
    remedy = "set XDG_RUNTIME_DIR to a directory of your own"
    other = error.errno in (ENOENT, EMFILE, ENFILE)
    return StateError(f"{path}: {error.strerror}", None if other else remedy)


def _closed(path: str) -> str | None:
    """The directory on the way there that its owner, the caller, has no right to."""
    for each in (os.path.dirname(path), path):
        try:
            seen = os.lstat(each)
        except OSError:
            continue
        own = stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid()
        if own and seen.st_mode & 0o700 != 0o700:
            return each
    return None
