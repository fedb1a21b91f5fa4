"""Every system call's number, on each architecture that a kernel of ours may run programs of.

Linux 7.1's tables: arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl, arch/arm/tools/
syscall.tbl, arch/arm64/kernel (the generic scripts/syscall.tbl). A table is text, since a text
costs nothing until it is asked for: numbers ascend from each number that stands in it.

x32 is no architecture of its own to seccomp: its calls come as x86_64's with bit 30 set. Most have
x86_64's number below that bit; those whose structures differ have numbers from 512 on, and the
ones that they replace do not exist there.
"""

from __future__ import annotations

from functools import cache
from typing import Final

ARCHITECTURES: Final = ("x86_64", "i386", "x32", "aarch64", "arm")

COMPATIBLE: Final[dict[str, tuple[str, ...]]] = {
    "x86_64": ("i386", "x32"), "aarch64": ("arm",), "i386": (), "x32": (), "arm": (),
}  # fmt: skip
"""Whose programs the kernel of an architecture runs beside its own."""

X32_BIT: Final = 0x40000000
"""__X32_SYSCALL_BIT, asm/unistd.h."""

LAST: Final = 471
"""The newest call's number, the same on every architecture since Linux 5.1 (424)."""

_X86_64: Final = """
0 read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction
14 rt_sigprocmask rt_sigreturn ioctl pread64 pwrite64 readv writev access pipe select
24 sched_yield mremap msync mincore madvise shmget shmat shmctl dup dup2 pause nanosleep
36 getitimer alarm setitimer getpid sendfile socket connect accept sendto recvfrom sendmsg
47 recvmsg shutdown bind listen getsockname getpeername socketpair setsockopt getsockopt clone
57 fork vfork execve exit wait4 kill uname semget semop semctl shmdt msgget msgsnd msgrcv msgctl
72 fcntl flock fsync fdatasync truncate ftruncate getdents getcwd chdir fchdir rename mkdir
84 rmdir creat link unlink symlink readlink chmod fchmod chown fchown lchown umask gettimeofday
97 getrlimit getrusage sysinfo times ptrace getuid syslog getgid setuid setgid geteuid getegid
109 setpgid getppid getpgrp setsid setreuid setregid getgroups setgroups setresuid getresuid
119 setresgid getresgid getpgid setfsuid setfsgid getsid capget capset rt_sigpending
128 rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend sigaltstack utime mknod uselib personality
136 ustat statfs fstatfs sysfs getpriority setpriority sched_setparam sched_getparam
144 sched_setscheduler sched_getscheduler sched_get_priority_max sched_get_priority_min
148 sched_rr_get_interval mlock munlock mlockall munlockall vhangup modify_ldt pivot_root
156 _sysctl prctl arch_prctl adjtimex setrlimit chroot sync acct settimeofday mount umount2
167 swapon swapoff reboot sethostname setdomainname iopl ioperm create_module init_module
176 delete_module get_kernel_syms query_module quotactl nfsservctl getpmsg putpmsg afs_syscall
184 tuxcall security gettid readahead setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr
194 listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr tkill time futex
203 sched_setaffinity sched_getaffinity set_thread_area io_setup io_destroy io_getevents
209 io_submit io_cancel get_thread_area lookup_dcookie epoll_create epoll_ctl_old epoll_wait_old
216 remap_file_pages getdents64 set_tid_address restart_syscall semtimedop fadvise64
222 timer_create timer_settime timer_gettime timer_getoverrun timer_delete clock_settime
228 clock_gettime clock_getres clock_nanosleep exit_group epoll_wait epoll_ctl tgkill utimes
236 vserver mbind set_mempolicy get_mempolicy mq_open mq_unlink mq_timedsend mq_timedreceive
244 mq_notify mq_getsetattr kexec_load waitid add_key request_key keyctl ioprio_set ioprio_get
253 inotify_init inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat mknodat
260 fchownat futimesat newfstatat unlinkat renameat linkat symlinkat readlinkat fchmodat
269 faccessat pselect6 ppoll unshare set_robust_list get_robust_list splice tee sync_file_range
278 vmsplice move_pages utimensat epoll_pwait signalfd timerfd_create eventfd fallocate
286 timerfd_settime timerfd_gettime accept4 signalfd4 eventfd2 epoll_create1 dup3 pipe2
294 inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init
301 fanotify_mark prlimit64 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg
308 setns getcpu process_vm_readv process_vm_writev kcmp finit_module sched_setattr
315 sched_getattr renameat2 seccomp getrandom memfd_create kexec_file_load bpf execveat
323 userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc
331 pkey_free statx io_pgetevents rseq uretprobe uprobe 447 memfd_secret
"""

