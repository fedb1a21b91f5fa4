"""The default filter, a profile and none, tried from inside boxes: the same calls, one by one."""

from __future__ import annotations

import errno
import json
import os
import socket
from pathlib import Path
from typing import Final

import pytest

from tests import tools
from tests.box.boxes import good, refused, up
from tests.product import Product
from toyspec.kernel.syscalls import numbers

ARCH: Final = os.uname().machine

pytestmark = pytest.mark.skipif(
    ARCH not in ("x86_64", "aarch64"), reason="an architecture that toyspec knows"
)

# Each call in a child of its own. It prints the errno, 0 where it succeeded.
TRY = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def one(number, arguments):
    words = [a.encode() if isinstance(a, str) else ctypes.c_long(a) for a in arguments]
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        ctypes.set_errno(0)
        failed = libc.syscall(ctypes.c_long(number), *words) == -1
        os.write(write, b"%d" % (ctypes.get_errno() if failed else 0))
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    said = os.read(read, 9)
    os.close(read)
    return int(said) if said else "killed"
print(json.dumps([one(*each) for each in json.loads(sys.argv[1])]))
"""

NEWUSER, SIGCHLD = 0x10000000, 17
WIDE: Final = 1 << 32
P, N, AF = errno.EPERM, errno.ENOSYS, errno.EAFNOSUPPORT

# Refused by the default filter, with this errno; without a filter each of them gives another one.
CLOSED: Final[tuple[tuple[str, tuple[int | str, ...], int], ...]] = (
    ("unshare", (NEWUSER,), P),
    ("unshare", (NEWUSER | WIDE,), P),
    ("clone", (NEWUSER | SIGCHLD, 0, 0, 0, 0), P),
    ("clone3", (0, 0), N),
    ("setns", (-1, 0), P),
    ("mount", (0, 0, 0, 0, 0), P),
    ("keyctl", (0, -3, 0), P),
    ("add_key", (0, 0, 0, 0, 0), P),
    ("request_key", (0, 0, 0, 0), P),
    ("perf_event_open", (0, 0, -1, -1, 0), P),
    ("userfaultfd", (1,), P),
    ("io_uring_setup", (1, 0), P),
    ("personality", (0x0400000,), P),
    ("personality", (0x0400000 | WIDE,), P),
    ("move_pages", (-1, 0, 0, 0, 0, 1), P),
    ("socket", (socket.AF_VSOCK, 1, 0), AF),
    ("socket", (socket.AF_VSOCK | WIDE, 1, 0), AF),
)
# What ordinary programs do, and debuggers: the same with and without the filter.
OPEN: Final[tuple[tuple[str, tuple[int | str, ...]], ...]] = (
    ("unshare", (0x200,)),
    ("ptrace", (0, 0, 0, 0)),
    ("personality", (0xFFFFFFFF,)),
    ("personality", (0x0040000,)),
    ("socket", (1, 1, 0)),
    ("socket", (2 | WIDE, 1, 0)),
    ("socket", (16, 3, 0)),
    ("ioctl", (-1, 0x5401, 0)),
    ("process_vm_readv", (-1, 0, 0, 0, 0, 1)),
    ("memfd_create", ("x", 0)),
    ("pidfd_open", (1, 0)),
    ("seccomp", (1, 0, 0)),
    ("landlock_create_ruleset", (0, 0, 1)),
    ("openat2", (-1, 0, 0, 0)),
    ("rseq", (0, 0, 0, 0)),
)
# Those that an ordinary user's box is refused by the kernel too, and root's alike: the filter's
# own answer differs from the kernel's where arguments are wrong first.
BEYOND: Final[tuple[tuple[str, tuple[int | str, ...], int], ...]] = (
    ("clock_settime", (0, 0), P),
    ("bpf", (0, 0, 0), P),
    ("socket", (38, 5, 0), AF),
    ("init_module", (0, 0, 0), P),
    ("open_by_handle_at", (-1, 0, 0), P),
    ("chroot", ("/",), P),
    ("syslog", (3, 0, 0), P),
)


def table() -> list[tuple[int, tuple[int | str, ...]]]:
    """Every call of the three, by number."""
    every = [(name, arguments) for name, arguments, _ in (*CLOSED, *BEYOND)]
    return [(numbers(ARCH)[name], arguments) for name, arguments in (*every, *OPEN)]


def has_vsock() -> bool:
    """This kernel has the family that the filter closes."""
    try:
        socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()
    except OSError as error:
        return error.errno != AF
    return True


def answers(product: Product, keys: str, directory: Path | None = None) -> list[int | str]:
    """What each of them gives in a box with these keys."""
    python = "/usr/bin/python3"
    if not os.path.exists(python):
        tools.lack("python3 below /usr")
    spec = "version: 1\nsystem: host\nhostname: box\nfiles:\n  - target: /try.py\n    content: |\n"
    spec += "".join(f"      {line}\n" for line in TRY.strip().splitlines()) + keys
    spec += f"init: [{python}, /try.py, '{json.dumps(table())}']\n"
    found: list[int | str] = json.loads(good(up(product, directory or product.directory(), spec)))
    return found


@pytest.mark.parametrize("more", ["", "no_new_privileges: false\n", "user: root\n"])
def test_the_default_filter_is_what_refuses(caller: Product, more: str) -> None:
    filtered = answers(caller, more)
    unfiltered = answers(caller, more + "seccomp: none\n")
    for at, (name, arguments, wanted) in enumerate((*CLOSED, *BEYOND)):
        assert filtered[at] == wanted, (name, arguments)
        if at < len(CLOSED) and (name != "socket" or has_vsock()):
            assert unfiltered[at] != wanted, (name, arguments)
    first = len(CLOSED) + len(BEYOND)
    for at, (name, arguments) in enumerate(OPEN, first):
        assert filtered[at] == unfiltered[at], (name, arguments)
    assert [unfiltered[first + at] for at in (0, 1, 2, 4, 5, 6)] == [0] * 6


def test_a_capability_opens_the_calls_that_it_is_for(product: Product) -> None:
    script = "chroot / /bin/true && echo opened"
    spec = "version: 1\nsystem: host\nuser: root\n{}init: [sh, -c, '" + script + "; true']\n"
    assert good(up(product, product.directory(), spec.format(""))) == ""
    held = spec.format("capabilities: [SYS_CHROOT]\n")
    assert good(up(product, product.directory(), held)) == "opened\n"


NESTED = "unshare -Ur true && echo nested; grep -c Seccomp_filters:.1 /proc/self/status; true"


def test_new_namespaces_need_seccomp_none(product: Product) -> None:
    spec = "version: 1\nsystem: host\n{}init: [sh, -c, '" + NESTED + "']\n"
    assert good(up(product, product.directory(), spec.format(""))) == "1\n"
    none = good(up(product, product.directory(), spec.format("seccomp: none\n")))
    assert none == "nested\n0\n"


def own(product: Product, default: str, *rules: dict[str, object]) -> Path:
    """A directory with a profile in it."""
    directory = product.directory()
    document = {"defaultAction": default, "syscalls": list(rules)}
    product.write(directory / "own.json", json.dumps(document))
    return directory


@pytest.mark.parametrize("more", ["", "no_new_privileges: false\n"])
def test_a_profile_is_the_whole_filter(product: Product, more: str) -> None:
    """What it does not refuse is open, also what the default filter refuses."""
    directory = own(
        product, "SCMP_ACT_ALLOW", {"names": ["symlinkat", "symlink"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}
    )  # fmt: skip
    script = f"ln -s a /tmp/b 2>&1; {NESTED}"
    spec = f"version: 1\nsystem: host\n{more}seccomp: own.json\ninit: [sh, -c, '{script}']\n"
    out = good(up(product, directory, spec))
    assert "Operation not supported\nnested\n1\n" in out


def test_a_profile_that_kills(product: Product) -> None:
    directory = own(
        product, "SCMP_ACT_ALLOW", {"names": ["getpid"], "action": "SCMP_ACT_KILL_PROCESS"}
    )
    code = "import os; print(os.getppid(), flush=True); os.getpid(); print(2)"
    spec = f'version: 1\nsystem: host\nseccomp: own.json\ninit: [/usr/bin/python3, -c, "{code}"]\n'
    done = up(product, directory, spec)
    assert (done.returncode, done.stdout) == (128 + 31, "0\n")  # SIGSYS


def test_a_profile_without_execve_is_refused_before_anything_runs(product: Product) -> None:
    directory = own(product, "SCMP_ACT_ALLOW", {"names": ["execve"], "action": "SCMP_ACT_ERRNO"})
    error = refused(up(product, directory, "version: 1\nseccomp: own.json\ninit: [/bin/true]\n"))
    assert "own.json does not let execve(2) through" in error
    assert "box.yaml:2:10" in error


def test_a_profile_that_refuses_by_arguments_what_the_start_needs(product: Product) -> None:
    """No plan can tell: the step fails, and the filter is named as the cause."""
    rule = {"names": ["execve"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13,
            "args": [{"index": 1, "op": "SCMP_CMP_NE", "value": 0}]}  # fmt: skip
    directory = own(product, "SCMP_ACT_ALLOW", rule)
    spec = "version: 1\nsystem: host\nseccomp: own.json\ninit: [/bin/true]\n"
    error = refused(up(product, directory, spec), 126)
    assert "own.json" in error


PROGRAMS = {
    "bash": ("bash", "-c", "echo $((1 + 1)) | cat; (sleep 0 & wait); echo 2 > >(cat)"),
    "git": ("sh", "-c", "cd /tmp && git init -q r && cd r && git -c user.name=a -c user.email=b "
            "commit -q --allow-empty -m 2 && git gc -q && git log --format=%s"),
    "perl": ("perl", "-e", "print `echo 2`"),
    "gcc": ("sh", "-c", "cd /tmp && echo 'int puts(const char *); int main(void) { puts(\"2\"); "
            "return 0; }' > a.c && gcc a.c && ./a.out"),
    "node": ("node", "-e", "setTimeout(() => console.log(1 + 1), 1)"),
    "busybox": ("busybox", "sh", "-c", "busybox echo 2"),
    "tmux": ("sh", "-c", "tmux -L t new-session -d 'echo 2 > /tmp/o; sleep 1'; "
             "while ! test -s /tmp/o; do sleep 0.05; done; cat /tmp/o"),
    "strace": ("strace", "-f", "-o", "/tmp/t", "sh", "-c", "echo 2"),
    "gdb": ("gdb", "-q", "-batch", "-ex", "run", "-ex", "echo 2\\n", "/bin/true"),
    "java": ("sh", "-c", "java -version 2>&1; echo 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_do_not_notice(product: Product, name: str) -> None:
    found = tools.find(name)
    if found is None or not found.startswith(("/usr/", "/bin/")):
        pytest.skip(f"no {name} here")
    words = json.dumps(PROGRAMS[name])
    spec = f"version: 1\nsystem: host\nenvironment: [LC_ALL=C.UTF-8]\ninit: {words}\n"
    done = up(product, product.directory(), spec)
    assert good(done).strip().splitlines()[-1].strip() == "2"
    assert "not permitted" not in done.stderr + done.stdout
    assert "not implemented" not in done.stderr + done.stdout
