"""The state of one box: who holds it, what is true of it, and who may take its name."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toyspec.cli.ps import row
from toyspec.run import afar, alive, boxes, earlier, files, readers, state


@pytest.fixture
def base(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def held(base: Path) -> Iterator[int]:
    fd = boxes.open_boxes(str(base), make=True)
    assert fd is not None
    yield fd
    os.close(fd)


def began(held: int, name: str = "dev", **about: object) -> state.Claim:
    """A claim with the file that makes it a box."""
    found = state.claim(held, name)
    files.write(found.directory, "box.json", json.dumps({"name": name, **about}).encode())
    return found


def says(found: state.Claim, *lines: object) -> None:
    """What a monitor writes."""
    text = "".join(json.dumps(line) + "\n" for line in lines)
    fd = os.open("status", os.O_WRONLY, dir_fd=found.directory)
    os.write(fd, text.encode())
    os.close(fd)


def test_what_is_not_there_is_none(held: int) -> None:
    assert state.look(held, "dev") is None
    assert state.lock(held, "dev") is None


def test_a_claim_is_one_s_own_until_it_is_closed(held: int) -> None:
    found = began(held, spec="x.yaml")
    seen = state.look(held, "dev")
    assert seen is not None
    assert (seen.state, seen.lives, seen.about["spec"]) == ("starting", True, "x.yaml")
    for _ in range(2):
        with pytest.raises(state.TakenError):
            state.claim(held, "dev")
        with pytest.raises(state.TakenError):
            state.lock(held, "dev")
    other = state.claim(held, "other")
    found.close()
    seen = state.look(held, "dev")
    assert seen is not None
    assert (seen.state, seen.lives) == ("lost", False)
    state.remove(other)
    assert boxes.names(held) == ["dev"]


def test_who_looks_is_in_nobody_s_way(held: int) -> None:
    began(held).close()
    done = threading.Event()

    def looking() -> None:
        while not done.is_set():
            state.look(held, "dev")

    watchers = [threading.Thread(target=looking) for _ in range(3)]
    for each in watchers:
        each.start()
    try:
        for _ in range(300):
            began(held).close()
    finally:
        done.set()
        for each in watchers:
            each.join()


def test_the_truth_of_a_box(held: int) -> None:
    found = began(held)
    first: dict[str, object] = {"monitor-pid": 11, "monitor-start-time": 99}
    born: dict[str, object] = {
        "child-pid": 12,
        "start-time": 100,
        "setup-pid": 13,
        "pid-namespace": 4026,
    }
    states, seen = [], None
    lines: list[object] = [first, born, {"running": True}, {"exit-code": 3}]
    for count in range(len(lines) + 1):
        says(found, *lines[:count])
        seen = state.look(held, "dev")
        assert seen is not None
        states.append(seen.state)
    assert states == ["starting", "starting", "starting", "running", "ended"]
    assert seen is not None
    assert seen.status == state.Status(11, 99, 13, 12, 100, {"pid": 4026}, True, 3)
    found.close()
    seen = state.look(held, "dev")
    assert seen is not None and seen.state == "ended" and not seen.lives


def test_a_box_that_was_killed_with_all_its_processes_is_lost(held: int) -> None:
    found = began(held)
    says(found, {"monitor-pid": 11}, {"child-pid": 12}, {"running": True})
    found.close()
    seen = state.look(held, "dev")
    assert seen is not None and seen.state == "lost"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0" * 4096, b"{", b'{"child-pid": 12', b"[]\n", b"null\n1\n", b"\xff\xfe\n",
        b"[" * 9000 + b"\n", b'{"child-pid": "12", "exit-code": "0", "running": 1}\n',
        b'{"child-pid": -4}\n',
    ],
)  # fmt: skip
def test_a_status_that_is_none_says_nothing(data: bytes) -> None:
    assert state.parse_status(data) == state.Status()


def test_the_lock_is_inherited_and_ends_with_the_last(held: int) -> None:
    """Monitor and setup: whoever of them is left keeps the box alive."""
    found = began(held)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[found.lock]
        )
        for _ in range(2)
    ]
    found.close()
    for child in children:
        with pytest.raises(state.TakenError):
            state.claim(held, "dev")
        child.kill()
        child.communicate()
    state.claim(held, "dev").close()


def test_a_claim_sets_aside_what_an_earlier_box_left(held: int) -> None:
    found = ended(held)
    kept = contents(found)
    for name in ("exec.001", "log.new", "box.json.new"):
        Path(boxes.where(found.directory, name)).write_text("of no use")
    found.close()
    for _ in range(2):
        found = state.claim(held, "dev")
        assert state.parse_status(files.read(found.directory, "status") or b"") == state.Status()
        files.write(found.directory, "log", b"new")
        assert {each for each in contents(found) if "earlier" not in each} == {"status", "log"}
        state.discard(found)  # nothing came of it
        found = taken(held)
        assert contents(found) == kept
        found.close()
    found = state.claim(held, "dev")
    earlier.forget(found.directory)
    assert set(contents(found)) == {"status"}
    state.remove(found)
    assert os.listdir(held) == []


@pytest.mark.parametrize("about", [False, True])
def test_who_is_killed_while_he_begins_costs_the_last_box_nothing(held: int, about: bool) -> None:
    found = ended(held)
    kept = contents(found)
    found.close()
    for _ in range(2):
        found = state.claim(held, "dev")
        files.write(found.directory, "log", b"")
        if about:
            files.write(found.directory, "box.json", b"{}")
        found.close()
    seen = state.settle(held, "dev")
    assert seen is not None and seen.state == "ended"
    found = taken(held)
    assert contents(found) == kept
    state.remove(found)
    assert os.listdir(held) == []


class KilledError(BaseException):
    """In the place of a SIGKILL: nothing catches it."""


@contextmanager
def killed_after(calls: int) -> Iterator[list[int]]:
    """Whoever makes one more rename or removal than that is killed before it; how many were made."""
    made = [0]

    def instead(real: Callable[..., None]) -> Callable[..., None]:
        def counted(*given: Any, **options: Any) -> None:
            if made[0] == calls:
                raise KilledError
            made[0] += 1
            real(*given, **options)

        return counted

    with pytest.MonkeyPatch.context() as patch:
        for name in ("rename", "unlink"):
            patch.setattr(os, name, instead(getattr(os, name)))
        yield made


@pytest.mark.parametrize("comes", [False, True], ids=["fails", "is seen"])
def test_whenever_who_begins_is_killed_the_last_box_is_what_it_was(held: int, comes: bool) -> None:
    """Before each of his renames and removals, in `claim` and in `discard`; and who comes next, too."""
    found = ended(held)
    kept = contents(found)
    found.close()

    def begins() -> None:
        mine = state.claim(held, "dev")
        files.write(mine.directory, "log", b"new")
        files.write(mine.directory, "box.json", b"{}")
        state.discard(mine)

    def looks() -> None:
        state.settle(held, "dev")

    for calls in range(100):
        with killed_after(calls), suppress(KilledError):
            begins()
            break
        _let_go(held)
        for again in range(100):
            with killed_after(again), suppress(KilledError):
                (looks if comes else begins)()
                break
            _let_go(held)
        seen = state.settle(held, "dev")
        assert seen is not None and (seen.state, seen.status.exit_code) == ("ended", 1), calls
        found = taken(held)
        assert contents(found) == kept, calls
        found.close()
    assert 15 < calls < 99
    state.remove(taken(held))


def _let_go(held: int) -> None:
    """What a killed process had open is closed: here it is still ours."""
    place = os.readlink(f"/proc/self/fd/{held}")
    for name in os.listdir("/proc/self/fd"):
        try:
            leads = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue  # that of the listing itself
        if int(name) != held and leads.startswith(place):
            os.close(int(name))


def test_who_only_reads_a_lock_keeps_nobody_from_it(held: int) -> None:
    """As a box may that sees its host's state, read-only."""
    found = began(held)
    found.close()
    directory = Path(boxes.where(held, "dev"))
    reading = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
    with (directory / "lock").open("rb") as lock, (directory / "status").open("rb") as status:
        for each in (lock, status):
            fcntl.fcntl(each, fcntl.F_OFD_SETLK, reading)
        seen = state.look(held, "dev")
        assert seen is not None and not seen.lives
        fd = os.open("status", os.O_RDONLY, dir_fd=(opened := os.open(directory, os.O_RDONLY)))
        assert not readers.is_told(fd, readers.BEGINS)
        os.close(fd)
        os.close(opened)
        found = state.claim(held, "dev")
        with pytest.raises(state.TakenError):
            state.claim(held, "dev")
    state.discard(found)
    state.remove(taken(held))