_X32_OWN: Final = """
512 rt_sigaction rt_sigreturn ioctl readv writev recvfrom sendmsg recvmsg execve ptrace
522 rt_sigpending rt_sigtimedwait rt_sigqueueinfo sigaltstack timer_create mq_notify kexec_load
529 waitid set_robust_list get_robust_list vmsplice move_pages preadv pwritev rt_tgsigqueueinfo
537 recvmmsg sendmmsg process_vm_readv process_vm_writev setsockopt getsockopt io_setup
544 io_submit execveat preadv2 pwritev2
"""
_X32_LACKS: Final = """
_sysctl create_module epoll_ctl_old epoll_wait_old get_kernel_syms get_thread_area nfsservctl
query_module set_thread_area uselib vserver
"""

_I386: Final = """
0 restart_syscall exit fork read write open close waitpid creat link unlink execve chdir time
14 mknod chmod lchown break oldstat lseek getpid mount umount setuid getuid stime ptrace alarm
28 oldfstat pause utime stty gtty access nice ftime sync kill rename mkdir rmdir dup pipe times
44 prof brk setgid getgid signal geteuid getegid acct umount2 lock ioctl fcntl mpx setpgid
58 ulimit oldolduname umask chroot ustat dup2 getppid getpgrp setsid sigaction sgetmask ssetmask
70 setreuid setregid sigsuspend sigpending sethostname setrlimit getrlimit getrusage
78 gettimeofday settimeofday getgroups setgroups select symlink oldlstat readlink uselib swapon
88 reboot readdir mmap munmap truncate ftruncate fchmod fchown getpriority setpriority profil
99 statfs fstatfs ioperm socketcall syslog setitimer getitimer stat lstat fstat olduname iopl
111 vhangup idle vm86old wait4 swapoff sysinfo ipc fsync sigreturn clone setdomainname uname
123 modify_ldt adjtimex mprotect sigprocmask create_module init_module delete_module
130 get_kernel_syms quotactl getpgid fchdir bdflush sysfs personality afs_syscall setfsuid
139 setfsgid _llseek getdents _newselect flock msync readv writev getsid fdatasync _sysctl mlock
151 munlock mlockall munlockall sched_setparam sched_getparam sched_setscheduler
157 sched_getscheduler sched_yield sched_get_priority_max sched_get_priority_min
161 sched_rr_get_interval nanosleep mremap setresuid getresuid vm86 query_module poll nfsservctl
170 setresgid getresgid prctl rt_sigreturn rt_sigaction rt_sigprocmask rt_sigpending
177 rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend pread64 pwrite64 chown getcwd capget capset
186 sigaltstack sendfile getpmsg putpmsg vfork ugetrlimit mmap2 truncate64 ftruncate64 stat64
196 lstat64 fstat64 lchown32 getuid32 getgid32 geteuid32 getegid32 setreuid32 setregid32
205 getgroups32 setgroups32 fchown32 setresuid32 getresuid32 setresgid32 getresgid32 chown32
213 setuid32 setgid32 setfsuid32 setfsgid32 pivot_root mincore madvise getdents64 fcntl64
224 gettid readahead setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr
233 llistxattr flistxattr removexattr lremovexattr fremovexattr tkill sendfile64 futex
241 sched_setaffinity sched_getaffinity set_thread_area get_thread_area io_setup io_destroy
247 io_getevents io_submit io_cancel fadvise64 252 exit_group lookup_dcookie epoll_create
255 epoll_ctl epoll_wait remap_file_pages set_tid_address timer_create timer_settime
261 timer_gettime timer_getoverrun timer_delete clock_settime clock_gettime clock_getres
267 clock_nanosleep statfs64 fstatfs64 tgkill utimes fadvise64_64 vserver mbind get_mempolicy
276 set_mempolicy mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
283 kexec_load waitid 286 add_key request_key keyctl ioprio_set ioprio_get inotify_init
292 inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat mknodat fchownat futimesat
300 fstatat64 unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll
310 unshare set_robust_list get_robust_list splice sync_file_range tee vmsplice move_pages
318 getcpu epoll_pwait utimensat signalfd timerfd_create eventfd fallocate timerfd_settime
326 timerfd_gettime signalfd4 eventfd2 epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev
335 rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init fanotify_mark prlimit64
341 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns process_vm_readv
348 process_vm_writev kcmp finit_module sched_setattr sched_getattr renameat2 seccomp getrandom
356 memfd_create bpf execveat socket socketpair bind connect listen accept4 getsockopt
366 setsockopt getsockname getpeername sendto sendmsg recvfrom recvmsg shutdown userfaultfd
375 membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc pkey_free statx
384 arch_prctl io_pgetevents rseq 393 semget semctl shmget shmctl shmat shmdt msgget msgsnd
401 msgrcv msgctl 447 memfd_secret
"""

