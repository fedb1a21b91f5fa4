"""The log of a box: what is read is what was written, in order, through every turn of the files."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toyspec.cli import logs
from toyspec.cli.logs import last, when
from toyspec.run import log
from toyspec.run.log import ERR, FILE_SIZE, FILES, LOST, OUT, Reader, Record, parse


def record(time: int, stream: int, data: bytes) -> bytes:
    return struct.pack("<QII", time, len(data), stream) + data


class Writer:
    """What the monitor does with the files, in Python."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.open()

    def open(self) -> None:
        (self.directory / "log").touch()

    def write(self, data: bytes, stream: int = OUT) -> None:
        with (self.directory / "log").open("ab") as file:
            file.write(record(1, stream, data))

    def turn(self) -> None:
        for older, newer in pairwise(FILES):
            if (self.directory / newer).exists():
                (self.directory / newer).rename(self.directory / older)
        self.open()


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    opened = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield opened
    os.close(opened)


def test_records_are_parsed_as_far_as_they_are_whole() -> None:
    whole = (
        record(5, OUT, b"one\n") + record(6, ERR, b"\0\xff") + record(7, LOST, b"\x07" + bytes(7))
    )
    found, size = parse(whole)
    assert found == [Record(5, OUT, b"one\n"), Record(6, ERR, b"\0\xff"), found[2]]
    assert found[2].lost == 7 and found[0].lost == 0
    assert size == len(whole)
    for cut in range(1, 24):
        assert parse(whole[:-cut])[0] == found[:2]
    assert parse(record(1, 9, b"x")) == ([], 0)
    assert parse(struct.pack("<QII", 1, 1 << 31, OUT)) == ([], 0)


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed(data: bytes) -> None:
    found, size = parse(data)
    assert b"".join(record(r.time, r.stream, r.data) for r in found) == data[:size]


def test_one_reads_on_through_every_turn(tmp_path: Path, fd: int) -> None:
    writer, reader = Writer(tmp_path), Reader(fd)
    seen: list[bytes] = []
    for count in range(40):
        writer.write(b"%d" % count)
        if count % 3 == 0:
            writer.turn()
        if count % 5 == 0:
            seen += [each.data for each in reader.read()]
    seen += [each.data for each in reader.read()]
    assert seen == [b"%d" % count for count in range(40)]
    assert reader.skipped == 0
    assert list(reader.read()) == []
    reader.close()


def test_one_who_is_too_slow_knows_it(tmp_path: Path, fd: int) -> None:
    writer, reader = Writer(tmp_path), Reader(fd)
    writer.write(b"first")
    assert [each.data for each in reader.read()] == [b"first"]
    writer.write(b"before it was turned over")
    for count in range(6):
        writer.turn()
        writer.write(b"%d" % count)
    seen = [each.data for each in reader.read()]
    assert seen == [b"before it was turned over", b"2", b"3", b"4", b"5"]
    assert reader.skipped == 1
    reader.close()