def ended(held: int) -> state.Claim:
    """One with all that is kept of a box that ran."""
    found = began(held)
    for name in ("plan.json", "log", "log.1", "environment"):
        Path(boxes.where(found.directory, name)).write_text("old " + name)
    says(found, {"running": True}, {"exit-code": 1})
    return found


def taken(held: int) -> state.Claim:
    found = state.lock(held, "dev")
    assert found is not None
    return found


def contents(found: state.Claim) -> dict[str, bytes]:
    where = Path(boxes.where(found.directory))
    return {each.name: each.read_bytes() for each in where.iterdir() if each.name != "lock"}


def test_of_many_who_want_a_name_one_gets_it(held: int, base: Path) -> None:
    """Processes that claim, remove and claim again: never two at once."""
    code = f"""
import os, sys
sys.path.insert(0, {os.getcwd()!r})
from toyspec.run import boxes, state
held = boxes.open_boxes({str(base)!r})
won = 0
while won < 40:
    try:
        found = state.claim(held, "dev")
    except state.TakenError:
        continue
    fd = os.open("mine", os.O_CREAT | os.O_EXCL, 0o600, dir_fd=found.directory)
    os.close(fd)
    won += 1
    if won % 3:
        state.remove(found)
    else:
        os.unlink("mine", dir_fd=found.directory)
        found.close()
    state.sweep(held, "dev")
"""
    claimers = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [each.wait() for each in claimers] == [0] * 4
    state.sweep(held, "dev")
    assert os.listdir(held) == []


