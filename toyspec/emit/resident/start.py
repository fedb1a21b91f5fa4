"""The first code of a compiled box: its words, what it was made for, and which variant runs.

Of the file's kept fields and the box's, what the straight-line code and `supervise` need is filled.
"""

from __future__ import annotations

from toyspec.emit.resident.again import ignore
from toyspec.emit.resident.caller import auxiliary_of, check_caller
from toyspec.emit.resident.cold import cold
from toyspec.emit.resident.descriptors import keep_out
from toyspec.emit.resident.environment import complete
from toyspec.emit.resident.log import take
from toyspec.emit.resident.memory import (
    decimal,
    find,
    number,
    same,
)
from toyspec.emit.resident.place import check_place, is_reachable
from toyspec.emit.resident.process import leave, set_mask
from toyspec.emit.resident.pty import prepare_pty
from toyspec.emit.resident.reasons import tell_unwritten
from toyspec.emit.resident.record import (
    AGAIN,
    APART,
    ARGV,
    AS_FILE,
    CALLER_ENVIRONMENT,
    CLOCK,
    DEAF,
    DIES,
    FILE,
    LOCK,
    LOG_DIRECTORY,
    OWN,
    PAGE,
    PAGE_SIZE,
    PARENT,
    PLAIN,
    PLAN,
    PLAN_SIZE,
    REPLACES,
    STATUS,
    TERMINAL,
    TTY,
    VIEW,
    VIEWER,
)
from toyspec.emit.resident.refusal import refuse
from toyspec.emit.resident.sealed import become_sealed
from toyspec.emit.resident.status import take_status
from toyspec.emit.resident.streams import open_streams
from toyspec.emit.resident.terminal import foreground_of, is_terminal
from toyspec.emit.resident.times import clock_of
from toyspec.emit.resident.watch import refuse_new
from toyspec.emit.resident.ways_out import refuse_ways_out
from toyspec.emit.resident.words import (
    flag,
    load8,
    load32,
    load64,
    nr,
    room,
    store64,
    syscall,
    text,
)

_AT_SECURE = 23  # linux/auxvec.h
_AT_SYSINFO_EHDR = 33
_READ_WRITE = 3  # PROT_READ | PROT_WRITE
_SHARED = 1  # MAP_SHARED
_ANONYMOUS = 0x21  # MAP_SHARED | MAP_ANONYMOUS
_SIGNALS = 31  # those with names
_IGNORED = 1  # SIG_IGN
_DEFAULT = 0  # SIG_DFL
_ACTION = 32  # bytes of the kernel's struct sigaction


def start(stack: int, file: int) -> int:
    """Returns the address of the box record that runs; ends the process where none can.

    `stack` is where the kernel put argc, argv, envp and the auxiliary vector.
    """
    words = load64(stack)
    environment = stack + 8 * (words + 2)
    store64(file + CALLER_ENVIRONMENT, environment)
    store64(file + VIEW, -1)
    store64(file + STATUS, -1)
    argv = room(32)  # ARGV; the shared page's descriptor; the word that names STATUS; 1: see below
    store64(argv, 0)
    store64(argv + 8, -1)
    store64(argv + 16, 0)
    store64(argv + 24, 0)
    streams = open_streams()
    auxiliary = _behind_environment(environment)
    if auxiliary_of(auxiliary, _AT_SECURE):  # setuid, setgid or file capabilities: getauxval(3)
        refuse(file, text("this file gives more rights than its caller has, and a box none"), 0, 0)
    _refuse_inside(file)
    _read_words(file, stack + 8, words, argv)
    check_place(file)
    become_sealed(file, stack + 8, environment)
    refuse_ways_out(file, streams)
    if load64(argv + 16):
        take_status(file, load64(argv + 16))
    keep_out(file)
    check_caller(file, environment, auxiliary)
    box = _choose(file)
    store64(box + FILE, file)
    refuse_new(file, box)
    if load64(argv):
        store64(box + ARGV, load64(argv))
    _hear_everything(file)
    _watch_parent(file, box)
    _share_page(file, box, load64(argv + 8), auxiliary)
    complete(file, box, environment)
    if load64(box + TERMINAL):
        prepare_pty(box)
    return box


def _watch_parent(file: int, box: int) -> int:
    """Whoever started us, unless it wants to be outlived (nohup), or is out of sight."""
    store64(box + PARENT, 0)
    if load64(box + DIES) and not load64(file + DEAF) >> (flag("signal", "SIGHUP") - 1) & 1:
        store64(box + PARENT, syscall(nr("getppid")))
    return 0


def _refuse_inside(file: int) -> int:
    """A box's init that is told to execute /proc/self/exe would be this very file: the parent of a
    process whose pids are a box's is out of sight, and its death with that parent is set before
    anything of the box's can be. A reaper's child is the second process of its box.
    """
    parent = syscall(nr("getppid"))
    if parent != 0 and (parent != 1 or syscall(nr("getpid")) != 2):
        return 0
    death = room(8)
    store64(death, 0)
    syscall(nr("prctl"), flag("prctl", "PR_GET_PDEATHSIG"), death, 0, 0, 0)
    if load32(death) and not is_reachable():
        refuse(file, text("a box does not start itself"), 0, 0)
    return 0