_AARCH64: Final = """
0 io_setup io_destroy io_submit io_cancel io_getevents setxattr lsetxattr fsetxattr getxattr
9 lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr
17 getcwd lookup_dcookie eventfd2 epoll_create1 epoll_ctl epoll_pwait dup dup3 fcntl
26 inotify_init1 inotify_add_watch inotify_rm_watch ioctl ioprio_set ioprio_get flock mknodat
34 mkdirat unlinkat symlinkat linkat renameat umount2 mount pivot_root nfsservctl statfs fstatfs
45 truncate ftruncate fallocate faccessat chdir fchdir chroot fchmod fchmodat fchownat fchown
56 openat close vhangup pipe2 quotactl getdents64 lseek read write readv writev pread64 pwrite64
69 preadv pwritev sendfile pselect6 ppoll signalfd4 vmsplice splice tee readlinkat newfstatat
80 fstat sync fsync fdatasync sync_file_range timerfd_create timerfd_settime timerfd_gettime
88 utimensat acct capget capset personality exit exit_group waitid set_tid_address unshare futex
99 set_robust_list get_robust_list nanosleep getitimer setitimer kexec_load init_module
106 delete_module timer_create timer_gettime timer_getoverrun timer_settime timer_delete
112 clock_settime clock_gettime clock_getres clock_nanosleep syslog ptrace sched_setparam
119 sched_setscheduler sched_getscheduler sched_getparam sched_setaffinity sched_getaffinity
124 sched_yield sched_get_priority_max sched_get_priority_min sched_rr_get_interval
128 restart_syscall kill tkill tgkill sigaltstack rt_sigsuspend rt_sigaction rt_sigprocmask
136 rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigreturn setpriority getpriority reboot
143 setregid setgid setreuid setuid setresuid getresuid setresgid getresgid setfsuid setfsgid
153 times setpgid getpgid getsid setsid getgroups setgroups uname sethostname setdomainname
163 getrlimit setrlimit getrusage umask prctl getcpu gettimeofday settimeofday adjtimex getpid
173 getppid getuid geteuid getgid getegid gettid sysinfo mq_open mq_unlink mq_timedsend
183 mq_timedreceive mq_notify mq_getsetattr msgget msgctl msgrcv msgsnd semget semctl semtimedop
193 semop shmget shmctl shmat shmdt socket socketpair bind listen accept connect getsockname
205 getpeername sendto recvfrom setsockopt getsockopt shutdown sendmsg recvmsg readahead brk
215 munmap mremap add_key request_key keyctl clone execve mmap fadvise64 swapon swapoff mprotect
227 msync mlock munlock mlockall munlockall mincore madvise remap_file_pages mbind get_mempolicy
237 set_mempolicy migrate_pages move_pages rt_tgsigqueueinfo perf_event_open accept4 recvmmsg
260 wait4 prlimit64 fanotify_init fanotify_mark name_to_handle_at open_by_handle_at
266 clock_adjtime syncfs setns sendmmsg process_vm_readv process_vm_writev kcmp finit_module
274 sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create bpf execveat
282 userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc
290 pkey_free statx io_pgetevents rseq kexec_file_load 447 memfd_secret
"""

