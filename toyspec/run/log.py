"""The log of a detached box, as its monitor writes it (`emit/resident/log.py`).

A record is 8 bytes of time (nanoseconds of CLOCK_REALTIME), 4 of size, 4 of stream, little-endian, and
then what was printed, byte for byte: one read of a pipe, whatever is in it. Stream 3 is no output: its 8
bytes count those of both that found no room on the disk. `log` is written; once it holds a mebibyte it
becomes log.1, that log.2, that log.3, and log.3 is gone.
"""

from __future__ import annotations

import os
import stat
import struct
from typing import TYPE_CHECKING, NamedTuple

from toyspec.run import readers
from toyspec.run.boxes import StateError, where

if TYPE_CHECKING:
    from collections.abc import Iterator

OUT, ERR, LOST = 1, 2, 3
FILES = ("log.3", "log.2", "log.1", "log")
FILE_SIZE = 1 << 20
"""Bytes of one file at most."""
_HEAD = struct.Struct("<QII")
_LARGEST = FILE_SIZE
_FULL = FILE_SIZE - 16400  # bytes: for less none is turned over


class Record(NamedTuple):
    """What was printed at once, and when; of LOST, `data` counts bytes."""

    time: int
    stream: int
    data: bytes

    @property
    def lost(self) -> int:
        """How many bytes had no room."""
        return int.from_bytes(self.data, "little") if self.stream == LOST else 0


def parse(data: bytes) -> tuple[list[Record], int]:
    """The whole records that `data` begins with, and how many bytes they are; no more where one is none."""
    found, at = [], 0
    while at + _HEAD.size <= len(data):
        time, size, stream = _HEAD.unpack_from(data, at)
        end = at + _HEAD.size + size
        if stream not in (OUT, ERR, LOST) or size > _LARGEST or end > len(data):
            break
        found.append(Record(time, stream, data[at + _HEAD.size : end]))
        at = end
    return found, at


class Reader:
    """One who reads on: each `read` gives what was written since, through every turn of the files.

    `directory` stays the caller's, and so does `status`, by which the box is told from another one in its
    place. Where the box was faster than the reader by all files, what is in between is gone; `skipped`
    counts how often that was. `cut`: all was removed, and perhaps not all of it was read.
    """

    def __init__(self, directory: int, status: int = -1) -> None:
        self.directory = directory
        self.skipped = 0
        self.cut = False
        self._status = status
        self._file = -1
        self._at = 0

    def close(self) -> None:
        """Reads no more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def read(self) -> Iterator[Record]:
        """What is there, from the oldest on. Raises StateError, also for a file that is none of ours."""
        if self._file < 0:
            if not self._open(self._oldest()):
                return
            if self._is_removed():
                self.close()  # another box's
                return
        while True:
            yield from self._more()
            place = self._place()
            if place == "log":
                return
            yield from self._more()  # what came before it was turned over; nothing comes after
            if place is None:
                if self._is_removed():
                    self.cut = os.fstat(self._file).st_size > _FULL
                    return
                self.skipped += 1
                following = self._oldest()
            else:
                following = FILES[FILES.index(place) + 1]
            before = self._file
            if not self._open(following):
                return  # just now it is being made
            if place is not None and not _is_at(self.directory, place, before):
                self.close()
                self._file = before  # turned over meanwhile: another one follows
                continue
            os.close(before)
            self._at = 0

    def _more(self) -> Iterator[Record]:
        if os.fstat(self._file).st_size < self._at:
            self._at = 0  # begun anew, as there was no room for another
        while True:
            data = os.pread(self._file, 4 * FILE_SIZE, self._at)
            found, size = parse(data)
            if not size:
                return
            self._at += size
            yield from found

    def _is_removed(self) -> bool:
        return self._status >= 0 and not readers.is_there(self.directory, self._status)

    def _place(self) -> str | None:
        """Looked for as it moves, or it would be missed: from the newest name to the oldest."""
        return next(
            (name for name in reversed(FILES) if _is_at(self.directory, name, self._file)), None
        )

    def _oldest(self) -> str:
        there = set(os.listdir(self.directory))
        return next((name for name in FILES if name in there), "log")

    def _open(self, name: str) -> bool:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            fd = os.open(name, flags, dir_fd=self.directory)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unreadable(name, error.strerror) from None
        seen = os.fstat(fd)
        if not stat.S_ISREG(seen.st_mode) or seen.st_uid != os.geteuid():
            os.close(fd)
            raise self._unreadable(name, "no file of yours")
        self._file = fd
        return True

    def _unreadable(self, name: str, reason: str | None) -> StateError:
        return StateError(
            f"{where(self.directory, name)}: {reason}, where a box's log should be",
            "look at what it is, and remove it",
        )


def _is_at(directory: int, name: str, fd: int) -> bool:
    try:
        seen = os.stat(name, dir_fd=directory, follow_symlinks=False)
        return os.path.samestat(seen, os.fstat(fd))
    except OSError:
        return False
