"""Why there is no box, in words; or handed on to what explains it better."""

from __future__ import annotations

from toyspec.emit.resident.again import hand_over
from toyspec.emit.resident.cold import cold, told
from toyspec.emit.resident.memory import append_number, find
from toyspec.emit.resident.record import (
    ARGV,
    COMMAND_ROLE,
    CURRENT,
    ERRNO_COUNT,
    ERRNOS,
    EXEC_STEP,
    FAILED_ERRNO,
    FAILED_STEP,
    FILE,
    INIT_ROLE,
    LOST,
    MESSAGE_ITEM,
    MESSAGE_ODD,
    MESSAGE_PLACE,
    MESSAGE_SIZE,
    MESSAGE_TAIL,
    MESSAGES,
    NAME,
    PAGE,
    REBOOTS,
    SETUP_ROLE,
    SIGNAL_COUNT,
    SIGNALS,
)
from toyspec.emit.resident.saying import VECTOR, add, begin, say
from toyspec.emit.resident.shown import shown
from toyspec.emit.resident.unexecuted import add_advice, cannot_start, is_absent
from toyspec.emit.resident.words import load32, load64, room, text

_FAILED = 125
_CANNOT_EXECUTE = 126
_NOT_FOUND = 127
_USAGE = 2
_CLOSED_PIPE = 141  # 128 + SIGPIPE


def tell_failure(box: int) -> int:
    """The message of the step that failed; returns the exit status."""
    page = load64(box + PAGE)
    file = load64(box + FILE)
    step = load64(page + FAILED_STEP)
    errno = load64(page + FAILED_ERRNO)
    hand_over(file)
    executing = 0
    if step >= load64(box + EXEC_STEP):
        executing = 1
    if executing and load64(box + ARGV):
        return _tell_argv(box, errno)
    message = _message(box, step)
    vector = begin(room(VECTOR))
    add(vector, _words(box, load32(message + MESSAGE_PLACE)))
    said = 0
    if errno and not (executing and is_absent(errno)):
        said = _errno(box, errno)
    if said:
        add(vector, _words(box, load32(message + MESSAGE_ITEM)))
        add(vector, _behind_comma(said))
        add(vector, text("\n"))
    elif executing and cannot_start(box, errno):
        add(vector, cannot_start(box, errno))
        add(vector, text(" cannot start\n"))
    else:
        add(vector, _words(box, load32(message + MESSAGE_ODD)))
    add(vector, _words(box, load32(message + MESSAGE_TAIL)))
    _add_errno(vector, box, errno, room(32))
    if executing:
        add_advice(vector, box, errno, room(8))
    say(vector)
    return _status(executing, errno)


def _tell_argv(box: int, errno: int) -> int:
    """The command that `-- ARGV` gave."""
    vector = begin(room(VECTOR))
    add(vector, load64(load64(box + FILE) + NAME))
    name = shown(load64(load64(box + ARGV)))
    if not is_absent(errno):
        add(vector, text("error: "))
        add(vector, name)
        add(vector, text(" cannot be executed: "))
        add(vector, _behind_comma(_errno(box, errno)))
        add(vector, text("\n"))
    elif cannot_start(box, errno):
        add(vector, text("error: "))
        add(vector, name)
        add(vector, text(" cannot start\n"))
    elif find(name, 47):  # /
        add(vector, text("error: no "))
        add(vector, name)
        add(vector, text(" in the box\n"))
    else:
        add(vector, text("error: no `"))
        add(vector, name)
        add(vector, text("` in the box\n"))
    _add_errno(vector, box, errno, room(32))
    add_advice(vector, box, errno, room(8))
    say(vector)
    return _status(1, errno)


def _add_errno(vector: int, box: int, errno: int, number: int) -> int:
    if errno == 0:
        return 0
    add(vector, text("    errno: "))
    said = _errno(box, errno)
    if said == 0:
        append_number(number, errno)
        said = number
    add(vector, said)
    return add(vector, text("\n"))


def _status(executing: int, errno: int) -> int:
    """127 where there is nothing to execute, 126 where it cannot be executed, as shells have it."""
    if not executing:
        return _FAILED
    if is_absent(errno):
        return _NOT_FOUND
    return _CANNOT_EXECUTE


def tell_killed(box: int, setup: int, init: int) -> int:
    """No step failed, and yet there was no box: a process was ended from outside.

    `setup` and `init` are raw wait statuses; -1 where there is none.
    """
    role = INIT_ROLE
    status = init
    page = load64(box + PAGE)
    if load64(page + LOST):
        role = COMMAND_ROLE
        status = load64(page + LOST) - 1
    elif setup & 0x7F:
        role = SETUP_ROLE
        status = setup
    step = load64(page + CURRENT + 8 * role)
    vector = begin(room(VECTOR))
    message = _message(box, step)
    if step:
        add(vector, _words(box, load32(message + MESSAGE_PLACE)))
    else:
        add(vector, load64(load64(box + FILE) + NAME))
        add(vector, text("error: "))
    if role == SETUP_ROLE:
        add(vector, text("setup "))
    elif role == COMMAND_ROLE:
        add(vector, text("command "))
    else:
        add(vector, text("init "))
    _add_end(vector, box, status, room(32))
    add(vector, text(" before the box's command ran\n"))
    if step:
        add(vector, _words(box, load32(message + MESSAGE_TAIL)))
    add(vector, text("    likely cause: something outside toyspec ended it: "))
    if load64(box + REBOOTS) == 0:
        add(vector, text("the end of the box that it was to be in, "))
    add(vector, text("the out-of-memory killer, or a person\n"))
    add(vector, text("    what to do: see the kernel's log (dmesg), then try again\n"))
    say(vector)
    return _FAILED


def _add_end(vector: int, box: int, status: int, number: int) -> int:
    if status < 0 or status & 0x7F == 0:
        return add(vector, text("ended"))
    add(vector, text("was ended by "))
    said = _named(box, load64(box + SIGNALS), load64(box + SIGNAL_COUNT), status & 0x7F)
    if said:
        return add(vector, said)
    add(vector, text("signal "))
    append_number(number, status & 0x7F)
    return add(vector, number)


def tell_unwritten(box: int, errno: int) -> int:
    """Standard output does not take what is printed; returns the exit status, as `toyspec plan` has it."""
    if errno == 32:  # EPIPE: nobody reads on
        return _CLOSED_PIPE
    vector = begin(room(VECTOR))
    add(vector, load64(load64(box + FILE) + NAME))
    add(vector, text("error: cannot write to standard output"))
    said = _errno(box, errno)
    if said:
        add(vector, text(": "))
        add(vector, _behind_comma(said))
    add(vector, text("\n"))
    say(vector)
    return _USAGE


def _errno(box: int, errno: int) -> int:
    """`EACCES, permission denied`; 0 where it is unknown."""
    return _named(box, load64(box + ERRNOS), load64(box + ERRNO_COUNT), errno)


def _behind_comma(said: int) -> int:
    if said == 0:
        return text("its errno is unknown here")
    comma = find(said, 44)
    if comma:
        return comma + 2
    return said


def _named(box: int, table: int, count: int, number: int) -> int:
    if number >= count:
        return 0
    return _words(box, load32(cold(load64(box + FILE)) + table + 4 * number))


def _words(box: int, offset: int) -> int:
    return told(load64(box + FILE), offset)


def _message(box: int, step: int) -> int:
    """The address of a step's messages."""
    return cold(load64(box + FILE)) + load64(box + MESSAGES) + (step - 1) * MESSAGE_SIZE