_ARM: Final = """
0 restart_syscall exit fork read write open close 8 creat link unlink execve chdir 14 mknod
15 chmod lchown 19 lseek getpid mount 23 setuid getuid 26 ptrace 29 pause 33 access nice 36 sync
37 kill rename mkdir rmdir dup pipe times 45 brk setgid getgid 49 geteuid getegid acct umount2
54 ioctl fcntl 57 setpgid 60 umask chroot ustat dup2 getppid getpgrp setsid sigaction
70 setreuid setregid sigsuspend sigpending sethostname setrlimit 77 getrusage gettimeofday
79 settimeofday getgroups setgroups 83 symlink 85 readlink uselib swapon reboot 91 munmap
92 truncate ftruncate fchmod fchown getpriority setpriority 99 statfs fstatfs 103 syslog
104 setitimer getitimer stat lstat fstat 111 vhangup 114 wait4 swapoff sysinfo 118 fsync
119 sigreturn clone setdomainname uname 124 adjtimex mprotect sigprocmask 128 init_module
129 delete_module 131 quotactl getpgid fchdir bdflush sysfs personality 138 setfsuid setfsgid
140 _llseek getdents _newselect flock msync readv writev getsid fdatasync _sysctl mlock munlock
152 mlockall munlockall sched_setparam sched_getparam sched_setscheduler sched_getscheduler
158 sched_yield sched_get_priority_max sched_get_priority_min sched_rr_get_interval nanosleep
163 mremap setresuid getresuid 168 poll nfsservctl setresgid getresgid prctl rt_sigreturn
174 rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend
180 pread64 pwrite64 chown getcwd capget capset sigaltstack sendfile 190 vfork ugetrlimit mmap2
193 truncate64 ftruncate64 stat64 lstat64 fstat64 lchown32 getuid32 getgid32 geteuid32 getegid32
203 setreuid32 setregid32 getgroups32 setgroups32 fchown32 setresuid32 getresuid32 setresgid32
211 getresgid32 chown32 setuid32 setgid32 setfsuid32 setfsgid32 getdents64 pivot_root mincore
220 madvise fcntl64 224 gettid readahead setxattr lsetxattr fsetxattr getxattr lgetxattr
231 fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr tkill
239 sendfile64 futex sched_setaffinity sched_getaffinity io_setup io_destroy io_getevents
246 io_submit io_cancel exit_group lookup_dcookie epoll_create epoll_ctl epoll_wait
253 remap_file_pages 256 set_tid_address timer_create timer_settime timer_gettime
260 timer_getoverrun timer_delete clock_settime clock_gettime clock_getres clock_nanosleep
266 statfs64 fstatfs64 tgkill utimes arm_fadvise64_64 pciconfig_iobase pciconfig_read
273 pciconfig_write mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
280 waitid socket bind connect listen accept getsockname getpeername socketpair send sendto recv
292 recvfrom shutdown setsockopt getsockopt sendmsg recvmsg semop semget semctl msgsnd msgrcv
303 msgget msgctl shmat shmdt shmget shmctl add_key request_key keyctl semtimedop vserver
314 ioprio_set ioprio_get inotify_init inotify_add_watch inotify_rm_watch mbind get_mempolicy
321 set_mempolicy openat mkdirat mknodat fchownat futimesat fstatat64 unlinkat renameat linkat
331 symlinkat readlinkat fchmodat faccessat pselect6 ppoll unshare set_robust_list
339 get_robust_list splice arm_sync_file_range tee vmsplice move_pages getcpu epoll_pwait
347 kexec_load utimensat signalfd timerfd_create eventfd fallocate timerfd_settime
354 timerfd_gettime signalfd4 eventfd2 epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev
363 rt_tgsigqueueinfo perf_event_open recvmmsg accept4 fanotify_init fanotify_mark prlimit64
370 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns process_vm_readv
377 process_vm_writev kcmp finit_module sched_setattr sched_getattr renameat2 seccomp getrandom
385 memfd_create bpf execveat userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2
394 pkey_mprotect pkey_alloc pkey_free statx rseq io_pgetevents migrate_pages kexec_file_load
983041 breakpoint cacheflush usr26 usr32 set_tls get_tls
"""

