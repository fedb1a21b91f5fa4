"""The default filter: what a box may ask of the kernel, in groups, each with its reason.

A list of what is allowed, as docker's is: a call that stands nowhere here is answered as by a kernel
that does not have it (ENOSYS), and programs go on without. What is here and refused gets EPERM, but
where its reason names something else. Every call of `kernel.syscalls` stands in exactly one place (a
test holds that), but socketcall and ipc: they lead to others and are answered as those are.

Where a box was given a capability, what the kernel asks it for is opened, as docker does: the spec
has said so already, where a reviewer sees it.

Sources: docker's default profile (github.com/moby/profiles), systemd's groups of calls
(systemd.exec(5), SystemCallFilter=), and CVEs where they are named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toyspec.kernel.flags import flags
from toyspec.kernel.syscalls import COMPATIBLE
from toyspec.plan.seccomp.profile import Profile, Rule
from toyspec.spec.seccomp.rules import ALLOW, Action, Comparison, errno
from toyspec.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection

EPERM: Final = errno("EPERM")
ENOSYS: Final = errno("ENOSYS")


@dataclass(frozen=True, slots=True)
class Group:
    """Calls that share a verdict, and why.

    Where one of `capabilities` is held the whole group is allowed. `when` are cases, each with its
    own verdict, of calls that `action` is for otherwise.
    """

    title: str
    reason: str
    action: Action
    calls: str
    when: tuple[tuple[Comparison, Action], ...] = ()
    capabilities: tuple[str, ...] = ()


def _low(index: int, value: int, mask: int = 0xFFFFFFFF) -> Comparison:
    """What an int argument is compared with: the kernel does not look at its upper half."""
    return Comparison(index, "&==", value, mask)


_NAMESPACES: Final = sum(
    value for name, value in flags("unshare", "x86_64").items() if name.startswith("CLONE_NEW")
)
_NEWTIME: Final = 0x80
"""CLONE_NEWTIME: unshare's only, since clone(2) has its signal there."""

_KNOWN: Final = {**flags("address_family", "x86_64"), "AF_PACKET": 17}
_FAMILIES: Final = tuple(
    _KNOWN[name] for name in ("AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET")
)
_PUSHES: Final = tuple(flags("ioctl", "x86_64")[name] for name in ("TIOCSTI", "TIOCLINUX"))
_PERSONALITY: Final = {
    "PER_LINUX32": 0x8, "UNAME26": 0x20000, "ADDR_NO_RANDOMIZE": 0x40000,
    "ADDR_COMPAT_LAYOUT": 0x200000,
}  # fmt: skip
"""linux/personality.h"""