def test_what_someone_left_who_was_killed_on_his_way_is_swept(held: int) -> None:
    found = state.claim(held, "dev")  # killed before box.json was written
    state.sweep(held, "dev")
    assert boxes.names(held) == ["dev"]  # he lives
    found.close()
    assert state.look(held, "dev") is None
    state.sweep(held, "dev")
    assert boxes.names(held) == []
    began(held).close()
    state.sweep(held, "dev")
    assert boxes.names(held) == ["dev"]


def test_a_state_that_was_deleted_meanwhile(held: int) -> None:
    found = began(held)
    where = Path(boxes.where(found.directory))
    for each in where.iterdir():
        each.unlink()
    where.rmdir()
    assert state.look(held, "dev") is None
    again = began(held)  # the name is free; the old box is nobody's
    state.remove(found)
    seen = state.look(held, "dev")
    assert seen is not None and seen.lives
    state.remove(again)


@pytest.mark.parametrize("kind", ["directory", "symlink", "fifo", "open"])
def test_a_lock_that_is_none_is_refused(held: int, kind: str, tmp_path: Path) -> None:
    found = began(held)
    where = Path(boxes.where(found.directory, "lock"))
    found.close()
    where.unlink()
    if kind == "directory":
        where.mkdir()
    elif kind == "symlink":
        where.symlink_to(tmp_path / "made")
    elif kind == "fifo":
        os.mkfifo(where, 0o644)
    else:
        where.touch()
        where.chmod(0o666)
    with pytest.raises(boxes.StateError, match="lock"):
        state.claim(held, "dev")
    assert not (tmp_path / "made").exists()
    state.look(held, "dev")


