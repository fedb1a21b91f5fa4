"""The tests' own tracer and checker, on programs whose behaviour is known."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct
from dataclasses import dataclass, field

from tests.kernel_side import traced
from tests.kernel_side.isolation import isolated
from tests.kernel_side.names import CALL_NUMBERS, NAMES
from tests.kernel_side.servers import Forks
from tests.kernel_side.tampering import AtPlace
from tests.kernel_side.traced import Traced, trace
from tests.kernel_side.tracer import Fail, Kill, Process, Seen, Tracer, Watcher
from tests.product import Product

pytestmark = traced.pytestmark


@dataclass
class Recorder(Watcher):
    call: str = ""
    action: Fail | Kill | None = None
    paths: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    results: list[int | None] = field(default_factory=list)
    programs: int = 0

    def entry(self, process: Process, seen: Seen) -> Fail | Kill | None:
        self.names.add(NAMES[seen.number])
        if seen.number != CALL_NUMBERS.get(self.call):
            return None
        self.paths.append(process.string(seen.args[0]).decode())
        return self.action

    def exit(self, process: Process, seen: Seen) -> None:
        if seen.number == CALL_NUMBERS.get(self.call):
            self.results.append(seen.result)

    def executed(self, process: Process) -> None:
        self.programs += 1


def test_every_process_is_followed_and_its_memory_read(product: Product) -> None:
    directory = product.directory()

    def work() -> tuple[Traced, Recorder]:
        recorder = Recorder("mkdir")
        script = "(mkdir one; (mkdir two)& wait; exit 3)"
        return trace(product, ["sh", "-c", script], recorder, cwd=directory), recorder

    ran, recorder = isolated(work)
    assert (ran.status, recorder.paths, recorder.results) == ("exit 3", ["one", "two"], [0, 0])
    assert recorder.programs == 3
    assert {"execve", "wait4", "exit_group"} <= recorder.names
    assert len(ran.ends) >= 3
    assert (directory / "one").is_dir()


def test_a_call_is_made_to_fail_without_being_made(product: Product) -> None:
    directory = product.directory()

    def work() -> tuple[Traced, Recorder]:
        recorder = Recorder("mkdir", Fail(errno.ENOMEM))
        return trace(product, ["mkdir", "one"], recorder, cwd=directory), recorder

    ran, recorder = isolated(work)
    assert (ran.status, recorder.results) == ("exit 1", [-errno.ENOMEM])
    assert "Cannot allocate memory" in ran.stderr
    assert list(directory.iterdir()) == []


def test_a_process_is_killed_before_its_call(product: Product) -> None:
    directory = product.directory()

    def work() -> Traced:
        recorder = Recorder("mkdir", Kill())
        return trace(product, ["sh", "-c", "mkdir one; echo $?"], recorder, cwd=directory)

    ran = isolated(work)
    assert (ran.status, ran.stdout) == ("exit 0", "137\n")
    assert list(directory.iterdir()) == []


def test_what_does_not_end_is_killed_and_said(product: Product) -> None:
    def work() -> str:
        try:
            trace(product, ["sh", "-c", "sleep 60 & sleep 60"], Recorder(), seconds=0.5)
        except TimeoutError as error:
            return str(error)
        return "it ended"

    assert "alive after 0.5 s" in isolated(work)


def test_a_parent_killed_as_it_forks_names_no_child() -> None:
    """Its event tells the pid 0, which to kill(2) is one's own process group."""

    class Killing(Tracer):
        def _fork(self, parent: Process) -> None:
            os.kill(parent.pid, signal.SIGKILL)
            os.waitid(os.P_PID, parent.pid, os.WEXITED | os.WNOWAIT)
            super()._fork(parent)

    def work() -> tuple[list[int], list[str]]:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.read(reader, 1)
            os.fork()
            os._exit(0)
        recorder = Recorder()
        tracer = Killing(recorder)
        tracer.seize(pid)
        os.write(writer, b"x")
        tracer.run(10)
        return [process.pid - pid for process in tracer.every], sorted(recorder.names)

    pids, names = isolated(work)
    assert len(pids) == 2
    assert pids[0] == 0 < pids[1]
    assert "exit_group" in names


def program(*code: bytes) -> tuple[bytes, list[int]]:
    """A static ELF file of such code, and the address of each piece."""
    base, header = 0x400000, 64 + 56  # one segment
    data = header * b"\0" + b"".join(code)
    start = base + header
    elf = b"\x7fELF\2\1\1".ljust(16, b"\0")
    elf += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, start, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    elf += struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, len(data), len(data), 4096)
    return elf + data[header:], [start + sum(map(len, code[:i])) for i in range(len(code))]


def test_a_run_is_stopped_at_one_place_only(product: Product) -> None:
    """umask(0) twice, then exit with what the second gave: the first's 0, or its errno."""
    load, call = b"\xb8", b"\x0f\x05"  # mov eax, ...; syscall
    umask, leave = (load + struct.pack("<I", CALL_NUMBERS[name]) for name in ("umask", "exit"))
    zero, move = b"\x31\xff", b"\x89\xc7"  # xor edi, edi; mov edi, eax
    data, places = program(zero, umask, call, umask, call, move, leave, call)
    file = product.write(product.directory() / "program", data, 0o755)

    def work() -> list[tuple[str, list[int], list[str]]]:
        forks = Forks(product, product.directory(), file.parent, ["execute", file])
        found = []
        for place, action in (
            (places[4], Fail(errno.EPERM)),
            (places[2], Fail(errno.EPERM)),
            (places[2], Kill()),
            (places[7], Kill()),
        ):
            watcher = AtPlace(3, CALL_NUMBERS["umask"], action, place=place)
            status, _ = forks.run(watcher, 10)
            found.append((status, watcher.acted, watcher.problems))
        forks.close()
        return found

    *good, other = isolated(work)
    assert good == [("exit 255", [3], []), ("exit 18", [3], []), ("killed by SIGKILL", [3], [])]
    assert other[:2] == ("exit 0", [])
    assert "not the step's" in other[2][0]


def test_a_process_that_is_killed_in_a_stop_has_no_memory_to_write() -> None:
    def work() -> tuple[bool, bool]:
        program = (ctypes.c_char * 8).from_buffer_copy(b"as it is")
        place = ctypes.addressof(program)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.read(reader, 1)
            os._exit(0)
        tracer = Tracer(Watcher())
        process = tracer.seize(pid)
        process.write(place, b"changed!")
        changed = process.read(place, 8) == b"changed!"
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        process.write(place, b"too late")
        os.close(writer)
        tracer.run(20)
        return changed, program.raw == b"as it is"

    assert isolated(work) == (True, True)
