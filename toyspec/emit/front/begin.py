"""The first code of the command: a box that is kept for just this, or else Python.

Nothing is decided here. What a start asks is compared with what it was when the box was planned; one
difference, a doubt or an error, and Python goes the long way, as if there were no front.
"""

from __future__ import annotations

from toyspec.emit.front.checks import holds
from toyspec.emit.front.directories import refuse_directories
from toyspec.emit.front.missing import tell_missing
from toyspec.emit.front.naming import beside, own_path, with_name
from toyspec.emit.front.record import (
    AT_MAGIC,
    BOX,
    CHECKS,
    CHECKS_END,
    GIVEN,
    GIVENS,
    HEAD,
    LARGEST,
    MAGIC,
    MOST_READ,
    SIZE,
    SUM,
    WORDS,
)
from toyspec.emit.front.sums import crc, fnv, fnv_number
from toyspec.emit.front.terminal import terminals
from toyspec.emit.resident.again import hold_back, ignore
from toyspec.emit.resident.environment import value_of
from toyspec.emit.resident.memory import append, behind, copy, length, same, unsigned32
from toyspec.emit.resident.sealed import memory_file, seal, survive_limits
from toyspec.emit.resident.streams import open_streams
from toyspec.emit.resident.words import (
    flag,
    load8,
    load16,
    load64,
    nr,
    room,
    store8,
    store64,
    syscall,
    text,
)

_LONGEST = 4096  # PATH_MAX
_ROOM_FOR_NAMES = 64  # bytes of a path that are added to what the caller says
_BASIC = 0x7FF  # STATX_BASIC_STATS (linux/stat.h)
_STATX = 256  # bytes of a struct statx
_FORMAT = 0o170000  # S_IFMT
_REGULAR = 0o100000
_OTHERS = 0o077
_READ_WRITE = 3  # PROT_READ | PROT_WRITE
_PRIVATE = 0x22  # MAP_PRIVATE | MAP_ANONYMOUS
_SLACK = 8192  # bytes that a content may be longer than what it is compared with
_FNV = -3750763034362895579  # the offset basis
_WORDS = 64  # that a box is started with at most


def front(stack: int) -> int:
    """`stack` is where the kernel put argc, argv, envp and the auxiliary vector."""
    words = load64(stack)
    argv = stack + 8
    environment = stack + 8 * (words + 2)
    own = room(_LONGEST)
    python = room(_LONGEST)
    refuse_directories(open_streams())
    own_path(own, environment)
    beside(own, python)
    environment = with_name(own, environment)
    if words >= 2:
        _serve(own, python, words, argv, environment)
    hold_back(flag("signal", "SIGINT"))  # Python's script lets it in (start/interrupts.py)
    found = syscall(nr("execve"), python, argv, environment)
    return tell_missing(python, found)


def _serve(own: int, python: int, words: int, argv: int, environment: int) -> int:
    """Become the box that is kept for this command; returns where there is none."""
    verb = load64(argv + 8)
    if same(verb, text("up")) | same(verb, text("run")) == 0 or syscall(nr("getppid")) == 0:
        return 0
    if _is_other_python(environment):
        return 0
    store = _open_store(environment)
    if store < 0:
        return 0
    directory = room(_LONGEST)
    if syscall(nr("getcwd"), directory, _LONGEST) <= 0 or not _is_here(directory):
        directory = 0
    file = 0
    count = _counting(words, argv)
    if directory:
        file = _load(store, _name(room(64), count, argv, directory))
    syscall(nr("close"), store)
    if file == 0:
        return 0
    told = room(48)
    store64(told, count)
    store64(told + 8, argv)
    store64(told + 16, environment)
    store64(told + 24, directory)
    store64(told + 32, own)
    scratch = _memory(load64(file + MOST_READ) + _SLACK)
    if scratch == 0:
        return 0
    store64(told + 40, scratch)
    if _all_hold(file, told):
        _become(file, python, words, argv, environment)
    return 0


def _is_here(directory: int) -> int:
    """Whether the working directory is what its path leads to: not where something is mounted over it."""
    here = room(_STATX)
    there = room(_STATX)
    if syscall(nr("statx"), -100, text("."), 0, _BASIC, here) < 0:
        return 0
    if syscall(nr("statx"), -100, directory, 0, _BASIC, there) < 0:
        return 0
    if load64(here + 32) != load64(there + 32):  # the inode, then the device's numbers
        return 0
    return load64(here + 136) == load64(there + 136)


def _counting(words: int, argv: int) -> int:
    """How many words a box is kept by: not its command, where no trace is shown (start/again.py)."""
    quiet = same(load64(argv + 8), text("run"))
    at = 2
    while at < words:
        word = load64(argv + 8 * at)
        if same(word, text("--")):
            if at + 1 == words:
                return at  # no command after it
            if quiet:
                return at + 1
            return words
        quiet |= same(word, text("-q")) | same(word, text("--quiet"))
        at += 1
    return words


def _is_other_python(environment: int) -> int:
    """Whether Python is told anything that could make it another one (python(1), ENVIRONMENT)."""
    while load64(environment):
        told = behind(load64(environment), text("PYTHON"))
        if (
            told
            and behind(told, text("DONTWRITEBYTECODE=")) | behind(told, text("UNBUFFERED=")) == 0
        ):
            return 1
        environment += 8
    return 0