def test_files_are_whole_and_only_the_caller_s(held: int, tmp_path: Path) -> None:
    found = began(held)
    files.write(found.directory, "environment", b"A=1\0B=x=y\nz\0C=\0")
    assert files.environment(found.directory) == {"A": "1", "B": "x=y\nz", "C": ""}
    assert Path(boxes.where(found.directory, "environment")).stat().st_mode & 0o777 == 0o600
    secret = tmp_path / "secret"
    secret.write_text("{}")
    os.symlink(secret, "plan.json", dir_fd=found.directory)
    os.mkfifo("log", dir_fd=found.directory)
    assert files.read(found.directory, "plan.json") is None
    assert files.read(found.directory, "log") is None
    state.remove(found)


def test_a_process_is_its_pid_and_its_start() -> None:
    child = subprocess.Popen(["sleep", "100"])
    since = alive.start_time(child.pid)
    assert since is not None
    assert alive.hold(child.pid, since + 1) is None
    assert alive.hold(child.pid, since, namespace=1) is None
    assert alive.hold(0, 0) is None
    inode = os.stat("/proc/self/ns/pid").st_ino
    fd = alive.hold(child.pid, since, inode)
    assert fd is not None
    assert not alive.has_ended(fd)
    assert alive.send(fd, signal.SIGTERM)
    assert alive.has_ended(fd, None)
    assert alive.hold(child.pid, since) is None  # a zombie is no more
    assert child.wait() == -signal.SIGTERM
    assert not alive.send(fd, signal.SIGTERM)
    assert alive.hold(child.pid, since) is None
    os.close(fd)


def test_a_setup_that_is_stopped_goes_on(held: int) -> None:
    """Its monitor is gone, and it holds the lock."""
    found = began(held)
    pid = os.fork()
    if not pid:
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    os.waitpid(pid, os.WUNTRACED)
    says(found, {"setup-pid": pid}, {"running": True})
    found.close()
    watcher = afar.Watcher(held, "dev")
    watcher._send(signal.SIGTERM)
    ended = watcher.ends(10)
    watcher.close()
    os.kill(pid, signal.SIGKILL)
    assert ended and os.waitpid(pid, 0)[1] == 0


def test_who_does_not_hold_the_lock_is_nobody_s_setup(held: int) -> None:
    """The lock is another process's: the number came again."""
    found = began(held)
    with subprocess.Popen(["sleep", "1000"]) as innocent:
        says(found, {"setup-pid": innocent.pid})
        watcher = afar.Watcher(held, "dev")
        status = watcher.status()
        assert status.setup == innocent.pid and watcher.lives()
        assert afar.setup_of(status, found.lock) is None
        own = alive.hold_holder(os.getpid(), found.lock)
        assert own is not None
        os.close(own)
        watcher.close()
        found.close()
        innocent.kill()


@given(st.binary(max_size=200), st.binary(max_size=80))
def test_whatever_is_in_the_files_a_look_says_something(said: bytes, about: bytes) -> None:
    with tempfile.TemporaryDirectory() as base:
        fd = boxes.open_boxes(base, make=True)
        assert fd is not None
        found = state.claim(fd, "dev")
        for name, data in (("status", said), ("box.json", about)):
            Path(boxes.where(found.directory, name)).write_bytes(data)
        seen = state.look(fd, "dev")
        assert seen is not None and seen.lives
        state.remove(found)
        os.close(fd)


def test_numbers_that_no_process_can_have(held: int) -> None:
    found = began(held, created=1 << 70)
    says(
        found,
        {"child-pid": 1 << 70, "start-time": 1 << 70, "monitor-pid": 1 << 40},
        {"running": True},
    )
    seen = state.look(held, "dev")
    assert seen is not None
    assert afar.init_of(seen.status) is None and afar.monitor_of(seen.status) is None
    assert not afar.send(seen, signal.SIGKILL)
    assert row(seen).created == 0
    found.close()