@pytest.mark.parametrize("looks", range(1, 6))
def test_a_turn_while_one_looks_for_the_file_loses_and_repeats_nothing(
    tmp_path: Path, fd: int, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    writer, reader = Writer(tmp_path), Reader(fd)
    writer.write(b"0")
    assert [each.data for each in reader.read()] == [b"0"]
    writer.turn()
    writer.write(b"1")
    seen = 0
    before = log._is_at

    def turns(directory: int, name: str, file: int) -> bool:
        nonlocal seen
        seen += 1
        found = before(directory, name, file)
        if seen == looks:
            writer.turn()
            writer.write(b"2")
        return found

    monkeypatch.setattr(log, "_is_at", turns)
    found = [each.data for each in (*reader.read(), *reader.read())]
    monkeypatch.setattr(log, "_is_at", before)
    found += [each.data for each in reader.read()]
    assert found == [b"1", b"2"][: 1 + (seen >= looks)]
    assert reader.skipped == 0
    reader.close()


@pytest.mark.parametrize("anew", [False, True])
@pytest.mark.parametrize("full", [False, True])
def test_a_log_that_is_removed_has_ended(
    tmp_path: Path, fd: int, *, anew: bool, full: bool
) -> None:
    (tmp_path / "status").touch()
    status = os.open(tmp_path / "status", os.O_RDONLY)
    writer, reader = Writer(tmp_path), Reader(fd, status)
    writer.write(b"first")
    assert [each.data for each in reader.read()] == [b"first"]
    rest = b"x" * (FILE_SIZE - 64 if full else 4)
    writer.write(rest)
    for name in ("status", "log"):
        (tmp_path / name).rename(tmp_path / f"old-{name}") if anew else (tmp_path / name).unlink()
    if anew:
        (tmp_path / "status").touch()
        Writer(tmp_path).write(b"another box's")
    assert [each.data for each in (*reader.read(), *reader.read())] == [rest]
    assert (reader.skipped, reader.cut) == (0, full)
    reader.close()
    late = Reader(fd, status)
    assert list(late.read()) == [] and not late.skipped
    os.close(status)


def test_a_file_that_begins_anew(tmp_path: Path, fd: int) -> None:
    writer, reader = Writer(tmp_path), Reader(fd)
    writer.write(b"a long first record")
    assert len(list(reader.read())) == 1
    os.truncate(tmp_path / "log", 0)  # no room for another file
    writer.write(b"new")
    assert [each.data for each in reader.read()] == [b"new"]
    reader.close()


def test_nothing_is_there_yet(tmp_path: Path, fd: int) -> None:
    reader = Reader(fd)
    assert list(reader.read()) == []
    writer = Writer(tmp_path)
    writer.write(b"x")
    assert len(list(reader.read())) == 1
    (tmp_path / "log").unlink()
    assert list(reader.read()) == []
    reader.close()


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (0, ""),
        (1, "no end"),
        (2, "E2\nno end"),
        (3, "o2\nE2\nno end"),
        (4, "E1\no2\nE2\nno end"),
        (5, "o1\nE1\no2\nE2\nno end"),
        (9, "o1\nE1\no2\nE2\nno end"),
    ],
)
def test_the_last_lines(lines: int, wanted: str) -> None:
    records = [
        Record(1, OUT, b"o1\n"),
        Record(2, ERR, b"E1\n"),
        Record(3, OUT, b"o2\n"),
        Record(4, ERR, b"E2\n"),
        Record(5, OUT, b"no end"),
    ]
    assert b"".join(each.data for each in last(records, lines)).decode() == wanted


def test_a_line_of_the_other_stream_that_goes_on_is_not_cut_in_two() -> None:
    records = [
        Record(1, ERR, b"err begins "),
        Record(2, OUT, b"1\n2\n"),
        Record(3, ERR, b"and ends\nnext\n"),
        Record(4, OUT, b"3\n"),
    ]
    assert [each.data for each in last(records, 3)] == [b"2\n", b"next\n", b"3\n"]
    assert [each.data for each in last(records, 2)] == [b"next\n", b"3\n"]


@given(
    st.lists(st.tuples(st.sampled_from([OUT, ERR]), st.text("ab\n", max_size=6)), max_size=12),
    st.integers(0, 8),
)
def test_of_each_stream_the_last_lines_are_whole(texts: list[tuple[int, str]], lines: int) -> None:
    records = [Record(1, stream, text.encode()) for stream, text in texts]
    found = last(records, lines)
    total = 0
    for stream in (OUT, ERR):
        whole = b"".join(each.data for each in records if each.stream == stream)
        tail = b"".join(each.data for each in found if each.stream == stream)
        assert whole.endswith(tail)
        assert not tail or len(tail) == len(whole) or whole[: -len(tail)].endswith(b"\n")
        total += len(tail.splitlines())
    everything = sum(
        len(b"".join(r.data for r in records if r.stream == s).splitlines()) for s in (OUT, ERR)
    )
    assert total == min(lines, everything)


def test_an_open_line_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a stream, however many records there are of a line without an end."""
    asked: list[int] = []
    real = logs._is_open

    def counted(records: list[Record], end: int, stream: int) -> bool:
        asked.append(stream)
        return real(records, end, stream)

    monkeypatch.setattr(logs, "_is_open", counted)
    noise = [Record(1, ERR, b".")] * 50
    assert last([*noise, Record(1, OUT, b"x\n"), *noise], 1)[0].data == b"x\n"
    assert len(asked) <= 2


def test_when() -> None:
    assert when(0) == "1970-01-01T00:00:00.000000000Z"
    assert when(1796055642557920136) == "2026-11-30T16:20:42.557920136Z"
    assert FILE_SIZE == 1 << 20


def test_one_gap_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many writes found no room: their sum; what was printed in between parts two gaps."""
    said: list[str] = []
    monkeypatch.setattr(logs, "say", said.append)
    monkeypatch.setattr(logs, "put_all", lambda data, _: said.append(data.decode()))
    gap = Record(1, LOST, (4096).to_bytes(8, "little"))
    records = [gap, gap, gap, Record(2, OUT, b"a\n"), gap, gap]
    assert logs._Writer(stamps=False, quiet=False).write(records)
    first, second = (f"toyspec: {size} bytes found no room on the disk\n" for size in (12288, 8192))
    assert said == [first, "a\n", second]
