"""What a box comes to, in the monitor: an exit status, or why there was none."""

from __future__ import annotations

from toyspec.emit.resident.going import passed_go
from toyspec.emit.resident.interrupted import leave_as
from toyspec.emit.resident.log import begin_log, drain, stands
from toyspec.emit.resident.monitor import init_of, watch_over
from toyspec.emit.resident.process import (
    CHILD,
    EXITED,
    INFO,
    KEEP,
    end_child,
    executed,
    kill,
    leave,
    readable,
    wait_for,
    wait_for_unknown_init,
)
from toyspec.emit.resident.pty import begin_pty, finish
from toyspec.emit.resident.reasons import tell_failure, tell_killed
from toyspec.emit.resident.record import (
    ENDED_BY,
    EXEC_READ,
    FAILED_STEP,
    FILE,
    GIDMAP_ROLE,
    GONE,
    PAGE,
    PIDS,
    PTY,
    REAPS,
    REBOOTS,
    SIGNAL_FD,
    UIDMAP_ROLE,
    VIEW,
)
from toyspec.emit.resident.status import tell_ended, tell_running
from toyspec.emit.resident.view import close_view
from toyspec.emit.resident.watch import second_look
from toyspec.emit.resident.words import flag, load32, load64, nr, room, syscall

_VIEW_PATIENCE = 5000  # ms that a view is given for its last line
_UNKNOWN = -1
_BY_ITSELF = 1  # CLD_EXITED (asm-generic/siginfo.h): of our own code none but `failed` does that


def supervise_monitor(box: int) -> int:
    """The rest of the monitor's life."""
    page = load64(box + PAGE)
    begin_log(box)
    begin_pty(box)
    watch_over(box)
    end_helpers(page)
    init = init_of(box)
    ran = 0
    ended = _UNKNOWN
    if init:
        # It dies by its PDEATHSIG, unless it cleared that.
        kill(init)
        info = room(INFO)
        if syscall(nr("waitid"), CHILD, init, info, EXITED | KEEP, 0) == 0:
            ran = passed_go(box)
            if ran and not load64(box + REAPS) and load32(info + 8) != _BY_ITSELF:
                ran = executed(init)
            ended = wait_for(init)
    else:
        wait_for_unknown_init(load32(load64(box + EXEC_READ)))
    drain(box)
    if load64(box + PTY):
        _see_the_last_line(box, page, ran)
    close_view(box)
    if load64(box + PTY):
        finish(load64(box + PTY), load64(box + SIGNAL_FD))
    if load64(box + ENDED_BY) and ran == 0:
        return leave_as(box, 128 + load64(box + ENDED_BY))
    if load64(page + FAILED_STEP):
        return leave(tell_failure(box))
    if ran == 0 or ended == _UNKNOWN:
        return leave(tell_killed(box, load64(box + GONE), ended))
    status = _status(box, ended)
    surely = 1
    if load64(box + ENDED_BY) and ended == flag("signal", "SIGKILL"):
        status = 128 + load64(box + ENDED_BY)
        surely = load64(box + REAPS) == 0  # of its child nobody is left to tell
    if surely:
        tell_running(box)
        stands(box)
    second_look(box)
    drain(box)
    if surely:
        tell_ended(box, status)
    return leave_as(box, status)


def _see_the_last_line(box: int, page: int, ran: int) -> int:
    """What the box wrote is shown behind its trace, however soon it ended."""
    view = load64(load64(box + FILE) + VIEW)
    if view >= 0 and ran and load64(page + FAILED_STEP) == 0:
        readable(view, _VIEW_PATIENCE)
    return 0


def end_helpers(page: int) -> int:
    """Setup has ended. Where it did not wait for its helpers, they came to the monitor."""
    end_child(load64(page + PIDS + 8 * UIDMAP_ROLE))
    return end_child(load64(page + PIDS + 8 * GIDMAP_ROLE))


def _status(box: int, ended: int) -> int:
    """Init's status. SIGINT and SIGHUP cannot end a PID 1, save that reboot(2) says so by them."""
    number = ended & 0x7F
    if number == 0:
        return ended >> 8 & 0xFF
    if load64(box + REBOOTS) and number == flag("signal", "SIGINT"):
        return 0  # it powered itself off
    return 128 + number
