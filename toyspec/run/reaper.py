"""A reaper after `supervise`: PID 1, whose child is the box's command.

Every signal is blocked and taken one by one, so none is lost, and none comes before the command is
there to get it. Nothing is imported any more: the box's tree is not ours.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from toyspec.kernel import call as kernel
from toyspec.run.ending import send_key

if TYPE_CHECKING:
    from toyspec.run.progress import Progress

_WCLONE = -0x80000000  # __WCLONE: children of which another signal than SIGCHLD tells (wait(2))
_KEYS = (signal.SIGINT, signal.SIGQUIT)  # from outside: as a terminal sends them, to a whole group
_KERNEL = 0x80  # SI_KERNEL: typed at a terminal, and so sent to the command as well
_WORDS = (48, 49)  # arg_start and arg_end in /proc/PID/stat, from 1 (proc_pid_stat(5))


def command_line() -> tuple[int, int]:
    """Where this process's command line lies, and how many bytes it has; nothing where proc does not say."""
    try:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0, 0
    begin, end = (int(fields[number - 3]) for number in _WORDS)
    return begin, end - begin


def forget_words(line: tuple[int, int]) -> None:
    """Anybody in the box may read /proc/1/cmdline, and our words name the host's files: it is `init`
    from here on. `line`: what `command_line` said before the fork.
    """
    begin, size = line
    if begin and size > 0:
        kernel.overwrite(begin, size, b"init"[: size - 1])


def reap(command: int, progress: Progress) -> int:
    """Until the command has ended; returns its exit status, 128+n where signal n ended it.

    What ended before its execve, by a signal that nobody sent through here, is noted as lost.
    """
    every = signal.valid_signals()
    sent = set[int]()
    while (ended := _ended(command)) is None:
        told = signal.sigwaitinfo(every)
        if told.si_signo != signal.SIGCHLD and told.si_code != _KERNEL:
            sent.add(told.si_signo)
            keyed = told.si_signo in _KEYS and told.si_pid == 0
            send = send_key if keyed else os.kill
            try:
                send(command, told.si_signo)  # not reaped yet: its number is its own
            except PermissionError:
                pass  # a set-uid program has taken its place: not ours to signal any more
    ran, status = ended
    killed = os.WIFSIGNALED(status)
    if not ran and not (killed and os.WTERMSIG(status) in sent):
        progress.lose(status)
    return 128 + os.WTERMSIG(status) if killed else os.WEXITSTATUS(status)


def _ended(command: int) -> tuple[bool, int] | None:
    """Whether the command ever executed anything, and its raw wait status, once it has ended.

    Orphans are reaped on the way. A child of which a signal of its own tells becomes one of which
    SIGCHLD does by its execve (de_thread in fs/exec.c), and wait(2) keeps the two kinds apart.
    """
    for options in (os.WNOHANG, os.WNOHANG | _WCLONE):
        try:
            pid, status = os.waitpid(-1, options)
            while pid:
                if pid == command:
                    return options == os.WNOHANG, status
                pid, status = os.waitpid(-1, options)
        except ChildProcessError:
            pass  # none of this kind
    return None
