"""What the monitor of a detached box writes, and what the reader of logs reads of it."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emit.resident.interpreted import numbers
from toyspec.emit.resident import log, record, words
from toyspec.run.log import ERR, FILE_SIZE, FILES, LOST, OUT, Reader

FIELDS = {OUT: record.OUT_READ, ERR: record.ERR_READ}


class Monitor:
    """The fields of its record, pipes of which it reads one end, and the directory that it writes to."""

    def __init__(self, directory: Path) -> None:
        self.directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        self.pipes = {stream: os.pipe() for stream in FIELDS}
        file = numbers(*[0] * (record.FILE_SIZE // 8))
        self.box = numbers(*[0] * (record.BOX_SIZE // 8))
        words.store64(file + record.LOG_DIRECTORY, self.directory)
        words.store64(self.box + record.FILE, file)
        cells = numbers(*(self.pipes[stream][0] for stream in FIELDS), self.pipes[ERR][1])
        for at, field in enumerate((record.OUT_READ, record.ERR_READ, record.SAYS)):
            words.store64(self.box + field, cells + 8 * at)
        log.begin_log(self.box)
        self.reader = Reader(self.directory)

    def close(self) -> None:
        self.reader.close()
        os.close(words.load64(self.box + record.LOG_FD))
        os.close(self.directory)
        for stream, (reader, writer) in self.pipes.items():
            os.close(writer)
            if words.load64(self.box + FIELDS[stream]) >= 0:
                os.close(reader)

    def prints(self, data: bytes, stream: int = OUT) -> int:
        os.write(self.pipes[stream][1], data)
        return log.pump(self.box, FIELDS[stream], stream)

    def read(self) -> list[tuple[int, bytes]]:
        return [(each.stream, each.data) for each in self.reader.read()]


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Monitor]:
    made = Monitor(tmp_path)
    yield made
    made.close()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from([OUT, ERR]), st.integers(1, 16384)), max_size=20))
def test_what_is_written_is_read(monitor: Monitor, prints: list[tuple[int, int]]) -> None:
    """The files are turned over by and by: it is the same monitor for all examples."""
    written = []
    for stream, size in prints:
        data = os.urandom(size)
        assert monitor.prints(data, stream) == size
        written.append((stream, data))
    assert monitor.read() == written


def test_files_are_turned_over_and_four_are_kept(monitor: Monitor, tmp_path: Path) -> None:
    written = []
    for count in range(6 * FILE_SIZE // 16000):
        data = b"%06d" % count + bytes(15994)
        monitor.prints(data)
        written.append((OUT, data))
        if count % 50 == 0:
            assert all(each in written for each in monitor.read())
    sizes = [(tmp_path / name).stat().st_size for name in FILES]
    assert all(0 < size <= FILE_SIZE for size in sizes)
    assert sorted(os.listdir(tmp_path)) == sorted(FILES)
    late = Reader(monitor.directory)
    found = [(each.stream, each.data) for each in late.read()]
    late.close()
    assert found == written[-len(found) :] and len(found) > 3 * 64


def test_what_had_no_room_is_counted(monitor: Monitor, tmp_path: Path) -> None:
    """A record is there as a whole or not at all: RLIMIT_FSIZE cuts one in two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))  # Python ignores SIGXFSZ
    try:
        for count in range(5):
            monitor.prints(b"%d" % count * 2000, OUT if count % 2 else ERR)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "log").stat().st_size <= 5000
    monitor.prints(b"more")
    found = list(monitor.reader.read())
    assert [each.stream for each in found if each.stream != LOST] == [ERR, OUT, OUT]
    assert sum(each.lost for each in found) == 6000
    assert [each.data for each in found][-1] == b"more"


@pytest.mark.parametrize("size", [8, 9, 3000, 4984])
def test_what_had_no_room_is_told_at_the_end_in_the_last_record_s_place(
    monitor: Monitor, tmp_path: Path, size: int
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    monitor.prints(b"first")
    monitor.prints(b"x" * size)
    full = (tmp_path / "log").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (full, hard))
    try:
        for _ in range(2):  # a second time it is what was told that is replaced
            monitor.prints(b"y" * 1000)
            log.drain(monitor.box)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "log").stat().st_size == full
    monitor.prints(b"more")
    found = list(monitor.reader.read())
    assert [(each.stream, each.lost) for each in found] == [(OUT, 0), (LOST, size + 2000), (OUT, 0)]
    assert [found[0].data, found[2].data] == [b"first", b"more"]


def test_nowhere_to_turn_over_to(tmp_path: Path) -> None:
    directory = tmp_path / "gone"
    directory.mkdir()
    monitor = Monitor(directory)
    (directory / "log").unlink()
    directory.rmdir()
    fd = words.load64(monitor.box + record.LOG_FD)
    biggest = 0
    for _ in range(3 * FILE_SIZE // 16384):
        monitor.prints(bytes(16384))
        biggest = max(biggest, os.fstat(fd).st_size)
    assert FILE_SIZE - 16400 < biggest <= FILE_SIZE
    monitor.close()


def test_a_pipe_ends_and_what_is_left_is_kept(monitor: Monitor) -> None:
    reader, writer = monitor.pipes[OUT]
    os.write(writer, b"left" * 10000)
    os.write(monitor.pipes[ERR][1], b"err")
    os.close(writer)
    log.drain(monitor.box)
    assert words.load64(monitor.box + record.OUT_READ) == -1
    assert words.load64(monitor.box + record.ERR_READ) >= 0  # we hold the other end ourselves
    found = monitor.read()
    assert b"".join(data for stream, data in found if stream == OUT) == b"left" * 10000
    assert found[-1] == (ERR, b"err")
    monitor.pipes[OUT] = (reader, os.open("/dev/null", os.O_WRONLY))


def test_a_box_that_is_not_detached_has_none() -> None:
    box = numbers(*[0] * (record.BOX_SIZE // 8))
    log.begin_log(box)
    for field in (record.OUT_READ, record.ERR_READ, record.LOG_FD):
        assert words.load64(box + field) == -1
    log.drain(box)
    assert log.stands(box) == 0
