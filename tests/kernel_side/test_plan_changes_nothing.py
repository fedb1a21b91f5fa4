"""`plan` and `check` only look: an allow-list of calls, from the first instruction of Python on."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.kernel_side import traced
from tests.kernel_side.compare import describe
from tests.kernel_side.constants import CONSTANTS
from tests.kernel_side.faults import snapshot
from tests.kernel_side.isolation import isolated
from tests.kernel_side.names import NAMES
from tests.kernel_side.specs import SPECS, fresh
from tests.kernel_side.traced import Traced, trace
from tests.kernel_side.tracer import Fail, Kill, Process, Seen, Watcher
from tests.product import Product

pytestmark = traced.pytestmark

LOOKS = frozenset(
    {
        "access",
        "arch_prctl",
        "brk",
        "capget",
        "clock_getres",
        "clock_gettime",
        "close",
        "dup",
        "dup2",
        "epoll_create1",
        "execve",
        "exit",
        "exit_group",
        "faccessat",
        "faccessat2",
        "fcntl",
        "fgetxattr",
        "fstat",
        "fstatfs",
        "futex",
        "getcwd",
        "getdents64",
        "getegid",
        "geteuid",
        "getgid",
        "getgroups",
        "getpgid",
        "getpgrp",
        "getpid",
        "getppid",
        "getpriority",
        "getrandom",
        "getresgid",
        "getresuid",
        "getrusage",
        "getsid",
        "gettid",
        "getuid",
        "getxattr",
        "ioctl",
        "lgetxattr",
        "lseek",
        "lstat",
        "madvise",
        "mmap",
        "mprotect",
        "mremap",
        "munmap",
        "newfstatat",
        "openat",
        "poll",
        "ppoll",
        "prctl",
        "pread64",
        "prlimit64",
        "read",
        "readlink",
        "readlinkat",
        "rseq",
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigreturn",
        "sched_getaffinity",
        "sched_yield",
        "set_robust_list",
        "set_tid_address",
        "sigaltstack",
        "stat",
        "statfs",
        "statx",
        "sysinfo",
        "uname",
        "write",
    }
)
READING = (
    "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_PATH",
)  # fmt: skip
CANNOT_SUCCEED = frozenset(
    {
        "close_range",
        "fsconfig",
        "fsmount",
        "fsopen",
        "landlock_create_ruleset",
        "mount_setattr",
        "move_mount",
        "open_tree",
        "open_tree_attr",
        "openat2",
        "seccomp",
    }
)
NSCD = b"/var/run/nscd/socket"
NO_DESCRIPTOR = 0xFFFFFFFF
ASKS_FOR_THE_VERSION = (0, 0, 1)  # LANDLOCK_CREATE_RULESET_VERSION: no ruleset is made
IOCTLS = frozenset({0x5401, 0x5413, 0x540F, 0x5421, 0x5450, 0x5451})  # TCGETS WINSZ PGRP FIO*
NAMESPACES = frozenset(range(0xB701, 0xB705))  # NS_GET_*: who owns a namespace (ioctl_nsfs(2))
FCNTLS = frozenset({0, 1, 2, 3, 1030})  # DUPFD GETFD SETFD GETFL DUPFD_CLOEXEC
PRCTLS = frozenset({3, 23, 27, 39, 47, 1398164801})  # what gets; and naming one's own memory


@dataclass
class OnlyLooks(Watcher):
    """Collects what does more than look."""

    problems: list[str] = field(default_factory=list)
    attempts: int = 0

    def _connects(self, process: Process, seen: Seen) -> bool:
        """Names of users are looked up as glibc does it: it asks nscd first."""
        address = process.read(seen.args[1], seen.args[2] & 0xFFFFFFFF)
        return address[:2] == b"\1\0" and address[2:].split(b"\0")[0] == NSCD

    def entry(self, process: Process, seen: Seen) -> Fail | Kill | None:
        name = NAMES.get(seen.number, str(seen.number))
        if name == "close_range" and seen.args[0] == NO_DESCRIPTOR:
            return None
        if name in CANNOT_SUCCEED:
            return None
        a, b, c = seen.args[:3]
        reading = sum(CONSTANTS[flag] for flag in READING)
        allowed = name in LOOKS
        if name == "openat":
            allowed = c & ~reading & 0xFFFFFFFF == 0
        elif name == "write":
            allowed = a in (1, 2)
        elif name == "ioctl":
            allowed = b in IOCTLS | NAMESPACES
        elif name == "fcntl":
            allowed = b in FCNTLS
        elif name == "prctl":
            allowed = a in PRCTLS
        elif name == "socket":
            allowed = a == CONSTANTS["AF_UNIX"]
        elif name == "connect":
            allowed = self._connects(process, seen)
        elif name == "prlimit64":
            allowed = c == 0
        if not allowed:
            self.problems.append(describe(process, seen))
        return None

    def exit(self, process: Process, seen: Seen) -> None:
        name = NAMES.get(seen.number)
        harmless = (name == "close_range" and seen.args[0] == NO_DESCRIPTOR) or (
            name == "landlock_create_ruleset" and tuple(seen.args[:3]) == ASKS_FOR_THE_VERSION
        )
        if name in CANNOT_SUCCEED and not harmless:
            self.attempts += 1
            if seen.result is None or seen.result >= 0:
                self.problems.append(f"{describe(process, seen)} succeeded")

    def forked(self, parent: Process, child: Process) -> None:
        self.problems.append(f"{parent.pid} forked {child.pid}")


def look(product: Product, argv: list[str], directory: str) -> tuple[Traced, list[str]]:
    def work() -> tuple[Traced, list[str]]:
        watcher = OnlyLooks()
        return trace(product, argv, watcher, cwd=directory), watcher.problems

    return isolated(work)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize(
    "verb", [["plan"], ["plan", "--syscalls"], ["plan", "--json"], ["check"]], ids=" ".join
)
def test_it_only_looks(caller: Product, verb: list[str], name: str) -> None:
    spec = fresh(caller, name)
    argv = [*verb, str(spec)]
    warm = caller.run(argv, cwd=spec.parent)  # Python writes its own .pyc files once
    assert warm.returncode == 0, warm.stderr
    before = snapshot([spec.parent, caller.home])
    ran, problems = look(caller, [*caller.toyspec, *argv], str(spec.parent))
    assert not problems, "\n".join(problems)
    assert (ran.status, ran.stdout) == ("exit 0", warm.stdout), ran.stderr
    assert snapshot([spec.parent, caller.home]) == before


def test_what_does_more_than_look_is_found(product: Product) -> None:
    directory = product.directory()
    script = "umask 077; mkdir made; : >written"
    _, problems = look(product, ["sh", "-c", script], str(directory))
    found = {problem.split("(")[0] for problem in problems}
    assert {"umask", "mkdir", "openat"} <= found, problems
    assert any("forked" in problem for problem in problems), problems
