"""The monitor after `supervise`: it says `go`, hands on signals, and waits until setup has ended."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from toyspec.kernel.signals import open_signals, read_signals
from toyspec.plan.step import INSIDE
from toyspec.run.alive import LONGEST
from toyspec.run.early import began, came_early, hand_on
from toyspec.run.ending import kill, send_key, takes
from toyspec.run.freeze import freeze, thaw
from toyspec.run.interrupted import by_signal
from toyspec.run.keys import pass_on
from toyspec.run.relay import READY

if TYPE_CHECKING:
    from collections.abc import Callable

    from toyspec.run.progress import Progress
    from toyspec.run.status import Status
    from toyspec.run.terminal import Terminal
    from toyspec.run.watch import Watch

_VIEW_PATIENCE = 5.0  # seconds that init may wait for the view's last line
_KILLING_PRESSES = 3
_REDRAWING = 0.03  # seconds that a program has to see that its window was changed
KEYS: Final[dict[int, str]] = {signal.SIGINT: "^C", signal.SIGQUIT: "^\\"}
_OURS = (signal.SIGCHLD, signal.SIGURG)  # about ourselves, and not for init
_ASKS = (signal.SIGTTIN, signal.SIGTTOU)  # who is in the background may not use the terminal
_PYTHONS = (signal.SIGPIPE, signal.SIGXFSZ)  # which it ignores itself


class Drawing(Protocol):
    """The view, as far as the monitor knows it."""

    def fileno(self) -> int:
        """Becomes readable when the last line is out, or the view is gone."""

    def close(self) -> None:
        """Nothing more is expected of it: afterwards it is gone. A second time does nothing."""


class Box(NamedTuple):
    """What the monitor holds of a box: setup's pid, two pipes, and its place in the plan."""

    setup: int
    exec_fd: int  # end of file: init executes its command, or never will
    go_fd: int
    progress: Progress
    init_step: int  # the step that forks init
    go_step: int  # the step in which the command waits for a byte from go_fd
    watch: Watch
    reaps: bool  # init is a reaper, and hands on what it gets
    parent: int  # who started us, if the box ends with that; 0: it does not
    stop_signal: int  # what init gets where the box is asked to end
    grace: float  # seconds that it has then, or after SIGHUP where that should end it

    @property
    def init(self) -> int:
        """Init's pid as the host knows it, valid until it is waited for; 0 before its fork."""
        return self.progress.result(self.init_step) if self.progress.when(self.init_step) else 0


def ignored() -> frozenset[int]:
    """The signals that the caller wants ignored, as nohup(1) does. Blocked, as the plan has them, they would
    be queued all the same.
    """
    found = {s for s in signal.valid_signals() if signal.getsignal(s) == signal.SIG_IGN}
    return frozenset(found.difference(_PYTHONS))


