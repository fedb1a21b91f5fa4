"""Every kind of question notices what it is about. A new kind without a row here fails."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installation import REPOSITORY
from toyspec.start.again import sum_of
from toyspec.start.look import QUESTIONS, Look

Change = Callable[[], object]
Case = Callable[[Path, pytest.MonkeyPatch], tuple[str, Change]]
"""What the question is about, and what changes its answer."""

CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    CASES[function.__name__.removesuffix("_")] = function
    return function


def answers(name: str, value: object) -> Case:
    """Of what no test can change: the call that says it answers something else."""

    def changed(_tmp: Path, patch: pytest.MonkeyPatch) -> tuple[str, Change]:
        return "", lambda: patch.setattr(os, name, lambda *_args: value)

    return changed


CASES["system"] = answers(
    "uname", os.uname_result(("Linux", "here", "9.99", "#1 another build", "x86_64"))
)
CASES["ids"] = answers("getgid", 4242)
CASES["inherited"] = answers("get_inheritable", True)
CASES["scheduling"] = answers("getpriority", 13)


@case
def account(_tmp: Path, patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    import pwd

    entry = pwd.struct_passwd(("other", "x", 1, 2, "", "/home/other", "/bin/sh"))
    return str(os.getuid()), lambda: patch.setattr(pwd, "getpwuid", lambda _uid: entry)


@case
def group(_tmp: Path, patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    import grp

    entry = grp.struct_group(("others", "x", 1, []))
    return str(os.getgid()), lambda: patch.setattr(grp, "getgrgid", lambda _gid: entry)


@case
def status(_tmp: Path, patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    def change() -> None:
        before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        patch.callbacks = [lambda: signal.signal(signal.SIGUSR2, before)]  # type: ignore[attr-defined]

    return "", change


@case
def terminal(_tmp: Path, patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    return "", lambda: patch.setattr(os, "isatty", lambda fd: fd == 2)


@case
def installation(tmp: Path, patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    script = tmp / "toyspec"
    script.write_text("")
    return "", lambda: patch.setattr(sys, "argv", [str(script)])


@case
def variable(_tmp: Path, patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    patch.setenv("TOYSPEC_ASKED", "one")
    return "TOYSPEC_ASKED", lambda: patch.setenv("TOYSPEC_ASKED", "two")


@case
def has_variable(_tmp: Path, patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    patch.delenv("TOYSPEC_ASKED", raising=False)
    return "TOYSPEC_ASKED", lambda: patch.setenv("TOYSPEC_ASKED", "")


def file(tmp: Path) -> Path:
    path = tmp / "file"
    path.write_text("one\n")
    return path


@case
def line(tmp: Path, _patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    path = file(tmp)
    return str(path), lambda: path.write_text("two\n")


@case
def text(tmp: Path, _patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    path = file(tmp)
    return str(path), path.unlink


@case
def part(tmp: Path, _patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    path = file(tmp)
    return f"4:{path}", lambda: path.write_text("one\n and more")


@case
def mounts(_tmp: Path, patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    from toyspec.start import look

    table = Path("/proc/self/mountinfo").read_bytes() + b"1 1 0:1 / /x rw - tmpfs tmpfs rw\n"
    return "", lambda: patch.setattr(look, "whole", lambda _path: table)


@case
def owner(tmp: Path, patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    seen = os.stat_result((0o40755, 1, 2, 1, os.getuid() + 1, 0, 0, 0, 0, 0))
    return str(tmp), lambda: patch.setattr(os, "stat", lambda _path: seen)


@case
def files(tmp: Path, _patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    path = file(tmp)
    before = path.stat()

    def change() -> None:
        path.write_text("two\n")  # as long, in place, and with the old time
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return f"{tmp}\nfile", change


@case
def names(tmp: Path, _patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    return str(tmp), (tmp / "new").touch


@case
def program(tmp: Path, _patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    path = file(tmp)
    path.chmod(0o755)
    return str(path), lambda: path.chmod(0o644)


@case
def namespaces(_tmp: Path, patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    seen = os.stat_result((0o100444, 4242, 4, 1, 0, 0, 0, 0, 0, 0))
    return "", lambda: patch.setattr(os, "stat", lambda _path: seen)


@case
def namespace(tmp: Path, _patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    link = tmp / "namespace"
    link.symlink_to("/proc/self/ns/net")

    def change() -> None:
        link.unlink()
        link.symlink_to("/proc/self/ns/uts")

    return str(link), change


@case
def real(tmp: Path, _patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    (tmp / "one").mkdir()
    (tmp / "two").mkdir()
    link = tmp / "link"
    link.symlink_to("one")

    def change() -> None:
        link.unlink()
        link.symlink_to("two")

    return str(link / "below"), change


@case
def path(tmp: Path, _patch: pytest.MonkeyPatch) -> tuple[str, Change]:
    found = file(tmp)
    return str(found), lambda: found.chmod(0o600)


def test_every_kind_has_its_case() -> None:
    assert CASES.keys() == QUESTIONS.keys()


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_changed_answer_is_another_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about, change = CASES[name](tmp_path, monkeypatch)
    asked = (name, about)
    before, same, after = Look(), Look(), Look()
    before.again(asked)
    same.again(asked)
    try:
        change()
        after.again(asked)
    finally:
        for undo in getattr(monkeypatch, "callbacks", ()):
            undo()
        monkeypatch.undo()
    assert sum_of(before, (asked,)) == sum_of(same, (asked,))
    assert sum_of(before, (asked,)) != sum_of(after, (asked,))


def replaced(at: Path, by: Callable[[Path], object]) -> None:
    at.rename(f"{at}.old")
    by(at)


PATHS: dict[str, Callable[[Path], object]] = {
    "gone": lambda at: at.unlink(),
    "a directory": lambda at: replaced(at, Path.mkdir),
    "a fifo": lambda at: replaced(at, os.mkfifo),
    "a symlink": lambda at: replaced(at, lambda here: here.symlink_to(f"{at}.old")),
    "longer": lambda at: at.write_text("more"),
    "another mode": lambda at: at.chmod(0o400),
}


@pytest.mark.parametrize("how", PATHS)
def test_a_path_that_changed_is_seen(tmp_path: Path, how: str) -> None:
    asked = ("path", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    before, after = Look(), Look()
    before.again(asked)
    PATHS[how](tmp_path / "file")
    after.again(asked)
    assert before.answers != after.answers


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    look = Look()
    (tmp_path / "file").write_text("one")
    asked = ("text", str(tmp_path / "file"))
    look.again(asked)
    (tmp_path / "file").write_text("two")
    look.again(asked)
    assert look.answers == {asked: b"one"}


def test_limits_are_those_of_the_library() -> None:
    from toyspec.host.facts import Needs
    from toyspec.host.probe import probe
    from toyspec.kernel.flags import RLIMITS

    found = probe(Needs()).rlimits
    assert found == {
        name.lower(): resource.getrlimit(number) for number, name in enumerate(RLIMITS)
    }


def test_a_start_imports_nothing_else() -> None:
    """The room is light: what it imports, Python has loaded by itself, or is built in."""
    code = (
        "import sys; before = set(sys.modules); import toyspec.start.again\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); {code}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = {name for name in done.stdout.split() if not name.startswith("toyspec")}
    assert found <= {"__future__", "_blake2", "errno", "fcntl", "pwd", "grp"}
