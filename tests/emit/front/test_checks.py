"""Every answer as a check, made by the very machine code: it holds here and now, and no other answer does.

The facts are this process's own.
"""

from __future__ import annotations

import binascii
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emit.machine.running import DATA, MACHINES, NATIVE, Emulated, Native
from toyspec.emit import checks
from toyspec.emit.front import make, record
from toyspec.emit.language.compiler import compiled
from toyspec.start import entry
from toyspec.start.look import QUESTIONS, Look

_HOLDS = ("toyspec.emit.front.checks", "holds")
_SUMS = [("toyspec.emit.front.sums", name) for name in ("crc", "fnv")]
_EQUAL = [("toyspec.emit.front.contents", name) for name in ("behind_text", "equal")]
_LATER = 1 << 62
_ELSEWHERE = "what a front does not ask is asked by Python"
pytestmark = pytest.mark.skipif(NATIVE not in MACHINES, reason="no front is made for this machine")


class Told:
    """What a front knows of its process: its words, its environment, where it is."""

    def __init__(self, directory: str = "/", own: str = "/bin/toyspec", *words: str) -> None:
        code, entries = compiled(make.sources(), [_HOLDS], MACHINES[NATIVE], NATIVE)
        self.code, self.at = Native(code), entries[_HOLDS[1]]
        self.kept: list[object] = []
        argv = self._pointers([b"toyspec", *map(os.fsencode, words)])
        environment = self._pointers([b"%b=%b" % each for each in os.environb.items()])
        scratch = ctypes.create_string_buffer(1 << 22)
        self.kept.append(scratch)
        pointers = (
            1 + len(words), argv, environment, self._text(directory), self._text(own),
            ctypes.addressof(scratch),
        )  # fmt: skip
        self.told = (ctypes.c_int64 * 6)(*pointers)

    def holds(self, found: bytes | list[bytes]) -> bool:
        """Whether the check does, or all of them."""
        answers = []
        for each in [found] if isinstance(found, bytes) else found:
            buffer = ctypes.create_string_buffer(each, len(each))
            given = (ctypes.addressof(buffer), ctypes.addressof(self.told))
            answers.append(self.code.call(self.at, *given))
        assert set(answers) <= {0, 1}
        return all(answers)

    def _text(self, value: str) -> int:
        buffer = ctypes.create_string_buffer(os.fsencode(value))
        self.kept.append(buffer)
        return ctypes.addressof(buffer)

    def _pointers(self, values: list[bytes]) -> int:
        array = (ctypes.c_char_p * (len(values) + 1))(*values, None)
        self.kept.append(array)
        return ctypes.addressof(array)


