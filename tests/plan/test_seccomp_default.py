"""The default filter: every call in one group, the table of what is refused, and what it costs."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.plan import bpf
from toyspec.kernel.flags import CAPABILITIES
from toyspec.kernel.syscalls import ARCHITECTURES, LAST, X32_BIT, names, numbers
from toyspec.plan.seccomp import ready
from toyspec.plan.seccomp.assemble import assemble
from toyspec.plan.seccomp.default import GROUPS, default_profile
from toyspec.plan.seccomp.make_ready import module
from toyspec.spec.seccomp.rules import ALLOW, KILL_PROCESS, Action, errno

EPERM, ENOSYS = errno("EPERM"), errno("ENOSYS")
EAFNOSUPPORT = errno("EAFNOSUPPORT")
JUDGED: Final = {"x86_64": ("x86_64", "i386"), "aarch64": ("aarch64", "arm")}
FILTERS: Final = {host: assemble(default_profile(host)) for host in JUDGED}
WIDE: Final = 1 << 32


def verdict(arch: str, call: str | int, *arguments: int, held: tuple[str, ...] = ()) -> int:
    host = "x86_64" if arch in ("x86_64", "i386", "x32") else "aarch64"
    filter_ = assemble(default_profile(host, held)) if held else FILTERS[host]
    number = numbers(arch)[call] if isinstance(call, str) else call
    return bpf.run(filter_, bpf.Call(bpf.AUDIT[arch], number, arguments))


def test_every_call_stands_in_one_group() -> None:
    grouped = Counter(name for group in GROUPS for name in group.calls.split())
    every = {name for arch in ARCHITECTURES for name in names(arch).values()}
    assert grouped.keys() == every - {"socketcall", "ipc"}
    assert set(grouped.values()) == {1}


def test_every_group_says_why() -> None:
    assert len({group.title for group in GROUPS}) == len(GROUPS)
    for group in GROUPS:
        assert len(group.reason) > 5
        assert set(group.capabilities) <= set(CAPABILITIES)
        assert not group.capabilities or group.action != ALLOW


REFUSED: Final = """
setns mount umount2 pivot_root fsopen fsconfig fsmount fspick open_tree open_tree_attr move_mount
mount_setattr chroot sethostname setdomainname open_by_handle_at fanotify_init add_key keyctl
request_key bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register syslog
lsm_set_self_attr init_module finit_module delete_module kexec_load kexec_file_load reboot
settimeofday clock_settime clock_settime64 stime swapon swapoff quotactl quotactl_fd acct ioperm iopl
vhangup migrate_pages move_pages vm86 vm86old umount pciconfig_read
"""
ALLOWED: Final = """
read write openat openat2 open close stat newfstatat statx mmap mmap2 brk mprotect clone fork vfork
execve execveat wait4 exit_group futex futex_time64 rt_sigaction rt_sigreturn sigreturn ioctl fcntl
fcntl64 connect bind sendmsg recvmsg epoll_wait epoll_pwait poll ppoll select pipe2 dup3 eventfd2
signalfd4 timerfd_create inotify_add_watch ptrace process_vm_readv kcmp seccomp
landlock_restrict_self prctl arch_prctl set_thread_area rseq membarrier getrandom memfd_create sched_setaffinity
setpriority prlimit64 shmget semop msgsnd mq_open capset setresuid chown mknodat rename renameat2
copy_file_range io_submit clock_gettime clock_gettime64 adjtimex clock_nanosleep
clock_nanosleep_time64 set_tls cacheflush uretprobe uprobe pidfd_open close_range faccessat2
name_to_handle_at mbind nice waitpid setsid
"""
"""What a confine phase, compilers, interpreters, git, debuggers and databases call."""


@pytest.mark.parametrize("arch", ["x86_64", "i386", "aarch64", "arm"])
def test_refused_and_allowed(arch: str) -> None:
    for name in REFUSED.split():
        if name in numbers(arch):
            assert verdict(arch, name) == EPERM.value, name
    for name in ALLOWED.split():
        if name in numbers(arch):
            assert verdict(arch, name) == ALLOW.value, name


def test_every_allowed_and_refused_name_is_a_call() -> None:
    every = {name for arch in ARCHITECTURES for name in numbers(arch)}
    assert {*REFUSED.split(), *ALLOWED.split()} <= every


@pytest.mark.parametrize("arch", ["x86_64", "i386", "aarch64", "arm"])
@pytest.mark.parametrize(
    ("call", "arguments", "action"),
    [
        ("clone", (0x01200011,), ALLOW),  # fork
        ("clone", (0x003D0F00,), ALLOW),  # a thread
        ("clone", (0x80 | 17,), ALLOW),  # the signal's bits are no namespace
        *((("clone", (bit | 17,), EPERM)) for bit in (1 << 17, *(1 << n for n in range(25, 31)))),
        ("unshare", (0,), ALLOW),
        ("unshare", (0x400 | 0x200 | 0x40000,), ALLOW),
        *(
            (("unshare", (bit,), EPERM))
            for bit in (0x80, 1 << 17, *(1 << n for n in range(25, 31)))
        ),
        ("clone3", (0, 0), ENOSYS),
        ("ioctl", (0, 0x5401), ALLOW),
        ("ioctl", (0, 0x5412), EPERM),
        ("ioctl", (0, 0x541C), EPERM),
        ("socket", (1,), ALLOW),
        ("socket", (2,), ALLOW),
        ("socket", (10,), ALLOW),
        ("socket", (16,), ALLOW),
        ("socket", (38,), EAFNOSUPPORT),
        ("socket", (40,), EAFNOSUPPORT),
        ("socket", (30,), EAFNOSUPPORT),
        ("socketpair", (1,), ALLOW),
        ("socketpair", (30,), EAFNOSUPPORT),
        ("personality", (0xFFFFFFFF,), ALLOW),
        ("personality", (0,), ALLOW),
        ("personality", (8,), ALLOW),
        ("personality", (0x0040000,), ALLOW),
        ("personality", (0x0040000 | 0x20000 | 8,), ALLOW),
        ("personality", (0x0400000,), EPERM),  # READ_IMPLIES_EXEC
        ("personality", (0x0100000,), EPERM),  # MMAP_PAGE_ZERO
        ("personality", (6,), EPERM),
        ("listns", (), ENOSYS),
        ("lookup_dcookie", (), ENOSYS),
        ("nfsservctl", (), ENOSYS),
    ],
)
def test_by_arguments(arch: str, call: str, arguments: tuple[int, ...], action: Action) -> None:
    if call not in numbers(arch):
        pytest.skip(f"{arch} has no {call}")
    assert verdict(arch, call, *arguments) == action.value
    if arch in ("x86_64", "aarch64"):  # an int to the kernel, whatever its upper half
        wide = tuple(argument | WIDE for argument in arguments)
        assert verdict(arch, call, *wide) == action.value


def test_i386_gets_no_new_sockets_through_socketcall() -> None:
    assert verdict("i386", "socketcall", 1) == EAFNOSUPPORT.value  # SYS_SOCKET
    assert verdict("i386", "socketcall", 8) == EAFNOSUPPORT.value  # SYS_SOCKETPAIR
    for code in (*range(2, 8), *range(9, 21)):
        assert verdict("i386", "socketcall", code) == ALLOW.value
    for code in (0, 21, 1000):
        assert verdict("i386", "socketcall", code) == ENOSYS.value
    for code in (1, 4, 11, 14, 21, 24, 1 << 16 | 21):
        assert verdict("i386", "ipc", code) == ALLOW.value


@pytest.mark.parametrize("arch", ["x86_64", "i386", "aarch64", "arm"])
def test_new_calls_are_not_there_yet(arch: str) -> None:
    for number in (LAST + 1, 600, 1023, 0x10000, 0x3FFFFFFF, 0xFFFFFFFF):
        assert verdict(arch, number) == ENOSYS.value


def test_x32_is_not_there() -> None:
    for number in (*numbers("x32").values(), X32_BIT | 16, 0x7FFFFFFF, 0x80000000):
        assert verdict("x32", number, 0x7E020000, 0x5412) == ENOSYS.value


@pytest.mark.parametrize("host", JUDGED)
def test_other_architectures_are_killed(host: str) -> None:
    for audit in {*bpf.AUDIT.values(), 0, 0xC00000F3} - {bpf.AUDIT[arch] for arch in JUDGED[host]}:
        assert bpf.run(FILTERS[host], bpf.Call(audit, 0)) == KILL_PROCESS.value


@pytest.mark.parametrize(
    ("capability", "call", "arguments"),
    [
        ("CAP_SYS_ADMIN", "mount", ()),
        ("CAP_SYS_ADMIN", "clone", (0x10000000,)),
        ("CAP_SYS_ADMIN", "unshare", (0x10000000,)),
        ("CAP_SYS_ADMIN", "clone3", ()),
        ("CAP_SYS_CHROOT", "chroot", ()),
        ("CAP_SYS_BOOT", "reboot", ()),
        ("CAP_BPF", "bpf", ()),
        ("CAP_PERFMON", "perf_event_open", ()),
        ("CAP_DAC_READ_SEARCH", "open_by_handle_at", ()),
    ],
)
def test_a_capability_opens_what_it_is_for(
    capability: str, call: str, arguments: tuple[int, ...]
) -> None:
    for arch in JUDGED["x86_64"]:
        assert verdict(arch, call, *arguments, held=(capability,)) == ALLOW.value
        other = "CAP_NET_RAW"
        assert verdict(arch, call, *arguments, held=(other,)) != ALLOW.value


def test_no_capability_opens_these() -> None:
    every = tuple(CAPABILITIES)
    for name in ("keyctl", "add_key", "io_uring_setup", "userfaultfd", "kexec_load", "vm86"):
        assert verdict("i386", name, held=every) == EPERM.value
    assert verdict("x86_64", "ioctl", 0, 0x5412, held=every) == EPERM.value
    assert verdict("x86_64", "socket", 38, held=every) == EAFNOSUPPORT.value


@pytest.mark.parametrize("host", JUDGED)
def test_the_kernel_takes_it_and_a_common_call_costs_little(host: str) -> None:
    filter_ = FILTERS[host]
    bpf.check(filter_)
    assert len(filter_) < 400
    for name in ("read", "write", "openat", "mmap", "futex", "close", "epoll_pwait", "getpid"):
        call = bpf.Call(bpf.AUDIT[host], numbers(host)[name])
        assert bpf.trace(filter_, call)[1] <= 12, name
    for arch in JUDGED[host]:
        worst = max(
            bpf.trace(filter_, bpf.Call(bpf.AUDIT[arch], number))[1]
            for number in range(LAST + 2)
            if names(arch).get(number) not in ("ipc", "socketcall")
        )
        assert worst <= 20


@pytest.mark.parametrize("host", JUDGED)
def test_what_is_always_allowed_needs_no_argument(host: str) -> None:
    """So the kernel need not run the filter: seccomp_is_const_allow, kernel/seccomp.c."""
    filter_ = FILTERS[host]
    for name in ("read", "openat", "mmap", "execve", "futex", "exit_group"):
        at = 0
        loads = set()
        data = bpf.Call(bpf.AUDIT[host], numbers(host)[name]).data()
        a = 0
        while filter_[at][0] != bpf.RET:
            code, yes, no, k = filter_[at]
            at += 1
            if code == bpf.LD:
                loads.add(k)
                a = data[k // 4]
            elif code == bpf.JA:
                at += k
            else:
                holds = {bpf.JEQ: a == k, bpf.JGE: a >= k, bpf.JGT: a > k, bpf.JSET: bool(a & k)}
                at += yes if holds[code] else no
        assert loads == {0, 4}


def test_the_same_filter_every_time_and_in_no_time() -> None:
    assemble(default_profile("x86_64"))  # the tables are read once
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        filter_ = assemble(default_profile("x86_64"))
        times.append(time.perf_counter() - begin)
        assert filter_ == FILTERS["x86_64"]
    assert min(times) < 0.010
    assert assemble(default_profile("x86_64", ("CAP_BPF", "CAP_SYS_BOOT"))) == assemble(
        default_profile("x86_64", ("CAP_SYS_BOOT", "CAP_BPF"))
    )


def test_the_one_that_was_made_beforehand_is_today_s() -> None:
    assert FILTERS == ready.FILTERS, "python -m toyspec.plan.seccomp.make_ready > …/ready.py"
    text = Path(ready.__file__).read_text(encoding="utf-8")
    assert text == module(), "python -m toyspec.plan.seccomp.make_ready > …/ready.py"