_TIME64: Final = """
403 clock_gettime64 clock_settime64 clock_adjtime64 clock_getres_time64 clock_nanosleep_time64
408 timer_gettime64 timer_settime64 timerfd_gettime64 timerfd_settime64 utimensat_time64
413 pselect6_time64 ppoll_time64 416 io_pgetevents_time64 recvmmsg_time64 mq_timedsend_time64
419 mq_timedreceive_time64 semtimedop_time64 rt_sigtimedwait_time64 futex_time64
423 sched_rr_get_interval_time64
"""
"""The 32-bit architectures' calls with 64-bit times, since Linux 5.1."""

_COMMON: Final = """
424 pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount
430 fsopen fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2
440 process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset
445 landlock_add_rule landlock_restrict_self 448 process_mrelease futex_waitv
450 set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake futex_wait
456 futex_requeue statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal
463 setxattrat getxattrat listxattrat removexattrat open_tree_attr file_getattr file_setattr
470 listns rseq_slice_yield
"""
"""One number on every architecture, since Linux 5.1."""

ELSEWHERE: Final = """
atomic_barrier atomic_cmpxchg_32 cachectl getpagesize multiplexer riscv_flush_icache
riscv_hwprobe rtas s390_guarded_storage s390_pci_mmio_read s390_pci_mmio_write
s390_runtime_instr s390_sthyi spu_create spu_run subpage_prot swapcontext switch_endian
sys_debug_setcontext syscall sysmips timerfd
"""
"""Calls of other architectures, and two that are gone: a profile may name them, and here they name
nothing."""

_ALIASES: Final[dict[str, dict[str, str]]] = {"arm": {"sync_file_range2": "arm_sync_file_range"}}
"""Second names that the kernel's headers give a call."""


@cache
def numbers(arch: str) -> dict[str, int]:
    """Each call's number on `arch`, x32's with its bit; KeyError where `arch` is unknown.

    In order of number, a second name after the first. Not to be changed: it is kept.
    """
    if arch == "x32":
        native, own, lacking = numbers("x86_64"), _numbers(_X32_OWN), set(_X32_LACKS.split())
        shared = {
            name: number
            for name, number in native.items()
            if name not in own and name not in lacking
        }
        return {name: number | X32_BIT for name, number in (shared | own).items()}
    found = _numbers(*_TABLES[arch])
    for alias, name in _ALIASES.get(arch, {}).items():
        found[alias] = found[name]
    return found


@cache
def names(arch: str) -> dict[int, str]:
    """Each number's call on `arch`: the kernel's own name where it has two."""
    found: dict[int, str] = {}
    for name, number in numbers(arch).items():
        found.setdefault(number, name)
    return found


@cache
def known() -> frozenset[str]:
    """Every name that is a call's on some architecture of Linux."""
    return frozenset(ELSEWHERE.split()).union(*(numbers(arch) for arch in ARCHITECTURES))


_TABLES: Final[dict[str, tuple[str, ...]]] = {
    "x86_64": (_X86_64, _COMMON),
    "i386": (_I386, _TIME64, _COMMON),
    "aarch64": (_AARCH64, _COMMON),
    "arm": (_ARM, _TIME64, _COMMON),
}


def _numbers(*tables: str) -> dict[str, int]:
    found: dict[str, int] = {}
    number = 0
    for table in tables:
        for word in table.split():
            if word.isdecimal():
                number = int(word)
            else:
                found[word] = number
                number += 1
    return found