def check(kind: str, about: str, answer: Any, look: Look) -> bytes | list[bytes]:
    known = checks._Known(look.answers, _LATER, b"")
    return checks._CHECKS[kind](about, answer, known)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with one of each."""
    (tmp_path / "file").write_text("content\n")
    (tmp_path / "file").chmod(0o640)
    (tmp_path / "empty").write_text("")
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory" / "below").write_text("x")
    (tmp_path / "link").symlink_to("directory")
    (tmp_path / "far").symlink_to("link/below")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


NAMES = [
    "file",
    "empty",
    "directory",
    "link",
    "far",
    "dangling",
    "fifo",
    "none",
    "file/none",
    "link/below",
]


def questions(place: Path) -> list[tuple[str, str]]:
    """Of every kind that a front asks, and every case of it."""
    asked = [
        (kind, "") for kind in
        ("system", "ids", "status", "terminal", "inherited", "scheduling", "mounts", "namespaces")
    ]  # fmt: skip
    asked += [("path", f"{place}/{name}") for name in NAMES] + [
        ("path", "/dev/null"),
        ("path", "/"),
    ]
    asked += [
        ("real", f"{place}/{name}") for name in ("file", "link/below", "none/more", "link/none")
    ]
    asked += [
        ("variable", "HOME"),
        ("variable", "NONE"),
        ("has_variable", "HOME"),
        ("has_variable", "NONE"),
    ]
    asked += [
        (kind, f"{place}/{name}") for kind in ("line", "text") for name in ("file", "empty", "none")
    ]
    asked += [
        ("line", "/proc/sys/kernel/ostype"),
        ("part", f"100:{place}/file"),
        ("owner", f"{place}/link"),
    ]
    asked += [
        ("files", f"{place}\nfile\nnone\nlink/below"),
        ("program", "/bin/sh"),
        ("program", "/none"),
    ]
    asked += [
        ("program", "/usr/bin/su"),
        ("program", f"{place}/file"),
        ("account", str(os.getuid())),
    ]
    asked += [("names", f"{place}/{name}") for name in ("", "directory", "none", "file")]
    return [*asked, ("group", str(os.getgid()))]


def test_every_answer_of_here_and_now_holds(place: Path) -> None:
    told, look = Told(), Look()
    for kind, about in questions(place):
        answer = look.ask(QUESTIONS[kind], about)
        assert told.holds(check(kind, about, answer, look)), (kind, about, answer)


def test_every_question_has_a_check_or_is_python_s() -> None:
    assert set(QUESTIONS) - set(checks._CHECKS) == {"namespace"}, _ELSEWHERE
    assert set(checks._CHECKS) <= set(QUESTIONS)


def other(value: Any) -> list[Any]:
    """Answers that differ in one place."""
    if isinstance(value, tuple):
        return [
            (*value[:at], each, *value[at + 1 :])
            for at, part in enumerate(value) for each in other(part)
        ]  # fmt: skip
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, str):
        return [value + "x", value[:-1]] if value else ["x"]
    if isinstance(value, bytes):
        return (
            [value + b"x", value[:-1] + b"\xff", b"\xff" + value[1:], value[:-1]]
            if value
            else [b"x"]
        )
    return []


FOLLOWS = {
    "real",
    "account",
    "group",
    "files",
    "program",
    "path",
    "namespaces",
    "system",
}
"""Kinds whose other answers are no plain ones: changed by changing the machine, below."""


def test_no_other_answer_holds(place: Path) -> None:
    told, look, tried = Told(), Look(), 0
    for kind, about in questions(place):
        answer = look.ask(QUESTIONS[kind], about)
        if kind in FOLLOWS:
            continue
        for wrong in other(answer):
            try:
                found = check(kind, about, wrong, look)
            except checks.NoCheckError:
                continue
            tried += 1
            assert not told.holds(found), (kind, about, answer, wrong)
    assert tried > 30


def test_a_path_s_check_is_of_all_that_is_said_of_it(place: Path) -> None:
    told, look = Told(), Look()
    for name in NAMES:
        where = f"{place}/{name}"
        answer = look.ask(QUESTIONS["path"], where)
        kinds = ("directory", "file", "symlink", "fifo", "missing")
        wrong = [(kind, *answer[1:]) for kind in kinds if kind != answer[0] and answer[2]]
        if answer[2] is not None:
            there = [each for each in kinds[:2] if each != answer[3]]
            wrong += [(*answer[:3], each, *answer[4:]) for each in there]
            uid, mode = answer[4:6]
            wrong += [(*answer[:4], uid + 1, *answer[5:]), (*answer[:5], mode ^ 1, *answer[6:])]
            wrong += [(*answer[:7], not answer[7], *answer[8:]), (*answer[:10], not answer[10])]
            wrong.append((*answer[:2], f"{answer[2]}x", *answer[3:]))
            if answer[9] is not None:
                wrong.append((*answer[:9], answer[9] + 1, answer[10]))
        if answer[1] is not None:
            wrong.append((answer[0], f"{answer[1]}x", *answer[2:]))
        for each in wrong:
            assert not told.holds(check("path", where, each, look)), (name, answer, each)


def swap(one: Path, other: Path) -> None:
    one.rename(one.with_name("away"))
    other.rename(one)


def be_directory(at: Path) -> None:
    """Whatever it is."""
    at.unlink()
    at.mkdir()


def be_there(at: Path) -> Path:
    at.mkdir()
    return at


def lead_elsewhere(at: Path) -> None:
    at.unlink()
    at.symlink_to("/")


CHANGES: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "a file that came": ("path", "none", lambda at: at.touch()),
    "a file that went": ("path", "file", lambda at: at.unlink()),
    "a mode": ("path", "file", lambda at: at.chmod(0o600)),
    "a size": ("path", "file", lambda at: at.write_text("longer than that\n")),
    "a directory for a file": ("path", "file", be_directory),
    "a symlink's end": ("path", "far", lambda at: (at.parent / "link/below").unlink()),
    "a symlink elsewhere": ("path", "link", lead_elsewhere),
    "a symlink on the way": ("real", "link/below", lambda at: be_directory(at.parent)),
    "what was missing": ("real", "none/more", lambda at: at.parent.mkdir()),
    "a symlink to it that dangled": ("path", "dangling", lambda at: (at.parent / "nowhere").touch()),
    "a line": ("line", "file", lambda at: at.write_text("Content\n")),
    "a line that came": ("line", "none", lambda at: at.touch()),
    "a text's blanks": ("text", "file", lambda at: at.write_text("content \n")),
    "a text that went": ("text", "file", lambda at: at.unlink()),
    "a stamp": ("files", "\nfile", lambda at: (at.parent / "file").write_text("CONTENT\n")),
    "a stamp by name": ("files", "\nfile", lambda at: swap(at.parent / "file", at.parent / "empty")),
    "a stamp that came": ("files", "\nnone", lambda at: (at.parent / "none").touch()),
    "a name more": ("names", "directory", lambda at: (at / "a").touch()),
    "a name less": ("names", "directory", lambda at: (at / "below").unlink()),
    "another name": ("names", "directory", lambda at: (at / "below").rename(at / "belox")),
    "a first name": ("names", "none", lambda at: (be_there(at) / "x").touch()),
    "a program": ("program", "file", lambda at: at.chmod(0o755)),
    "a program with privileges": ("program", "file", lambda at: at.chmod(0o4755)),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_what_changed_does_not_hold(place: Path, what: str) -> None:
    kind, name, change = CHANGES[what]
    if kind == "program":
        (place / "file").chmod(0o711 if "with" in what else 0o640)
        if "with" in what and os.geteuid() != 0:
            change = Path.unlink  # whose privileges it would have is nobody's here
    about = f"{place}{name}" if name.startswith("\n") else f"{place}/{name}"
    told, look = Told(), Look()
    found = check(kind, about, look.ask(QUESTIONS[kind], about), look)
    assert told.holds(found)
    change(Path(about.partition("\n")[0]) / "x" if "\n" in about else Path(about))
    assert not told.holds(found)


def test_words_place_and_command() -> None:
    told = Told("/some/where", "/bin/toyspec", "up", "-q", "")

    def words(*given: str) -> bytes:
        return checks._check(record.WORDS, (len(given),), *map(checks._text, given))

    assert told.holds(words("up", "-q", ""))
    for wrong in (("up", "-q"), ("up", "-q", "", ""), ("up", "-q", "x"), ("up", "", "-q"), ()):
        assert not told.holds(words(*wrong))
    for kind, right in ((record.DIRECTORY, "/some/where"), (record.COMMAND, "/bin/toyspec")):
        for said in (right, right + "x", right[:-1], ""):
            assert told.holds(checks._check(kind, (), checks._text(said))) == (said == right)
    assert not told.holds(checks._check(99, ()))


def test_signals_and_privileges() -> None:
    """In a process of its own, as no_new_privs does not go away."""
    code = f"""
