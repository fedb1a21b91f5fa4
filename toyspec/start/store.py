"""Where entries lie: a directory of the caller's alone, held by a descriptor.

Whatever is not as it should be (an owner, a mode, a symlink, a full disk, a race) means that there
is no entry: nothing here raises, and nothing here is needed for a box.
"""

from __future__ import annotations

import os
import stat
import time

MOST_FILES = 512
MOST_BYTES = 64 << 20
_LARGEST = MOST_BYTES // 4  # of one entry
_STALE = 60  # seconds after which an unfinished file is nobody's
BOX = ".box"  # an entry: see start.entry
FRONT = ".front"  # see emit.checks
_UNFINISHED = ".new"


def open_store(path: str) -> int | None:
    """A descriptor of the directory; None where there is none that can be trusted."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    if _is_private(os.fstat(fd)):
        return fd
    os.close(fd)
    return None


def make_store(path: str) -> int | None:
    """The same, the directory made where it is missing, and those above it as the XDG Base Directory
    Specification has it: 0700. Nothing is made in what belongs to somebody else, as the home that sudo
    may leave does.
    """
    above = path
    before = os.umask(0o077)  # the caller's may leave not even the owner a way in
    try:
        while not os.path.lexists(above):
            above = os.path.dirname(above)
        if os.stat(above).st_uid != os.geteuid():
            return None
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        os.mkdir(path, 0o700)
    except (OSError, ValueError):
        pass  # there already, or not to be: open_store knows
    finally:
        os.umask(before)
    return open_store(path)


def has(store: int, key: bytes, suffix: str) -> bool:
    """Whether there is a file of that name, whatever it is."""
    try:
        os.stat(key.hex() + suffix, dir_fd=store, follow_symlinks=False)
    except OSError:
        return False
    return True


def drop(store: int, key: bytes, suffix: str) -> None:
    """Keep it no longer."""
    _remove(store, key.hex() + suffix)


def get(store: int, key: bytes, suffix: str = BOX) -> bytes | None:
    """The bytes of the key's file; None where there is none that the caller alone could write."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        fd = os.open(key.hex() + suffix, flags, dir_fd=store)
    except OSError:
        return None
    try:
        seen = os.fstat(fd)
        if not (stat.S_ISREG(seen.st_mode) and _is_private(seen) and seen.st_size <= _LARGEST):
            return None
        return _read(fd, seen.st_size)
    except OSError:
        return None
    finally:
        os.close(fd)


def put(store: int, key: bytes, data: bytes, suffix: str = BOX) -> bool:
    """Keep the bytes for the key, whole or not at all; whether that was possible.

    Written beside and renamed: who reads meanwhile sees the old ones or the new ones. Not synced to
    disk: what a crash leaves is damaged, and damage is noticed.
    """
    if len(data) > _LARGEST:
        return False
    _evict(store, len(data))
    name = f"{_UNFINISHED}.{os.getpid()}.{os.urandom(8).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(name, flags, 0o600, dir_fd=store)
    except OSError:
        return False
    try:
        try:
            os.fchmod(fd, 0o600)  # whatever the umask
            left = memoryview(data)
            while left:
                left = left[os.write(fd, left) :]
        finally:
            os.close(fd)
        os.rename(name, key.hex() + suffix, src_dir_fd=store, dst_dir_fd=store)
    except OSError:
        _remove(store, name)
        return False
    return True


def _is_private(seen: os.stat_result) -> bool:
    return seen.st_uid == os.geteuid() and not seen.st_mode & 0o077


def _read(fd: int, size: int) -> bytes:
    pieces = []
    while size > 0 and (piece := os.read(fd, size)):
        size -= len(piece)
        pieces.append(piece)
    return b"".join(pieces)


def _evict(store: int, coming: int) -> None:
    """Make room: the entries written longest ago go first, and before them what has a time to come,
    which only a clock that was set back can have written. Files of others stay.
    """
    now = time.time_ns()
    found = []
    try:
        names = os.listdir(store)
    except OSError:
        return
    for name in names:
        try:
            seen = os.stat(name, dir_fd=store, follow_symlinks=False)
        except OSError:
            continue  # gone: somebody else makes room too
        if name.startswith(_UNFINISHED):
            if abs(now - seen.st_mtime_ns) > _STALE * 10**9:
                _remove(store, name)
        elif name.endswith((BOX, FRONT)):
            found.append((seen.st_mtime_ns <= now, seen.st_mtime_ns, seen.st_size, name))
    found.sort()
    size = coming + sum(each for _, _, each, _ in found)
    left = len(found)
    for _, _, each, name in found:
        if left < MOST_FILES and size <= MOST_BYTES:
            break
        _remove(store, name)
        left, size = left - 1, size - each


def _remove(store: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=store)
    except OSError:
        pass
