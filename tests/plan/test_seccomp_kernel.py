"""The default filter in the kernel: a child takes it on and calls; ordinary programs run under it."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests import tools
from toyspec.kernel.syscalls import X32_BIT, numbers
from toyspec.plan.seccomp.assemble import assemble
from toyspec.plan.seccomp.default import default_profile

ARCH: Final = os.uname().machine
LIBC: Final = ctypes.CDLL(None, use_errno=True)
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
WIDE: Final = 1 << 32

pytestmark = pytest.mark.skipif(
    ARCH not in ("x86_64", "aarch64"), reason="an architecture that toyspec knows"
)


class Program(ctypes.Structure):
    """struct sock_fprog, linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def confine() -> None:
    """Take the default filter on, as the plan's last steps do."""
    filter_ = assemble(default_profile(ARCH))
    data = b"".join(struct.pack("<HBBI", *instruction) for instruction in filter_)
    program = Program(len(filter_), data)
    if LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        os._exit(101)
    if LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        os._exit(102)


def confined(body: Callable[[], int]) -> int:
    """What `body` gives (0 to 100) in a child under the filter; negative: the signal."""
    child = os.fork()
    if child == 0:
        result = 103
        try:
            confine()
            result = body()
        finally:
            os._exit(result)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def call(name: str | int, *arguments: int | bytes) -> int:
    """The errno of a system call, 0 where it succeeded."""
    number = numbers(ARCH)[name] if isinstance(name, str) else name
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    ctypes.set_errno(0)
    return ctypes.get_errno() if LIBC.syscall(ctypes.c_long(number), *wide) == -1 else 0


NEWUSER, NEWNS, SIGCHLD = 0x10000000, 0x20000, 17
REFUSED: Final = [
    ("unshare", (NEWUSER,), errno.EPERM),
    ("unshare", (NEWUSER | WIDE,), errno.EPERM),
    ("unshare", (0x80,), errno.EPERM),
    ("clone", (NEWUSER | SIGCHLD, 0, 0, 0, 0), errno.EPERM),
    ("clone3", (0, 0), errno.ENOSYS),
    ("setns", (0, 0), errno.EPERM),
    ("mount", (0, 0, 0, 0, 0), errno.EPERM),
    ("fsopen", (b"tmpfs", 0), errno.EPERM),
    ("open_tree", (-100, b"/", 1), errno.EPERM),
    ("keyctl", (0, -3, 0), errno.EPERM),
    ("bpf", (0, 0, 0), errno.EPERM),
    ("perf_event_open", (0, 0, -1, -1, 0), errno.EPERM),
    ("io_uring_setup", (1, 0), errno.EPERM),
    ("userfaultfd", (1,), errno.EPERM),
    ("init_module", (0, 0, 0), errno.EPERM),
    ("kexec_load", (0, 0, 0, 0), errno.EPERM),
    ("clock_settime", (0, 0), errno.EPERM),
    ("open_by_handle_at", (-1, 0, 0), errno.EPERM),
    ("personality", (0x0400000,), errno.EPERM),
    ("socket", (socket.AF_VSOCK, 1, 0), errno.EAFNOSUPPORT),
    ("socket", (socket.AF_ALG | WIDE, 5, 0), errno.EAFNOSUPPORT),
    ("ioctl", (0, 0x5412, 0), errno.EPERM),
    ("ioctl", (0, 0x5412 | WIDE, 0), errno.EPERM),
    ("lookup_dcookie", (0, 0, 0), errno.ENOSYS),
    (1000, (), errno.ENOSYS),
]


@pytest.mark.parametrize(("name", "arguments", "wanted"), REFUSED)
def test_refused(name: str | int, arguments: tuple[int | bytes, ...], wanted: int) -> None:
    if isinstance(name, str) and name not in numbers(ARCH):
        pytest.skip(f"{ARCH} has no {name}")
    assert confined(lambda: call(name, *arguments)) == wanted


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("unshare", (0x200,), 0),
        ("personality", (0xFFFFFFFF,), 0),
        ("personality", (0x0040000,), 0),
        ("socket", (socket.AF_UNIX, 1, 0), 0),
        ("socket", (socket.AF_INET | WIDE, 1, 0), 0),
        ("getpid", (), 0),
        ("ioctl", (-1, 0x5401, 0), errno.EBADF),
        ("ioctl", (-1, 0x5401 | WIDE, 0), errno.EBADF),
        ("process_vm_readv", (-1, 0, 0, 0, 0, 1), errno.EINVAL),
    ],
)
def test_allowed(name: str, arguments: tuple[int, ...], wanted: int) -> None:
    assert confined(lambda: call(name, *arguments)) == wanted


def test_x32_is_not_there() -> None:
    if ARCH != "x86_64":
        pytest.skip("x86_64's")
    for number in (X32_BIT | 39, X32_BIT | 272, X32_BIT | 514):
        assert confined(lambda number=number: call(number, NEWUSER)) == errno.ENOSYS  # type: ignore[misc]


def test_a_filter_may_be_taken_on_twice_and_threads_start() -> None:
    def body() -> int:
        confine()
        seen: list[int] = []
        thread = threading.Thread(target=seen.append, args=(1,))
        thread.start()
        thread.join()
        return 0 if seen == [1] else 1

    assert confined(body) == 0


def run(*command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """A program under the filter."""
    return subprocess.run(
        command,
        cwd=directory,
        preexec_fn=confine,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"PATH": os.defpath + ":/usr/local/bin", "HOME": str(directory), "LC_ALL": "C"},
    )


