"""What a plan watches: looked at before the box's command starts, and again when the box has ended.

Nothing of it is read or changed. Directories are held open meanwhile, as long as there are descriptors to
spare, so that their numbers cannot come to belong to others; of a file the time of its last change tells (ctime, which nobody can set).
"""

from __future__ import annotations

from toyspec.emit.resident.memory import same
from toyspec.emit.resident.record import (
    AS_FILE,
    FILE,
    LOG_DIRECTORY,
    WATCH_DEVICE,
    WATCH_DIRECTORY,
    WATCH_INODE,
    WATCH_KIND,
    WATCH_NAME,
    WATCH_PATH,
    WATCH_PLANNED,
    WATCH_SIZE,
    WATCH_STATE,
    WATCH_WHAT,
    WATCHED,
    WATCHES,
)
from toyspec.emit.resident.refusal import refuse
from toyspec.emit.resident.saying import VECTOR, add, begin, full, say
from toyspec.emit.resident.words import (
    flag,
    load16,
    load32,
    load64,
    nr,
    room,
    store8,
    store64,
    syscall,
    text,
)

_UNKNOWN = 0
_MISSING = 1
_SYMLINK = 2
_DIRECTORY = 3
_OTHER = 4
_STATX = 256
_SPARE = 256  # descriptors below which directories are held: the monitor needs others
_TEXT = 4096  # bytes of a symlink's text at most (PATH_MAX)

_SAME = 0
_APPEARED = 1
_WENT = 2
_CHANGED = 3
_REPLACED = 4


def refuse_new(file: int, box: int) -> int:
    """A file of `compile` covers what was there when it was made; what came since it would not."""
    if not load64(file + AS_FILE):
        return 0
    seen = room(WATCH_SIZE)
    entry = load64(box + WATCHED)
    end = entry + load64(box + WATCHES) * WATCH_SIZE
    while entry < end:
        planned = load64(entry + WATCH_PLANNED)
        if planned:
            _look(load64(entry + WATCH_PATH), seen)
            kind = load64(seen + WATCH_KIND)
            if kind != planned and kind != _MISSING and kind != _UNKNOWN:
                more = text(" came, which it would not protect: compile it again")
                refuse(file, text("since this box was made "), load64(entry + WATCH_PATH), more)
        entry += WATCH_SIZE
    return 0


def first_look(box: int) -> int:
    """The box stands, and none of its commands runs yet."""
    at = 0
    while at < load64(box + WATCHES):
        entry = load64(box + WATCHED) + at * WATCH_SIZE
        _look(load64(entry + WATCH_PATH), entry)
        if load64(entry + WATCH_KIND) == _DIRECTORY:
            # Gone since, as the second look says; or the caller may not read it.
            flags = flag("open", "O_DIRECTORY") | flag("open", "O_NOFOLLOW")
            flags |= flag("open", "O_CLOEXEC")
            fd = syscall(nr("openat"), -100, load64(entry + WATCH_PATH), flags, 0)
            if fd >= _SPARE:
                syscall(nr("close"), fd)
        at += 1
    return 0


def second_look(box: int) -> int:
    """One sentence for what happened in each directory, and how. Of a box that is left to itself they are
    kept in a file, too: whoever ends it may never look at its log.
    """
    kept = -1
    directory = load64(load64(box + FILE) + LOG_DIRECTORY)
    if directory:
        flags = flag("open", "O_WRONLY") | flag("open", "O_NONBLOCK")
        flags |= flag("open", "O_NOFOLLOW") | flag("open", "O_CLOEXEC")
        kept = syscall(nr("openat"), directory, text("changes"), flags, 0)
    count = load64(box + WATCHES)
    at = 0
    while at < count:
        entry = load64(box + WATCHED) + at * WATCH_SIZE
        store64(entry + WATCH_WHAT, _difference(entry))
        at += 1
    at = 0
    while at < count:
        entry = load64(box + WATCHED) + at * WATCH_SIZE
        if load64(entry + WATCH_WHAT) != _SAME:
            _tell(entry, load64(box + WATCHED) + count * WATCH_SIZE, kept)
        at += 1
    if kept >= 0:
        syscall(nr("close"), kept)
    return 0


def _say(vector: int, kept: int) -> int:
    if kept >= 0:
        syscall(nr("writev"), kept, vector + 8, load64(vector))
    return say(vector)


