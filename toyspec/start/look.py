"""Every question that is put to this machine before a run, each answered by a plain value.

`host.probe` makes facts of these answers and of nothing else (but for the kernel's features, which
`system` stands for). So whoever puts the same questions again and gets the same answers may use what
was planned before: that is the cache's whole idea. Light, as every start pays for it: nothing is
imported that Python has not loaded by itself.
"""

from __future__ import annotations

import os
import sys

from toyspec.start.command import FRONT, NAMED, SCRIPT, command
from toyspec.start.look_paths import (
    files,
    first_line,
    line,
    names,
    owner,
    part,
    path,
    program,
    real,
    text,
    whole,
)

TYPE_CHECKING = False  # typing's own costs its import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")
    Question = tuple[str, str]
    Ids = tuple[int, int, int, int, tuple[int, ...]]
    Terminal = tuple[bool, bool, bool, bool, bool, bool]

_IGNORED = (1 << 31) - 1 & ~(1 << 12) & ~(1 << 24)  # all but SIGPIPE and SIGXFSZ
NAMESPACES = (
    ("mount", "mnt"), ("user", "user"), ("pid", "pid"), ("network", "net"), ("uts", "uts"),
    ("ipc", "ipc"), ("cgroup", "cgroup"), ("time", "time"),
)  # fmt: skip
"""Kinds of namespaces, and their names in /proc/PID/ns."""
_SYSTEM = {"/", "/usr", "/usr/local"}


class Look:
    """One look: what was asked, in order, and the answers. Nothing is asked twice.

    `facts`: for which facts each was asked; "" where it counts for itself. `parents` are directories
    that were resolved on the way, and where they lead.
    """

    def __init__(self) -> None:
        self.answers: dict[Question, Any] = {}
        self.facts: dict[Question, set[str]] = {}
        self.parents: dict[str, str] = {}

    def ask(self, question: Callable[[Look, str], T], about: str = "", fact: str = "") -> T:
        """The answer of one of `QUESTIONS`; `about` says what it is about, if anything."""
        asked = (question.__name__, about)
        if asked not in self.answers:
            self.answers[asked] = question(self, about)
        self.facts.setdefault(asked, set()).add(fact)
        answer: T = self.answers[asked]
        return answer

    def again(self, asked: Question) -> None:
        """Put a question that was put before. Raises KeyError where there is none of that name."""
        if asked not in self.answers:
            self.answers[asked] = QUESTIONS[asked[0]](self, asked[1])

    def questions(self, facts: set[str]) -> tuple[Question, ...]:
        """What was asked for its own sake, or for one of these facts."""
        wanted = {"", *facts}
        return tuple(asked for asked in self.answers if self.facts[asked] & wanted)


def system(_: Look, _about: str) -> tuple[str, str, str, str | None]:
    """Kernel, architecture, and which boot of them: its features do not change before the next one.

    That holds as long as no filter of system calls answers for the kernel: see `status`.
    """
    seen = os.uname()
    return (seen.release, seen.version, seen.machine, first_line("/proc/sys/kernel/random/boot_id"))


def ids(_: Look, _about: str) -> Ids:
    """Real and effective uid, real and effective gid, supplementary groups."""
    groups = tuple(sorted(os.getgroups()))
    return (os.getuid(), os.geteuid(), os.getgid(), os.getegid(), groups)


def account(_: Look, uid: str) -> tuple[str, str, int] | None:
    """A user's name, home and group, from /etc/passwd or whatever else names users here."""
    import pwd

    try:
        entry = pwd.getpwuid(int(uid))
    except KeyError:
        return None
    return (entry.pw_name, entry.pw_dir, entry.pw_gid)


def group(_: Look, gid: str) -> str | None:
    """A group's name."""
    import grp

    try:
        return grp.getgrgid(int(gid)).gr_name
    except KeyError:
        return None


def status(_: Look, _about: str) -> tuple[str, int, str]:
    """NoNewPrivs, SigIgn and Seccomp of proc_pid_status(5); what is not there is empty.

    Of SigIgn without what Python ignores by itself, and without the signals from 32 on: the C
    library's own two come and go with how a process was started.
    """
    seen = whole("/proc/self/status")
    ignored = int(_row(seen, b"SigIgn") or "0", 16) & _IGNORED
    return (_row(seen, b"NoNewPrivs"), ignored, _row(seen, b"Seccomp"))