PYTHON: Final = """
import asyncio, concurrent.futures, multiprocessing, os, socket, subprocess, tempfile
async def main():
    process = await asyncio.create_subprocess_exec("true")
    assert await process.wait() == 0
    a, b = socket.socketpair()
    a.send(b"x")
    assert b.recv(1) == b"x"
asyncio.run(main())
with concurrent.futures.ProcessPoolExecutor(2) as pool:
    assert list(pool.map(abs, [-1, -2])) == [1, 2]
with tempfile.NamedTemporaryFile() as file:
    os.copy_file_range(os.open("/etc/passwd", 0), file.fileno(), 10)
socket.create_server(("127.0.0.1", 0)).close()
print("done")
"""


def test_python(tmp_path: Path) -> None:
    done = run(sys.executable, "-c", PYTHON, directory=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_a_compiler(tmp_path: Path) -> None:
    gcc = tools.need("gcc", "cc")
    (tmp_path / "hello.c").write_text('#include <stdio.h>\nint main(void) { puts("hello"); }\n')
    assert run(gcc, "-o", "hello", "hello.c", directory=tmp_path).returncode == 0
    assert run(str(tmp_path / "hello"), directory=tmp_path).stdout == "hello\n"


def test_git(tmp_path: Path) -> None:
    git = tools.need("git")
    for command in (
        ("init", "-q"), ("config", "user.name", "n"), ("config", "user.email", "e"),
        ("commit", "-q", "--allow-empty", "-m", "first"), ("gc", "-q"),
    ):  # fmt: skip
        done = run(git, *command, directory=tmp_path)
        assert done.returncode == 0, done.stderr
    assert run(git, "log", "--format=%s", directory=tmp_path).stdout == "first\n"


def test_a_tracer_of_its_own_children(tmp_path: Path) -> None:
    strace = tools.need("strace")
    done = run(strace, "-f", "-o", "trace", "-e", "trace=openat", "true", directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "openat" in (tmp_path / "trace").read_text()


def test_a_tracer_that_skips_a_call(tmp_path: Path) -> None:
    """It writes -1 over the number, which the filter then sees: no reason to kill."""
    strace = tools.need("strace")
    injected = ("-o", "trace", "-e", "inject=getppid:error=EIO")
    code = "import os; print(os.getppid())"
    done = run(strace, *injected, sys.executable, "-c", code, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "(INJECTED)" in (tmp_path / "trace").read_text()


@pytest.mark.parametrize(
    ("program", "arguments", "shown"),
    [
        ("node", ("-e", "setTimeout(() => console.log(1 + 1), 1)"), "2"),
        ("perl", ("-e", "print 1 + 1"), "2"),
        ("java", ("-version",), ""),
        ("gdb", ("-batch", "-ex", "run", "/bin/true"), "exited normally"),
    ],
)
def test_other_programs(
    program: str, arguments: tuple[str, ...], shown: str, tmp_path: Path
) -> None:
    found = tools.find(program)
    if found is None:
        pytest.skip(f"no {program} here")
    done = run(found, *arguments, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
    assert "not permitted" not in done.stderr


I386: Final = r"""
static int call(int number, long a, long b, long c)
{
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}
static long arguments[3] = {1, 1, 0};
static char shown[8];
static void show(int result)
{
    int at = 7;
    unsigned value = result < 0 ? -result : 0;
    shown[at] = '\n';
    do shown[--at] = '0' + value % 10; while (value /= 10);
    call(4, 1, (long)shown + at, 8 - at);
}
void _start(void)
{
    show(call(20, 0, 0, 0));                   /* getpid */
    show(call(310, 0x10000000, 0, 0));         /* unshare(CLONE_NEWUSER) */
    show(call(54, 0, 0x5412, 0));              /* ioctl(TIOCSTI) */
    show(call(102, 1, (long)arguments, 0));    /* socketcall(SYS_SOCKET, AF_UNIX) */
    show(call(359, 1, 1, 0));                  /* socket(AF_UNIX) */
    show(call(359, 38, 5, 0));                 /* socket(AF_ALG) */
    show(call(21, 0, 0, 0));                   /* mount */
    show(call(435, 0, 0, 0));                  /* clone3 */
    show(call(999, 0, 0, 0));
    call(1, 0, 0, 0);
}
"""


def test_32_bit_calls_are_judged_by_their_own_numbers(tmp_path: Path) -> None:
    """From a 32-bit program, as from any that says int $0x80."""
    if ARCH != "x86_64":
        pytest.skip("x86_64's")
    gcc = tools.need("gcc", "cc")
    (tmp_path / "calls.c").write_text(I386)
    flags = ("-m32", "-static", "-nostdlib", "-fno-pie", "-no-pie", "-fno-stack-protector")
    made = subprocess.run(
        [gcc, *flags, "-o", "calls", "calls.c"], cwd=tmp_path, capture_output=True, check=False
    )
    if made.returncode != 0:
        tools.lack("this gcc does not make 32-bit programs")
    try:
        free = subprocess.run([tmp_path / "calls"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        tools.lack("this kernel does not run 32-bit programs")
        return
    assert free.stdout.splitlines()[0] == "0"
    done = run(str(tmp_path / "calls"), directory=tmp_path)
    assert [int(line) for line in done.stdout.splitlines()] == [
        0, errno.EPERM, errno.EPERM, errno.EAFNOSUPPORT, 0, errno.EAFNOSUPPORT, errno.EPERM,
        errno.ENOSYS, errno.ENOSYS,
    ]  # fmt: skip
