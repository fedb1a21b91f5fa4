"""A front's file: what a start asked and was answered, as comparisons that need no interpreter.

One question that cannot be put so, and there is no file: that start goes through Python, which asks
itself. What the front compares may be more than the question asks, never less.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toyspec.emit.front import record
from toyspec.start import places
from toyspec.start.command import NAMED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Question = tuple[str, str]
    Answers = Mapping[Question, Any]

_KINDS: Final = {
    "directory": stat.S_IFDIR, "file": stat.S_IFREG, "symlink": stat.S_IFLNK, "missing": 0,
    "character": stat.S_IFCHR, "block": stat.S_IFBLK, "fifo": stat.S_IFIFO, "socket": stat.S_IFSOCK,
}  # fmt: skip
_SAID: Final = {"HOME", "TERM", "SHELL", NAMED, *places.VARIABLES}
_MOST_GROUPS: Final = 64
_CPUS: Final = 1024
_NAMES: Final = {
    "mount": "mnt", "user": "user", "pid": "pid", "network": "net", "uts": "uts", "ipc": "ipc",
    "cgroup": "cgroup", "time": "time",
}  # fmt: skip


class NoCheckError(Exception):
    """A front cannot ask this."""


class Place(NamedTuple):
    """The command that the file is for. `words`: those after `toyspec` that count; `front`: its own real path.

    `code`: files and directories that decide what Python would do, beside the questions; `led`:
    paths, with where they lead. `given`: the words that the box is started with. What was changed after `old`, in nanoseconds, is not trusted yet.
    """

    words: tuple[str, ...]
    directory: str
    front: str
    code: tuple[str, ...]
    led: Mapping[str, str]
    old: int
    given: tuple[str, ...] = ()


def front_file(place: Place, questions: Iterable[Question], answers: Answers, box: bytes) -> bytes:
    """The file's bytes. Raises NoCheckError where a question has no check, OSError where what it is
    about goes away meanwhile.
    """
    asked = list(questions)
    words = [_text(each) for each in place.words]
    checks = [
        _check(record.WORDS, (len(words),), *words),
        _check(record.DIRECTORY, (), _text(place.directory)),
        _check(record.COMMAND, (), _text(place.front)),
        _check(record.TERMINAL, (_bits(answers["terminal", ""]),)),
        _check(record.HOST, (), *(_text(each) for each in os.uname())),
        _stamps(place.code, place.old),
    ]
    for path, end in place.led.items():
        checks.append(_check(record.LEADS, (), _text(path), _text(end)))
    for kind, about in asked:
        write = _CHECKS.get(kind)
        if write is None:
            raise NoCheckError(kind)
        found = write(about, answers[kind, about], _Known(answers, place.old, box))
        checks += [found] if isinstance(found, bytes) else found
    whole = b"".join(checks)
    most = max((len(each) for each in checks), default=0)
    given = [_text(each) for each in place.given]
    given_at = record.HEAD + len(whole)
    box_at = given_at + sum(map(len, given))
    head = struct.pack("<QQQQQQ", record.HEAD, given_at, box_at, most, given_at, len(given))
    rest = b"".join([head, whole, *given, box])
    size = record.CHECKS + len(rest)
    if size > record.LARGEST:
        raise NoCheckError("size")
    return struct.pack("<QQQ", record.MAGIC, size, zlib.crc32(rest)) + rest


class _Known(NamedTuple):
    answers: Answers
    old: int
    box: bytes


def _text(value: str | bytes) -> bytes:
    """Length, bytes, and a NUL or more."""
    try:
        content = os.fsencode(value)
    except UnicodeEncodeError as error:
        raise NoCheckError("text") from error
    return struct.pack("<Q", len(content)) + content + bytes(8 - len(content) % 8)


def _check(kind: int, numbers: Iterable[int], *texts: bytes) -> bytes:
    body = b"".join([*(struct.pack("<q", each) for each in numbers), *texts])
    return struct.pack("<QQ", kind, 16 + len(body)) + body


def _bits(answers: Iterable[bool]) -> int:
    return sum(1 << at for at, each in enumerate(answers) if each)


def _stamps(paths: Iterable[str], old: int) -> bytes:
    """Files and directories by inode, size and ctime; a NoCheckError where one is too young."""
    numbers: list[int] = []
    names = [path.lstrip("/") for path in paths]
    for name in names:
        try:
            seen = os.stat(f"/{name}")
        except FileNotFoundError:
            numbers += (-1, 0, 0)
            continue
        if seen.st_ctime_ns >= old:
            raise NoCheckError("changing")
        numbers += (seen.st_ino, seen.st_size, seen.st_ctime_ns)
    return _check(record.FILES, (len(names), *numbers), _text("/"), *map(_text, names))


def _system(_: str, answer: tuple[str, str, str, str | None], known: _Known) -> bytes:
    """The rest of it is HOST."""
    return _line("/proc/sys/kernel/random/boot_id", answer[3], known)


def _ids(_: str, answer: tuple[int, int, int, int, tuple[int, ...]], _known: _Known) -> bytes:
    *own, groups = answer
    if len(groups) > _MOST_GROUPS:
        raise NoCheckError("groups")
    return _check(record.IDS, (*own, len(groups), *groups))


def _account(uid: str, answer: tuple[str, str, int] | None, known: _Known) -> bytes:
    """A user that /etc/passwd names, where that comes before whoever else names users."""
    for row in _database("passwd"):
        if row[2:3] == [uid] and len(row) == 7:
            if answer == (row[0], row[5], int(row[3])):
                return _stamps(("/etc/passwd", "/etc/nsswitch.conf"), known.old)
            break
    raise NoCheckError("account")


def _group(gid: str, answer: str | None, known: _Known) -> bytes:
    for row in _database("group"):
        if row[2:3] == [gid]:
            if answer == row[0]:
                return _stamps(("/etc/group", "/etc/nsswitch.conf"), known.old)
            break
    raise NoCheckError("group")


def _database(name: str) -> list[list[str]]:
    """The rows of a file that is asked first (nsswitch.conf(5)); none where it is not."""
    try:
        with open("/etc/nsswitch.conf", encoding="utf-8") as file:
            said = [line.split() for line in file]
    except FileNotFoundError:
        said = []
    sources = next((each[1:] for each in said if each[:1] == [f"{name}:"]), ["files"])
    if sources[:1] != ["files"]:
        return []
    with open(f"/etc/{name}", encoding="utf-8", errors="surrogateescape") as file:
        return [line.rstrip("\n").split(":") for line in file]


def _status(_: str, answer: tuple[str, int, str], _known: _Known) -> bytes:
    privileges, ignored, seccomp = answer
    if seccomp != "0" or not privileges.isdigit():
        raise NoCheckError("status")
    return _check(record.STATUS, (int(privileges), ignored))


def _terminal(_: str, answer: tuple[bool, ...], _known: _Known) -> bytes:
    return _check(record.TERMINAL, (_bits(answer),))


def _inherited(_: str, answer: tuple[int, ...], _known: _Known) -> bytes:
    return _check(record.INHERITED, (len(answer), *answer))


def _scheduling(_: str, answer: tuple[tuple[int, ...], int], _known: _Known) -> bytes:
    cpus, nice = answer
    if max(cpus, default=0) >= _CPUS:
        raise NoCheckError("scheduling")
    mask = sum(1 << each for each in cpus).to_bytes(_CPUS // 8, "little")
    return _check(record.SCHEDULING, (nice,), mask)


def _variable(name: str, answer: str | None, known: _Known) -> bytes:
    """A value that says where something is, or that the box has anyway: no other gets to the disk."""
    value = os.fsencode(answer or "")
    if name not in _SAID and value not in known.box:
        raise NoCheckError("secret")
    return _check(record.VARIABLE, (answer is not None,), _text(name), _text(answer or ""))


def _has_variable(name: str, answer: bool, _: _Known) -> bytes:
    return _check(record.VARIABLE, (2 if answer else 0,), _text(name), _text(""))


def _line(path: str, answer: str | None, _: _Known) -> bytes:
    if answer is not None and "\ufffd" in answer:
        raise NoCheckError("line")
    content = (answer or "").encode()
    there = answer is not None
    return _check(record.CONTENT, (record.STRIPPED, there), _text(path), _text(content))


def _content(path: str, answer: bytes | None, _: _Known) -> bytes:
    return _check(record.CONTENT, (0, answer is not None), _text(path), _text(answer or b""))


def _part(about: str, answer: bytes | int, _: _Known) -> bytes:
    most, _colon, path = about.partition(":")
    if isinstance(answer, int) or len(answer) > int(most):
        raise NoCheckError("part")
    return _check(record.CONTENT, (record.REGULAR, 1), _text(path), _text(answer))


def _mounts(_: str, answer: bytes, known: _Known) -> bytes:
    return _content("/proc/self/mountinfo", answer, known)


def _owner(path: str, answer: tuple[int, int], _: _Known) -> bytes:
    uid, device = answer
    counts = record.DEVICE | record.OWNER
    numbers = (counts, os.major(device), os.minor(device), 0, uid)
    return _check(record.STAT, numbers, _text(path))


def _namespaces(_: str, answer: tuple[tuple[str, str], ...], _known: _Known) -> list[bytes]:
    found = []
    said = dict(answer)
    for kind, name in _NAMES.items():
        path = _text(f"/proc/self/ns/{name}")
        if kind in said:
            major, minor, inode = map(int, said[kind].split(":"))
            counts = record.DEVICE | record.INODE
            found.append(_check(record.STAT, (counts, major, minor, inode, 0), path))
        else:
            found.append(_check(record.STAT, (0, 0, 0, 0, 0), path))
    return found


def _files(about: str, answer: str, _: _Known) -> bytes:
    directory, *names = about.split("\n")
    numbers: list[int] = []
    for word in answer.strip("[]").split(", "):
        numbers += (-1, 0, 0) if word == "None" else (int(word),)
    if len(numbers) != 3 * len(names):
        raise NoCheckError("files")
    numbers.insert(0, len(names))
    return _check(record.FILES, numbers, _text(directory), *map(_text, names))


def _names(path: str, answer: tuple[str, ...], _: _Known) -> bytes:
    names = [_text(each) for each in sorted(map(os.fsencode, answer))]
    where = _text(path)
    at = 16 + 8 * (1 + len(names)) + len(where)
    places = []
    for each in names:
        places.append(at)
        at += len(each)
    return _check(record.NAMES, (len(names), *places), where, *names)


def _program(path: str, answer: tuple[bool, bool] | None, _: _Known) -> bytes:
    numbers = (answer is not None, *(answer or (False, False)))
    return _check(record.PROGRAM, numbers, _text(path))


def _installation(_: str, _answer: tuple[str, ...], _known: _Known) -> list[bytes]:
    return []  # it follows from the front's path and from `Place.led`


def _real(path: str, answer: str, known: _Known) -> list[bytes]:
    """Where a path leads, as far as there is something."""
    said = known.answers.get(("path", path))
    if said is not None and said[2] is not None:
        return []  # PATH has it
    here, rest = path, ""
    while not os.path.lexists(here):
        here, slash, name = here.rpartition("/")
        if not slash or name in ("", ".", ".."):
            raise NoCheckError("real")
        here, rest = here or "/", f"/{name}{rest}"
    end = os.path.realpath(here)
    if not os.path.exists(here) or end.rstrip("/") + rest != answer:
        raise NoCheckError("real")
    found = [_check(record.LEADS, (), _text(here), _text(end))]
    if rest:
        missing = here.rstrip("/") + "/" + rest.split("/")[1]
        found.append(_path(missing, ("missing", *(None,) * 10), known))
    return found


def _path(where: str, answer: tuple[Any, ...], _: _Known) -> bytes:
    kind, link, leads, there, uid, mode, device, writable, denied, size, unreadable = answer
    if denied is not None:
        raise NoCheckError("path")
    if leads is None:
        numbers = (_KINDS[kind], uid if kind == "symlink" else 0, 0, 0, -1, -1, -1, 0, 0)
        return _check(record.PATH, numbers, _text(where), _text(link or ""), _text(""))
    major, minor = map(int, device.split(":")) if device else (-1, -1)
    numbers = (
        _KINDS[kind], uid, _KINDS[there], mode, major, minor, -1 if size is None else size,
        writable, unreadable,
    )  # fmt: skip
    return _check(record.PATH, numbers, _text(where), _text(link or ""), _text(leads))


_CHECKS: Final[dict[str, Callable[[str, Any, _Known], bytes | list[bytes]]]] = {
    "system": _system, "ids": _ids, "account": _account, "group": _group, "status": _status,
    "terminal": _terminal, "inherited": _inherited,
    "installation": _installation, "scheduling": _scheduling, "variable": _variable,
    "has_variable": _has_variable, "line": _line, "text": _content, "part": _part,
    "mounts": _mounts, "owner": _owner, "files": _files, "names": _names, "program": _program,
    "namespaces": _namespaces, "real": _real, "path": _path,
}  # fmt: skip
"""By the names of `start.look`. None for a namespace's file."""