import ctypes, signal, sys
sys.path.insert(0, {str(Path.cwd())!r})
from tests.emit.front.test_checks import Told, check
from toyspec.start.look import QUESTIONS, Look
look = Look()
told, found = Told(), check("status", "", look.ask(QUESTIONS["status"]), look)
assert told.holds(found)
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
assert told.holds(found)  # nobody is asked about that one
signal.signal(signal.SIGHUP, signal.SIG_IGN)
assert not told.holds(found)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
assert told.holds(found)
assert ctypes.CDLL(None).prctl(38, 1, 0, 0, 0) == 0
assert not told.holds(found)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), signal.SIGHUP


def test_descriptors_that_are_inherited() -> None:
    told, look = Told(), Look()
    found = check("inherited", "", look.ask(QUESTIONS["inherited"]), look)
    assert told.holds(found)
    fd = os.open("/", os.O_RDONLY)
    try:
        assert told.holds(found)
        os.set_inheritable(fd, True)
        assert not told.holds(found)
        again = Look()
        assert told.holds(check("inherited", "", again.ask(QUESTIONS["inherited"]), again))
    finally:
        os.close(fd)
    assert told.holds(found)


def test_what_cannot_be_told_has_no_check(place: Path) -> None:
    look = Look()
    look.ask(QUESTIONS["terminal"])
    denied = ("denied", None, None, "denied", -1, 0, None, False, "/root", None, False)
    for kind, about, answer in (
        ("path", "/root/x", denied), ("part", "10:/none", 2), ("part", "3:/none", b"more"),
        ("status", "", ("0", 0, "2")), ("line", "/none", "\ufffd"), ("variable", "TOKEN", "correct-horse"),
        ("account", "4000000000", None), ("real", f"{place}/dangling/x/../y", "/"),
        ("ids", "", (0, 0, 0, 0, tuple(range(65)))), ("scheduling", "", ((1024,), 0)),
    ):  # fmt: skip
        with pytest.raises(checks.NoCheckError):
            check(kind, about, answer, look)