def _open_store(environment: int) -> int:
    """The directory of what is kept, if it is the caller's alone; negative else."""
    path = room(_LONGEST)
    base = value_of(environment, text("XDG_CACHE_HOME"))
    below = text("/toyspec")
    if base == 0 or load8(base) != 47:
        base = value_of(environment, text("HOME"))
        below = text("/.cache/toyspec")
    if base == 0 or load8(base) != 47 or length(base) > _LONGEST - _ROOM_FOR_NAMES:
        return -1
    at = base
    while load8(at):
        if behind(at, text("/..")):
            return -1  # it would lead elsewhere through a symlink
        at += 1
    append(append(path, base), below)
    flags = flag("open", "O_RDONLY") | flag("open", "O_DIRECTORY") | flag("open", "O_CLOEXEC")
    store = syscall(nr("openat"), -100, path, flags | flag("open", "O_NOFOLLOW"), 0)
    if store >= 0 and _private(store) < 0:
        syscall(nr("close"), store)
        return -1
    return store


def _private(fd: int) -> int:
    """The size of what is open, if it is the caller's alone; negative else."""
    seen = room(_STATX)
    if syscall(nr("statx"), fd, text(""), flag("at", "AT_EMPTY_PATH"), _BASIC, seen) < 0:
        return -1
    if unsigned32(seen + 20) != syscall(nr("geteuid")) or load16(seen + 28) & _OTHERS:
        return -1
    return load64(seen + 40)


def _name(name: int, words: int, argv: int, directory: int) -> int:
    """The file's name: a number of the words, the place and the terminal. What it holds says the rest."""
    number = _FNV
    at = 1
    while at < words:
        number = fnv(number, load64(argv + 8 * at))
        at += 1
    number = fnv_number(fnv(number, directory), terminals())
    digit = 0
    while digit < 16:
        value = number >> (60 - 4 * digit) & 15
        if value > 9:
            value += 39
        store8(name + digit, 48 + value)
        digit += 1
    append(name + 16, text(".front"))
    return name


def _load(store: int, name: int) -> int:
    """The file's bytes; 0 where it is none, or damaged."""
    flags = flag("open", "O_RDONLY") | flag("open", "O_NOFOLLOW") | flag("open", "O_NONBLOCK")
    flags |= flag("open", "O_NOCTTY") | flag("open", "O_CLOEXEC")
    fd = syscall(nr("openat"), store, name, flags, 0)
    if fd < 0:
        return 0
    file = _read(fd)
    syscall(nr("close"), fd)
    if file and not _is_whole(file):
        return 0
    return file


def _read(fd: int) -> int:
    seen = room(_STATX)
    size = _private(fd)
    if size < HEAD or size > LARGEST:
        return 0
    syscall(nr("statx"), fd, text(""), flag("at", "AT_EMPTY_PATH"), _BASIC, seen)
    if load16(seen + 28) & _FORMAT != _REGULAR:
        return 0
    file = _memory(size)
    if file == 0:
        return 0
    done = 0
    while done < size:
        count = syscall(nr("read"), fd, file + done, size - done)
        if count <= 0:
            return 0
        done += count
    if load64(file + SIZE) != size:
        return 0
    return file


def _is_whole(file: int) -> int:
    """Whether it is a front's file, as it was written."""
    size = load64(file + SIZE)
    if load64(file + AT_MAGIC) != MAGIC or load64(file + CHECKS) != HEAD:
        return 0
    if load64(file + SUM) != crc(file + CHECKS, size - CHECKS):
        return 0
    end = load64(file + CHECKS_END)
    if end < HEAD or end > size or load64(file + BOX) < end or load64(file + BOX) > size:
        return 0
    if load64(file + MOST_READ) < 0 or load64(file + MOST_READ) > LARGEST:
        return 0
    if load64(file + GIVEN) != end or load64(file + GIVENS) < 0 or load64(file + GIVENS) > _WORDS:
        return 0
    return 1


def _memory(size: int) -> int:
    """New memory; 0 where there is none."""
    found = syscall(nr("mmap"), 0, size, _READ_WRITE, _PRIVATE, -1, 0)
    if found < 0 and found > -4096:
        return 0
    return found


def _all_hold(file: int, told: int) -> int:
    """Whether everything is as it was when the box was planned."""
    at = file + HEAD
    end = file + load64(file + CHECKS_END)
    if at == end or load64(at) != WORDS:
        return 0  # nothing was asked, not even whose box it is
    while at < end:
        size = load64(at + 8)
        if size < 16 or size > end - at or size & 7:
            return 0
        if not holds(at, told):
            return 0
        at += size
    return 1


def _become(file: int, python: int, words: int, argv: int, environment: int) -> int:
    """Execute the box from memory, told who explains; returns where this kernel does not do that."""
    fd = memory_file()
    if fd < 0:
        return 0
    at = file + load64(file + BOX)
    end = file + load64(file + SIZE)
    before = survive_limits()
    while at < end:
        count = syscall(nr("write"), fd, at, end - at)
        if count <= 0:
            break
        at += count
    ignore(flag("signal", "SIGXFSZ"), before)
    given = _memory(8 * (words + 4 + load64(file + GIVENS)))
    if at == end and given and seal(fd) == 0:
        store64(given, text("toyspec up"))
        if same(load64(argv + 8), text("run")):
            store64(given, text("toyspec run"))
        rest = _give(file, given + 8)
        store64(rest, text("--again"))
        store64(rest + 8, python)
        store64(rest + 16, load64(argv + 8))
        store64(rest + 24, text("--no-cache"))
        copy(rest + 32, argv + 16, 8 * (words - 2))  # the NULL behind them is there already
        syscall(nr("execveat"), fd, text(""), given, environment, flag("at", "AT_EMPTY_PATH"))
    return syscall(nr("close"), fd)


def _give(file: int, given: int) -> int:
    """The words that this very box is started with; returns where the next one goes."""
    at = file + load64(file + GIVEN)
    left = load64(file + GIVENS)
    while left > 0:
        store64(given, at + 8)
        given += 8
        at += (load64(at) & -8) + 16  # its length, its bytes, NULs up to a multiple of 8
        left -= 1
    return given