GROUPS: Final = (
    Group("files", "permissions, read-only mounts and Landlock judge these", ALLOW, """
        access chdir chmod chown chown32 close_range creat faccessat faccessat2 fchdir fchmod
        fchmodat fchmodat2 fchown fchown32 fchownat file_getattr file_setattr fgetxattr flistxattr
        fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 futimesat getcwd getdents
        getdents64 getxattr getxattrat lchown lchown32 lgetxattr link linkat listmount listxattr
        listxattrat llistxattr lremovexattr lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat
        name_to_handle_at newfstatat open openat openat2 readdir readlink readlinkat removexattr
        removexattrat rename renameat renameat2 rmdir setxattr setxattrat stat stat64 statfs
        statfs64 statmount statx symlink symlinkat truncate truncate64 umask unlink unlinkat utime
        utimensat utimensat_time64 utimes
    """),
    Group("descriptors", "what is open already, and waiting for it", ALLOW, """
        _llseek _newselect cachestat close copy_file_range dup dup2 dup3 epoll_create epoll_create1
        epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 fadvise64 fadvise64_64
        arm_fadvise64_64 fallocate fanotify_mark fcntl fcntl64 fdatasync flock fsync ftruncate
        ftruncate64 inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel
        io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit lseek
        memfd_create pipe pipe2 poll ppoll ppoll_time64 pread64 preadv preadv2 pselect6
        pselect6_time64 pwrite64 pwritev pwritev2 read readahead readv select sendfile sendfile64
        signalfd signalfd4 splice sync sync_file_range arm_sync_file_range syncfs tee
        timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 vmsplice
        write writev
    """),
    Group("memory", "a process's own; what it costs is for the limits to say", ALLOW, """
        brk get_mempolicy madvise map_shadow_stack mbind membarrier memfd_secret mincore mlock
        mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap
        pkey_alloc pkey_free pkey_mprotect remap_file_pages set_mempolicy set_mempolicy_home_node
    """),
    Group("processes", "the box has its own pid namespace: it sees no others", ALLOW, """
        execve execveat exit exit_group fork get_robust_list getcpu getpgid getpgrp getpid
        getppid getsid gettid ioprio_get ioprio_set kill nice pidfd_open pidfd_send_signal prctl
        prlimit64 process_mrelease restart_syscall rseq rseq_slice_yield set_robust_list
        set_tid_address setpgid setsid tgkill tkill vfork wait4 waitid waitpid
        futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake
        getpriority getrlimit getrusage setpriority setrlimit sysinfo times ugetrlimit uname
        sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
        sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
        sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
    """),
    Group("signals", "to the box's own processes", ALLOW, """
        pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
        rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sgetmask sigaction sigaltstack
        signal sigpending sigprocmask sigreturn sigsuspend ssetmask
    """),
    Group("identity", "ids of the box's own user namespace; capabilities only ever go", ALLOW, """
        capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32
        getresgid getresgid32 getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid
        setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32
        setresuid setresuid32 setreuid setreuid32 setuid setuid32
    """),
    Group("sockets and ipc", "the network and ipc namespaces say what they reach", ALLOW, """
        accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom
        recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown
        mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
        mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop
        semtimedop_time64 shmat shmctl shmdt shmget
    """),
    Group("time", "read and waited for; adjtimex sets nothing without CAP_SYS_TIME", ALLOW, """
        adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
        clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep
        setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64
        timer_settime timer_settime64
    """),
    Group("giving up more", "a process may confine itself further", ALLOW, """
        landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp
    """),
    Group("debugging", "of processes in the box that the caller may trace; since Linux 4.8 a tracer"
          " cannot change a call after its filter, and the others reach no farther", ALLOW, """
        kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace
    """),
    Group("the processor's own", "thread-local storage, segments, caches; uprobes call the last two"
          " in the traced program's name", ALLOW, """
        arch_prctl get_thread_area modify_ldt set_thread_area breakpoint cacheflush get_tls set_tls
        usr26 usr32 uprobe uretprobe
    """),
    Group("entropy", "random bytes", ALLOW, "getrandom"),

    Group("namespaces", "a new user namespace opens most of the kernel to an ordinary user"
          " (CVE-2022-0185, CVE-2023-32233); threads and forks go through", EPERM,
          "clone", when=((_low(0, 0, _NAMESPACES & ~_NEWTIME), ALLOW),),
          capabilities=("CAP_SYS_ADMIN",)),
    Group("namespaces of the caller", "likewise", EPERM,
          "unshare", when=((_low(0, 0, _NAMESPACES), ALLOW),), capabilities=("CAP_SYS_ADMIN",)),
    Group("other namespaces", "a box stays in its own", EPERM,
          "setns", capabilities=("CAP_SYS_ADMIN",)),
    Group("clone3", "its flags lie in memory, where no filter sees them; ENOSYS makes the C library"
          " take clone", ENOSYS, "clone3", capabilities=("CAP_SYS_ADMIN",)),
    Group("list of namespaces", "of no use to ordinary work yet", ENOSYS,
          "listns", capabilities=("CAP_SYS_ADMIN",)),
    Group("mounts", "the box's mounts are what the plan says", EPERM, """
        mount umount umount2 pivot_root fsconfig fsmount fsopen fspick mount_setattr move_mount
        open_tree open_tree_attr
    """, capabilities=("CAP_SYS_ADMIN",)),
    Group("chroot", "without a way back it confines, with one it frees", EPERM,
          "chroot", capabilities=("CAP_SYS_CHROOT",)),
    Group("names of the machine", "the plan sets them", EPERM,
          "sethostname setdomainname", capabilities=("CAP_SYS_ADMIN",)),
    Group("file handles", "a handle opens a file past every directory above it"
          " (the escape named shocker)", EPERM,
          "open_by_handle_at", capabilities=("CAP_DAC_READ_SEARCH",)),
    Group("fanotify", "sees and stops what others open", EPERM,
          "fanotify_init", capabilities=("CAP_SYS_ADMIN",)),
    Group("keyrings", "belong to no namespace: a box would share the caller's"
          " (CVE-2016-0728)", EPERM, "add_key keyctl request_key"),
    Group("bpf", "programs for the kernel to run (CVE-2021-3490)", EPERM,
          "bpf", capabilities=("CAP_SYS_ADMIN", "CAP_BPF")),
    Group("performance counters", "see other processes and the kernel (CVE-2013-2094)", EPERM,
          "perf_event_open", capabilities=("CAP_SYS_ADMIN", "CAP_PERFMON")),
    Group("page faults", "whoever holds the kernel at one wins its races", EPERM,
          "userfaultfd"),
    Group("io_uring", "does what other calls do where no filter sees it, and has a long list of"
          " faults; EPERM as with kernel.io_uring_disabled", EPERM,
          "io_uring_enter io_uring_register io_uring_setup"),
    Group("kernel log", "holds addresses and other users' doings", EPERM,
          "syslog", capabilities=("CAP_SYS_ADMIN", "CAP_SYSLOG")),
    Group("security modules", "say what confines the box, and set it", EPERM, """
        lsm_get_self_attr lsm_list_modules lsm_set_self_attr
    """, capabilities=("CAP_SYS_ADMIN",)),
    Group("kernel modules", "code for the host's kernel", EPERM,
          "delete_module finit_module init_module", capabilities=("CAP_SYS_MODULE",)),
    Group("another kernel", "in this one's place", EPERM, "kexec_file_load kexec_load"),
    Group("reboot", "with its capability it ends the box, and only that", EPERM,
          "reboot", capabilities=("CAP_SYS_BOOT",)),
    Group("the clock", "is everybody's", EPERM,
          "clock_settime clock_settime64 settimeofday stime", capabilities=("CAP_SYS_TIME",)),
    Group("swap and quotas", "are the host's", EPERM,
          "quotactl quotactl_fd swapoff swapon", capabilities=("CAP_SYS_ADMIN",)),
    Group("accounting", "writes to a file of its choice for every process that ends", EPERM,
          "acct", capabilities=("CAP_SYS_PACCT",)),
    Group("ports", "of the hardware", EPERM,
          "ioperm iopl pciconfig_iobase pciconfig_read pciconfig_write",
          capabilities=("CAP_SYS_RAWIO",)),
    Group("virtual 8086", "an odd corner of the processor, for DOS", EPERM, "vm86 vm86old"),
    Group("terminals' hangup", "takes the terminal from others", EPERM,
          "vhangup", capabilities=("CAP_SYS_TTY_CONFIG",)),
    Group("pages of others", "moved between memory nodes", EPERM,
          "migrate_pages move_pages", capabilities=("CAP_SYS_NICE",)),
    Group("terminal input", "text pushed into the terminal runs in the caller's shell"
          " (CVE-2017-5226); the kernel looks at 32 bits (CVE-2019-10063)", ALLOW,
          "ioctl", when=tuple((_low(1, value), EPERM) for value in _PUSHES)),
    Group("families of sockets", "local, IP, netlink and packets; the others load modules that few"
          " have read (CVE-2017-6074, CVE-2021-43267), AF_ALG is the kernel's ciphers"
          " (https://copy.fail), AF_VSOCK belongs to no namespace. As from a kernel without them."
          " i386 programs whose C library goes through socketcall get no new sockets: a filter"
          " cannot see which family they ask for", errno("EAFNOSUPPORT"),
          "socket socketpair", when=tuple((_low(0, value), ALLOW) for value in _FAMILIES)),
    Group("personality", "asked for, 32-bit and old names, and without address randomisation for"
          " debuggers and sanitizers; READ_IMPLIES_EXEC and other systems' habits are not", EPERM,
          "personality", when=(
              (_low(0, 0, 0xFFFFFFFF & ~sum(_PERSONALITY.values())), ALLOW),
              (_low(0, 0xFFFFFFFF), ALLOW),
          )),
    Group("gone", "no kernel of today has them, or nothing uses them", ENOSYS, """
        _sysctl afs_syscall bdflush break create_module epoll_ctl_old epoll_wait_old ftime
        get_kernel_syms getpmsg gtty idle lock lookup_dcookie mpx nfsservctl oldfstat oldlstat
        oldolduname oldstat olduname prof profil putpmsg query_module security stty sysfs tuxcall
        ulimit uselib ustat vserver
    """),
)  # fmt: skip


def default_profile(arch: str, capabilities: Collection[str] = ()) -> Profile:
    """The default for `arch` and the 32-bit programs that it runs; KeyError where it is unknown.

    `capabilities` are those of the box, by name: what they open is open. x32's calls are answered
    as by a kernel that was built without x32, which most are.
    """
    judged = tuple(name for name in (arch, *COMPATIBLE[arch]) if name != "x32")
    rules: list[Rule] = []
    otherwise: list[tuple[str, Action]] = []
    for group in GROUPS:
        names = tuple(group.calls.split())
        if not set(group.capabilities).isdisjoint(capabilities):
            rules.append(Rule(names, ALLOW, (), judged))
        elif group.when:
            rules += [Rule(names, action, (case,), judged) for case, action in group.when]
            otherwise += [(name, group.action) for name in names]
        else:
            rules.append(Rule(names, group.action, (), judged))
    return Profile((arch, *COMPATIBLE[arch]), ENOSYS, tuple(rules), tuple(otherwise))