def _tell(entry: int, end: int, kept: int) -> int:
    """What happened to `entry` and to those behind it in the same directory; they are done then."""
    vector = begin(room(VECTOR))
    what = load64(entry + WATCH_WHAT)
    directory = load64(entry + WATCH_DIRECTORY)
    add(vector, text("toyspec: while the box ran, "))
    add(vector, load64(entry + WATCH_NAME))
    several = 0
    at = entry + WATCH_SIZE
    while at < end:
        if load64(at + WATCH_WHAT) == what and same(load64(at + WATCH_DIRECTORY), directory):
            if full(vector):
                _say(vector, kept)
            add(vector, text(", "))
            add(vector, load64(at + WATCH_NAME))
            store64(at + WATCH_WHAT, _SAME)
            several = 1
        at += WATCH_SIZE
    _say(vector, kept)
    add(vector, _said(what))
    add(vector, directory)
    if several:
        add(vector, text(": look at them before you run anything there\n"))
    else:
        add(vector, text(": look at it before you run anything there\n"))
    return _say(vector, kept)


def _said(what: int) -> int:
    if what == _APPEARED:
        return text(" appeared in ")
    if what == _WENT:
        return text(" went away in ")
    if what == _CHANGED:
        return text(" changed in ")
    return text(" became another one in ")


def _difference(before: int) -> int:
    """The second look at one path, and what it shows."""
    after = room(WATCH_SIZE)
    _look(load64(before + WATCH_PATH), after)
    old = load64(before + WATCH_KIND)
    new = load64(after + WATCH_KIND)
    if old == _UNKNOWN or new == _UNKNOWN or (old == _MISSING and new == _MISSING):
        return _SAME
    if old == _MISSING:
        return _APPEARED
    if new == _MISSING:
        return _WENT
    if old != new or load64(before + WATCH_DEVICE) != load64(after + WATCH_DEVICE):
        return _REPLACED
    if load64(before + WATCH_INODE) != load64(after + WATCH_INODE):
        return _REPLACED
    if new == _SYMLINK:
        if same(load64(before + WATCH_STATE), load64(after + WATCH_STATE)):
            return _SAME
        return _CHANGED
    if load64(before + WATCH_STATE) != load64(after + WATCH_STATE):
        return _CHANGED
    return _SAME


def _look(path: int, entry: int) -> int:
    """Fill the fields of an entry that say what is there."""
    seen = room(_STATX)
    store64(entry + WATCH_KIND, _UNKNOWN)
    flags = flag("at", "AT_SYMLINK_NOFOLLOW") | flag("at", "AT_NO_AUTOMOUNT")
    mask = flag("statx_mask", "STATX_BASIC_STATS")
    error = syscall(nr("statx"), -100, path, flags, mask, seen)
    if error < 0:
        if error == -2 or error == -20:  # ENOENT, ENOTDIR
            store64(entry + WATCH_KIND, _MISSING)
        return 0
    store64(entry + WATCH_DEVICE, load32(seen + 136) << 32 | load32(seen + 140))
    store64(entry + WATCH_INODE, load64(seen + 32))
    form = load16(seen + 28) & 0o170000
    if form == flag("mode", "S_IFLNK"):
        return _look_at_link(path, entry)
    if form == flag("mode", "S_IFDIR"):
        store64(entry + WATCH_KIND, _DIRECTORY)
        store64(entry + WATCH_STATE, 0)
        return 0
    store64(entry + WATCH_KIND, _OTHER)
    store64(entry + WATCH_STATE, load64(seen + 96) * 1000000000 + load32(seen + 104))
    return 0


def _look_at_link(path: int, entry: int) -> int:
    """A symlink's text, in memory of its own."""
    memory = syscall(nr("mmap"), 0, _TEXT + 1, 3, 0x22, -1, 0)
    if memory < 0 and memory > -4096:
        return 0
    size = syscall(nr("readlinkat"), -100, path, memory, _TEXT)
    if size == -2 or size == -20:
        store64(entry + WATCH_KIND, _MISSING)
    if size < 0:
        return 0
    store8(memory + size, 0)
    store64(entry + WATCH_KIND, _SYMLINK)
    store64(entry + WATCH_STATE, memory)
    return 0