def test_what_is_younger_than_the_start_is_not_trusted(place: Path) -> None:
    path = str(place / "file")
    checks._stamps([path], _LATER)
    with pytest.raises(checks.NoCheckError):
        checks._stamps([path], os.stat(path).st_ctime_ns)


def machines() -> list[str]:
    return [each for each in MACHINES if each in (NATIVE, "aarch64")]


@pytest.mark.parametrize("arch", machines())
@given(st.binary(max_size=600))
def test_damage_is_told_as_zlib_tells_it(arch: str, data: bytes) -> None:
    code, at = _compiled(arch)
    assert code.call(at["crc"], code.put(data), len(data)) == binascii.crc32(data)


@pytest.mark.parametrize("arch", machines())
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
def test_names_are_those_that_python_gives(arch: str, word: str) -> None:
    code, at = _compiled(arch)
    number = code.call(at["fnv"], 0xCBF29CE484222325, code.put(word.encode() + b"\0"))
    number = code.call(at["fnv"], number, code.put(b"/a\0"))
    name = entry.front_name([word], "/a", ())
    assert (number * 0x100000001B3 & (1 << 64) - 1).to_bytes(8, "big") == name


@pytest.mark.parametrize("arch", machines())
@given(st.binary(max_size=40), st.binary(max_size=40))
def test_texts_are_compared(arch: str, one: bytes, other: bytes) -> None:
    code, at = _compiled(arch)
    text = checks._text(os.fsdecode(one))
    assert len(text) % 8 == 0
    where = code.put(text + other)
    assert code.call(at["behind_text"], where) == where + len(text)
    assert code.call(at["equal"], where, where + len(text), len(other)) == (one == other)


class Code:
    """Functions of the front, on either architecture."""

    def __init__(self, arch: str, code: bytes) -> None:
        self.native = Native(code) if arch == NATIVE else None
        self.emulated = Emulated(code) if arch != NATIVE else None
        self.buffer = ctypes.create_string_buffer(1 << 16)

    def put(self, data: bytes) -> int:
        if self.emulated is not None:
            self.emulated.engine.mem_write(DATA, data + bytes(16))
            return DATA
        ctypes.memmove(self.buffer, data + bytes(16), len(data) + 16)
        return ctypes.addressof(self.buffer)

    def call(self, offset: int, *arguments: int) -> int:
        run: Any = self.native or self.emulated
        return int(run.call(offset, *arguments)) & (1 << 64) - 1


_MADE: dict[str, tuple[Code, dict[str, int]]] = {}


def _compiled(arch: str) -> tuple[Code, dict[str, int]]:
    if arch not in _MADE:
        code, entries = compiled(make.sources(), [*_SUMS, *_EQUAL], MACHINES[arch], arch)
        _MADE[arch] = Code(arch, code), entries
    return _MADE[arch]