def _row(table: bytes, name: bytes) -> str:
    return table.partition(b"\n%s:" % name)[2].partition(b"\n")[0].strip().decode()


def terminal(_: Look, _about: str) -> Terminal:
    """Of 0, 1 and 2: whether each is a terminal. Of 0: whether it is our controlling one, whether 1
    is the same, and whether 2 is.
    """
    own, same, errors = [_is_ours(fd) for fd in range(3)]
    ttys = (os.isatty(0), os.isatty(1), os.isatty(2))
    return (*ttys, own, own and same, own and errors)


def _is_ours(fd: int) -> bool:
    """Whether it is our controlling terminal: only of that one the foreground is told."""
    try:
        return os.tcgetpgrp(fd) >= 0
    except OSError:
        return False


def inherited(_: Look, _about: str) -> tuple[int, ...]:
    """Descriptors above 2 that an execve passes on."""
    found = []
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        return ()
    for name in names:
        try:
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:
            continue  # the one that listed the directory
    return tuple(sorted(found))


def installation(look: Look, _about: str) -> tuple[str, ...]:
    """Where this package and all that it imports lie, and the command that starts it.

    An environment or an interpreter of somebody's own counts as a whole, the system's only by its
    modules. A command that lies below a home counts with its directory: an interpreter that is told
    nothing else searches that for modules.
    """
    found = {os.path.dirname(os.path.dirname(os.path.realpath(__file__)))}
    found |= {os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)}
    if found & _SYSTEM:
        found -= _SYSTEM
        modules = [each for each in sys.path if each.endswith("-packages")]
        found |= {os.path.realpath(each) for each in (os.path.dirname(os.__file__), *modules)}
    script = command()
    if os.path.basename(script) in (FRONT, SCRIPT) and os.path.isfile(script):
        if script.startswith(os.path.expanduser("~/")):
            found.add(os.path.realpath(os.path.dirname(script)))
        else:
            found |= {os.path.realpath(each) for each in (script, os.path.abspath(sys.argv[0]))}
    named = look.ask(variable, NAMED, "installation") or ""
    path = os.path.abspath(named)
    if named and os.path.isfile(path) and path.startswith(os.path.expanduser("~/")):
        found.add(os.path.realpath(os.path.dirname(path)))  # a link's, which may be put elsewhere
    return tuple(sorted(found))


def scheduling(_: Look, _about: str) -> tuple[tuple[int, ...], int]:
    """The CPUs that the caller may run on (sched_getaffinity(2)), and its nice value."""
    return (tuple(sorted(os.sched_getaffinity(0))), os.getpriority(os.PRIO_PROCESS, 0))


def variable(_: Look, name: str) -> str | None:
    """A variable of the caller's environment."""
    return os.environ.get(name)


def has_variable(_: Look, name: str) -> bool:
    """Whether the caller's environment has a variable, whatever its value."""
    return name in os.environ


def mounts(_: Look, _about: str) -> bytes:
    """The whole of /proc/self/mountinfo; OSError where it is not there."""
    return whole("/proc/self/mountinfo")


def namespaces(_: Look, _about: str) -> tuple[tuple[str, str], ...]:
    """The caller's own namespaces, kind and inode; those that the kernel does not have are left out."""
    found = []
    for kind, name in NAMESPACES:
        try:
            seen = os.stat(f"/proc/self/ns/{name}")
        except OSError:
            continue
        found.append((kind, f"{os.major(seen.st_dev)}:{os.minor(seen.st_dev)}:{seen.st_ino}"))
    return tuple(found)


def namespace(_: Look, path: str) -> tuple[Any, ...]:
    """What a namespace's file is: the fields of a NamespaceFact."""
    from toyspec.start.namespace_files import seen

    return seen(path)


QUESTIONS: dict[str, Callable[[Look, str], Any]] = {
    each.__name__: each
    for each in (
        system, ids, account, group, status, terminal, inherited, installation, scheduling,
        variable, has_variable, line, text, part, mounts, owner, files, names, program, namespaces,
        namespace, real, path,
    )
}  # fmt: skip
"""All of them, by name."""
