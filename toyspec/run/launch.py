"""Start a compiled box that nobody waits for, and learn whether it stands.

Between fork and execve the child is an interpreter still: it lets go of everything of the caller's
(session, terminal, streams, descriptors, ignored signals, working directory), says in `status` who it
is, and becomes the box. Its standard error is a pipe of ours until then: a NUL there says that init
executes its command, anything else why it does not.
"""

from __future__ import annotations

import json
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from toyspec.run.alive import start_time
from toyspec.run.failure import FAILED
from toyspec.start import memory
from toyspec.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toyspec.run.state import Claim

_STANDS = b"\0"


@dataclass(frozen=True, slots=True)
class Launched:
    """`status` is None where the box stands; else it is the monitor's own, and `said` tells why."""

    status: int | None
    said: str = ""


def launch(found: Claim, program: bytes) -> Launched:
    """Run a box in a directory that was claimed for it; afterwards the lock is the box's.

    Raises OSError where there is no process or descriptor to spare. The caller holds interrupts back; they are
    heard while we listen, and leave no box.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it has the kernel reap the child
    reader, writer = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(writer)
        os.close(reader)
        raise
    if pid == 0:
        try:
            _become(found, program, writer)
        except BaseException as error:  # noqa: BLE001  # the caller's stack is not ours
            os.write(writer, f"toyspec: error: {error}\n".encode("utf-8", "replace"))
        finally:
            os._exit(FAILED)
    os.close(writer)
    try:
        with _interrupts():
            said = _listen(reader)
        if said.endswith(_STANDS):
            return Launched(None)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except BaseException:
        os.kill(pid, signal.SIGKILL)  # setup and init die with it
        os.waitpid(pid, 0)
        raise
    finally:
        os.close(reader)
    if status < 0:
        name = signal.Signals(-status).name
        return Launched(FAILED, f"toyspec: error: the box's monitor was ended by {name}\n")
    return Launched(status, said.decode("utf-8", "replace"))


@contextmanager
def _interrupts() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _listen(reader: int) -> bytes:
    said = b""
    while not said.endswith(_STANDS) and (more := os.read(reader, 65536)):
        said += more
    return said


def _become(found: Claim, program: bytes, writer: int) -> None:
    for number in signal.valid_signals():
        try:
            signal.signal(number, signal.SIG_DFL)
        except OSError:
            continue  # KILL, STOP, and those that the C library keeps for itself
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.setsid()
    os.umask(0o077)
    status = os.open("status", os.O_WRONLY | os.O_NOFOLLOW, dir_fd=found.directory)
    given = {"--status": status, "--log": found.directory, "--lock": found.lock}
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(writer, 2)
    _close_others({0, 1, 2, writer, *given.values()})
    _introduce(status)
    os.chdir("/")
    for fd in given.values():
        os.set_inheritable(fd, True)
    words = [word for name, fd in given.items() for word in (name, str(fd))]
    try:
        memory.execute("toyspec", memoryview(program), [f"toyspec:{found.name}", *words], {})
    except OSError as error:
        message = f"a program in memory cannot be executed: {error.strerror}"
        remedy = "sysctl vm.memfd_noexec must not be 2, and memory not used up"
        os.write(writer, f"toyspec: error: {message}\n  {remedy}\n".encode())


def _close_others(kept: set[int]) -> None:
    """Whatever the caller left open: a box must not hold it for days. A limit of descriptors, which may
    have been lowered since, says nothing of what is open.
    """
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd not in kept:
            try:
                os.close(fd)
            except OSError:
                pass  # that of the listing itself


def _introduce(status: int) -> None:
    pid = os.getpid()
    line = {"monitor-pid": pid, "monitor-start-time": start_time(pid)}
    os.write(status, json.dumps(line).encode() + b"\n")