class Monitor:
    """One box from outside. Every signal is blocked; those in `deaf` are dropped."""

    def __init__(
        self,
        arch: str,
        box: Box,
        view: Drawing | None,
        terminal: Terminal | None,
        deaf: frozenset[int] = frozenset(),
        status: Status | None = None,
    ) -> None:
        self.box, self.view, self.terminal, self.deaf = box, view, terminal, deaf
        self.status = status
        self.parent = 0 if signal.SIGHUP in deaf else box.parent  # nohup: it wants to be outlived
        self.signals = open_signals(arch)
        self.poll = select.poll()
        self.view_fd = -1 if view is None else view.fileno()  # -1: nothing is waited for
        self.view_since: float | None = None  # since when init waits for it
        self.setup_listens = False
        self.executing = False  # init's execve succeeded, or will never be made
        self.ended_by: int | None = None  # a signal that came while the box was being built
        self.early = list[int]()  # others that did
        self.interrupted = 0  # see `run.interrupted`
        self.told_to_go = False
        self.polled = set[int]()  # of the terminal's descriptors
        self.presses = 0  # of ^C, at an init that has no handler for it
        self.deadline: float | None = None

    def supervise(self) -> int:
        """Until setup has ended; returns its raw wait status. Init is left to look at."""
        for fd in (self.signals, self.box.exec_fd, self.view_fd):
            if fd >= 0:
                self.poll.register(fd, select.POLLIN)
        while (status := self._setup_ended()) is None:
            self._poll_terminal()
            self._end_with_parent()
            for fd, events in self.poll.poll(self._patience()):
                if fd == self.signals:
                    for number, sender in dict.fromkeys(read_signals(fd)):
                        self._signal(number, sender)
                elif fd == self.box.exec_fd:
                    self._is_executing()
                elif fd == self.view_fd:
                    self._drawn()
                elif self.terminal is not None and fd in self.polled:
                    pass_on(self, self.terminal, fd, events)
            self._look_at_the_clock()
        return status

    def _end_with_parent(self) -> None:
        """Asked before each wait: SIGCONT wakes us where it, or only a thread of it, has ended."""
        if self.parent and os.getppid() != self.parent:
            self.parent = 0
            self.kill()

    def kill(self) -> None:
        """End the box: init dies of setup's end, everything in it of init's."""
        self.deadline = None
        kill(self.box.setup)

    def finish(self) -> None:
        """The box has ended: what it wrote last is shown behind its trace, and the terminal is the
        caller's again.
        """
        if self.terminal is None:
            return
        if self.view_fd >= 0 and self.box.progress.failure() is None and self.executing:
            last = select.poll()
            last.register(self.view_fd, select.POLLIN)
            last.poll(_VIEW_PATIENCE * 1000)
        if self.view is not None:
            self.view.close()
        self.terminal.finish(self.signals)

    def _poll_terminal(self) -> None:
        wants = {} if self.terminal is None else self.terminal.wants()
        for fd in self.polled.difference(wants):
            self.poll.unregister(fd)
        for fd, events in wants.items():
            self.poll.register(fd, events)
        self.polled = set(wants)

    def _patience(self) -> float | None:
        """Milliseconds until the clock matters again."""
        due = []
        if self.view_fd >= 0:
            due.append(0.5)  # when init comes to wait for the view, no event tells
        if self.deadline is not None:
            due.append(max(0.0, self.deadline - time.monotonic()))
        if self.terminal is not None and (patience := self.terminal.patience()) is not None:
            due.append(patience)
        return min(*due, LONGEST) * 1000 if due else None

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        if self.terminal is not None:
            self.terminal.look()
        if self.deadline is not None and now >= self.deadline:
            self.kill()
        current = self.box.progress.current
        if self.view_fd >= 0 and any(current(role) >= self.box.go_step for role in INSIDE):
            self.view_since = self.view_since or now
            if now - self.view_since >= _VIEW_PATIENCE and self.view is not None:
                self.view.close()  # stuck: a box without its last line is better than none
                self._drawn()

    def _drawn(self) -> None:
        """The last line is out, or none will be: nobody writes to the terminal but the box."""
        self.poll.unregister(self.view_fd)
        self.view_fd = -1
        if self.terminal is not None:
            self.terminal.show()
            if self.executing and self.view is not None:
                self.view.close()
        self.go_if_ready()

    def go_if_ready(self) -> None:
        """What the box writes to a terminal of its own is held until the trace is drawn; on streams of
        the caller's, init is.
        """
        if not self.setup_listens or self.told_to_go:
            return
        if self.terminal.ready if self.terminal is not None else self.view_fd < 0:
            self.told_to_go = True
            self._go()

    def _go(self) -> None:
        """One byte: init may execute its command. Nobody reading means that it failed."""
        self.box.watch.begin()
        if self.status is not None:
            self.status.stands(self.box.init, self.box.setup)
        try:
            os.write(self.box.go_fd, b"g")
        except BrokenPipeError:
            pass

    def _executes(self) -> None:
        self.executing = True
        self.poll.unregister(self.box.exec_fd)
        if self.view_fd >= 0 and self.terminal is None:
            self.poll.unregister(self.view_fd)
            self.view_fd = -1
        if self.view is not None and self.view_fd < 0:
            self.view.close()
        if self.status is not None and began(self):
            self.status.running()
        hand_on(self)

    def ran(self, executed: Callable[[int], bool | None]) -> bool:
        """Whether the box's command was executed; `executed` tells it of a process, where that can be.

        A reaper executes nothing itself: of its child it is known that it was told to go, and was
        not lost on the way.
        """
        progress = self.box.progress
        if not self.box.reaps and (known := executed(self.box.init)) is not None:
            return known and progress.failure() is None
        return progress.passed_go(self.box.go_step) and progress.lost is None

    def _is_executing(self) -> bool:
        """Asked when a signal comes: it may have overtaken the end of file."""
        if not self.executing and any(fd == self.box.exec_fd for fd, _ in self.poll.poll(0)):
            self._executes()
        return self.executing

    def _signal(self, number: int, sender: int) -> None:
        """One that was sent to us. `sender` 0: by a terminal, or there was no memory to queue who did."""
        terminal = self.terminal
        self.interrupted = by_signal(number, sender, self.interrupted)
        if number == READY and sender in (self.box.setup, 0):
            self.setup_listens = True
            self.go_if_ready()
        elif number in (signal.SIGCONT, signal.SIGWINCH):
            if terminal is not None and terminal.ready and not terminal.held:
                terminal.enter()  # a shell's `fg`, or another size
        elif number in self.deaf or number in _OURS or number in _ASKS:
            return
        elif number == signal.SIGTSTP:
            self.stop(number, os.getpid())  # who else was meant was told, too
        elif not self._is_executing():
            came_early(self, number)
        else:
            if number in KEYS and sender == 0 and terminal is not None:
                terminal.interrupt(number)  # its trace is not drawn yet: whom does it reach inside?
            else:
                asked = self.box.stop_signal if number == signal.SIGTERM else number
                send = send_key if number in KEYS and sender == 0 else kill
                send(self.box.init, asked)
            self._consider(number)

    def _consider(self, number: int) -> None:
        """What a signal that init may have no handler for is to come to."""
        if number == signal.SIGTERM:
            self.give_time()
        elif number == signal.SIGHUP:
            hung_up = self.terminal is not None and self.terminal.caller.gone()
            if hung_up or self._taken(number) is False:
                self.give_time()
        elif number in KEYS:
            self.pressed(number, self._taken(number))

    def _taken(self, number: int) -> bool | None:
        """Whether the signal comes to anything: a PID 1 without a handler for it never learns of it."""
        return self.box.reaps or takes(self.box.init, number)

    def give_time(self) -> None:
        """The grace begins, if it has not."""
        self.deadline = self.deadline or time.monotonic() + self.box.grace

    def pressed(self, number: int, taken: bool | None) -> None:
        """^C at a PID 1 without a handler: the kernel drops it, so someone has to say so."""
        if taken is not False:
            self.presses = 0
            return
        self.presses += 1
        if self.presses >= _KILLING_PRESSES:
            self.kill()
        elif self.presses == 1:
            text = (
                f"\r\ntoyspec: init has no handler for {KEYS[number]}, and Linux does not end a PID 1 by it; "
                f"{_KILLING_PRESSES - 1} times more ends the box\r\n"
            )
            try:
                os.write(2, text.encode())
            except OSError:
                pass  # nobody reads it

    def stop(self, number: int, whom: int = 0) -> None:
        """Stop the box and the whole job (0: our process group), as ^Z does with one that has no PID 1,
        or ourselves alone; go on when that goes on.

        A kernel that would not stop us (an orphaned process group: nobody could continue it)
        does not stop the box either.
        """
        terminal, box = self.terminal, self.box
        if not self.setup_listens:
            kill(box.setup, signal.SIGSTOP)
        frozen = freeze(box.init) if box.init else []
        if self._setup_is_gone():
            return  # killed by the box before that held still: there is nothing to stop for
        if terminal is not None:
            terminal.caller.leave()
        if signal.SIGCONT not in signal.sigpending():  # else we are told already to go on
            os.kill(whom, number)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])  # here we stop
            signal.pthread_sigmask(signal.SIG_BLOCK, [number])
        if signal.SIGCONT not in signal.sigpending():
            time.sleep(0.05)  # we did not: what asks in vain for the terminal must not spin
        shown = terminal is not None and terminal.ready and not terminal.held
        if terminal is not None and shown:
            terminal.enter()
            terminal.shrink()
        thaw(frozen)
        if terminal is not None and shown:
            time.sleep(_REDRAWING)
            terminal.caller.look_again()
            terminal.resize()
        if not self.setup_listens:
            kill(box.setup, signal.SIGCONT)

    def _setup_is_gone(self) -> bool:
        options = os.WEXITED | os.WNOWAIT | os.WNOHANG
        return os.waitid(os.P_PID, self.box.setup, options) is not None

    def _setup_ended(self) -> int | None:
        """setup's status once it has ended. Whoever stopped it: it must see init's end."""
        pid, status = os.waitpid(self.box.setup, os.WNOHANG | os.WUNTRACED)
        if not pid:
            return None
        if os.WIFSTOPPED(status):
            kill(self.box.setup, signal.SIGCONT)
            return None
        return status