def _read_words(file: int, argv: int, count: int, found: int) -> int:
    at = 1
    while at < count:
        word = load64(argv + 8 * at)
        if same(word, text("--")):
            if at + 1 < count:
                store64(found, argv + 8 * (at + 1))
            break
        if same(word, text("--plan")):
            if count > 2:
                other = load64(argv + 8)
                if at == 1:
                    other = load64(argv + 16)
                refuse(file, text("--plan stands alone, not with "), other, 0)
            _print_plan(file)
        elif same(word, text("--status")) and at + 1 < count:
            at += 1
            store64(found + 16, load64(argv + 8 * at))
        elif load64(file + AS_FILE):
            _refuse_word(file, word)
        elif same(word, text("--progress")) and at + 1 < count:
            at += 1
            store64(found + 8, decimal(load64(argv + 8 * at)))
        elif same(word, text("--view")) and at + 1 < count:
            at += 1
            _take_view(file, load64(argv + 8 * at))
        elif same(word, text("--command")):
            store64(found + 24, 1)
        elif same(word, text("--log")) and at + 1 < count:
            at += 1
            store64(file + LOG_DIRECTORY, take(load64(argv + 8 * at)))
        elif same(word, text("--lock")) and at + 1 < count:
            at += 1
            store64(file + LOCK, take(load64(argv + 8 * at)))
        elif same(word, text("--again")) and at + 1 < count:
            store64(file + AGAIN, argv + 8 * (at + 1))
            if load64(found + 24):
                store64(found, _behind_dashes(argv + 8 * (at + 1)))
            break
        else:
            _refuse_word(file, word)
        at += 1
    if load64(found) and not load64(file + REPLACES):
        refuse(file, text("this box was made for its own command: it takes no other"), 0, 0)
    if load64(found) and load8(load64(load64(found))) == 0:
        refuse(file, text("an empty command: give one after --"), 0, 0)
    return 0


def _refuse_word(file: int, word: int) -> int:
    return refuse(file, text("a compiled box takes --plan, or -- and a command, not "), word, 0)


def _behind_dashes(words: int) -> int:
    """The words behind the first `--`; 0 where there are none."""
    while load64(words):
        if same(load64(words), text("--")):
            if load64(words + 8):
                return words + 8
            return 0
        words += 8
    return 0


def _take_view(file: int, word: int) -> int:
    """FD, or FD,PID: where the process that draws tells that it is done, and which it is."""
    fd = number(word)
    comma = find(word, 44)
    if comma:
        store64(file + VIEWER, decimal(comma + 1))
    flags = flag("fcntl_argument", "FD_CLOEXEC")
    if fd > 2 and syscall(nr("fcntl"), fd, flag("fcntl", "F_SETFD"), flags) >= 0:
        store64(file + VIEW, fd)
    return 0


def _print_plan(file: int) -> int:
    """The plan that would run here if standard output were not for printing: input alone tells."""
    kind = PLAIN
    if foreground_of(0) >= 0:
        kind = APART
        if foreground_of(2) >= 0:
            kind = OWN
    elif is_terminal(0) or is_terminal(2):
        kind = TTY
    box = _variant(file, kind)
    at = cold(file) + load64(box + PLAN)
    done = 0
    while done < load64(box + PLAN_SIZE):
        count = syscall(nr("write"), 1, at + done, load64(box + PLAN_SIZE) - done)
        if count <= 0:
            store64(box + FILE, file)
            leave(tell_unwritten(box, -count))
        done += count
    return leave(0)


def _behind_environment(environment: int) -> int:
    at = environment
    while load64(at):
        at += 8
    return at + 8


def _choose(file: int) -> int:
    """The variant, as toyspec.host.probe judges: only of the controlling terminal the foreground is
    told, and input and output must be that one.
    """
    if foreground_of(0) >= 0 and foreground_of(1) >= 0:
        if foreground_of(2) >= 0:
            return _variant(file, OWN)
        return _variant(file, APART)
    if is_terminal(0) or is_terminal(1) or is_terminal(2):
        return _variant(file, TTY)
    return _variant(file, PLAIN)


def _variant(file: int, field: int) -> int:
    if load64(file + field) == 0:
        refuse(file, text("this box was made with a terminal or without, not as it is here"), 0, 0)
    return load64(file + field)


def _hear_everything(file: int) -> int:
    """Signals that the caller has ignored are as in any other process, and known as such.

    Blocked already: none is lost meanwhile, and none of them ends us.
    """
    set_mask(-1)
    action = room(_ACTION)
    deaf = 0
    signal = 1
    while signal <= _SIGNALS:
        store64(action, 0)
        syscall(nr("rt_sigaction"), signal, 0, action, 8)
        if load64(action) == _IGNORED:
            ignore(signal, _DEFAULT)
            if not _is_pipe_or_size(signal):
                deaf |= 1 << (signal - 1)
        signal += 1
    store64(file + DEAF, deaf)
    return 0


def _is_pipe_or_size(signal: int) -> int:
    """Those that half of all programs leave ignored in their children."""
    if signal == flag("signal", "SIGPIPE") or signal == flag("signal", "SIGXFSZ"):
        return 1
    return 0


def _share_page(file: int, box: int, fd: int, auxiliary: int) -> int:
    """The page that all processes of the box share; from a descriptor, with times in it."""
    flags = _ANONYMOUS
    if fd >= 0:
        flags = _SHARED
        store64(file + CLOCK, clock_of(auxiliary_of(auxiliary, _AT_SYSINFO_EHDR)))
    page = syscall(nr("mmap"), 0, load64(box + PAGE_SIZE), _READ_WRITE, flags, fd, 0)
    if page < 0 and page > -4096:
        refuse(file, text("no memory for the box's progress"), 0, 0)
    if fd > 2:
        syscall(nr("close"), fd)
    store64(box + PAGE, page)
    return 0
