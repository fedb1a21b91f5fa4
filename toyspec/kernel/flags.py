"""Sets of constants by name: what may be or-ed together in one argument.

Values are x86_64's; `_AARCH64` holds what differs there (arch/arm64/include/uapi/asm/fcntl.h).
Some sets are plain enumerations, of which one name at a time makes sense.
"""

from __future__ import annotations

from typing import Final

Flag = dict[str, int]

_SIGNAL: Final = {
    "SIGHUP": 1, "SIGINT": 2, "SIGQUIT": 3, "SIGILL": 4, "SIGTRAP": 5, "SIGABRT": 6, "SIGBUS": 7,
    "SIGFPE": 8, "SIGKILL": 9, "SIGUSR1": 10, "SIGSEGV": 11, "SIGUSR2": 12, "SIGPIPE": 13,
    "SIGALRM": 14, "SIGTERM": 15, "SIGSTKFLT": 16, "SIGCHLD": 17, "SIGCONT": 18, "SIGSTOP": 19,
    "SIGTSTP": 20, "SIGTTIN": 21, "SIGTTOU": 22, "SIGURG": 23, "SIGXCPU": 24, "SIGXFSZ": 25,
    "SIGVTALRM": 26, "SIGPROF": 27, "SIGWINCH": 28, "SIGIO": 29, "SIGPWR": 30, "SIGSYS": 31,
}  # fmt: skip

# include/uapi/linux/capability.h, in the order of their numbers.
CAPABILITIES: Final = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
    "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK",
    "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
    "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
)  # fmt: skip

# include/uapi/asm-generic/resource.h, in the order of their numbers.
RLIMITS: Final = (
    "CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS",
    "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
)  # fmt: skip

_NAMESPACE: Final = {
    "CLONE_NEWTIME": 0x80, "CLONE_NEWNS": 0x20000, "CLONE_NEWCGROUP": 0x2000000,
    "CLONE_NEWUTS": 0x4000000, "CLONE_NEWIPC": 0x8000000, "CLONE_NEWUSER": 0x10000000,
    "CLONE_NEWPID": 0x20000000, "CLONE_NEWNET": 0x40000000,
}  # fmt: skip

_AT: Final = {
    "AT_SYMLINK_NOFOLLOW": 0x100, "AT_NO_AUTOMOUNT": 0x800, "AT_EMPTY_PATH": 0x1000,
}  # fmt: skip

_MOUNT_ATTR: Final = {
    "MOUNT_ATTR_RDONLY": 0x1, "MOUNT_ATTR_NOSUID": 0x2, "MOUNT_ATTR_NODEV": 0x4,
    "MOUNT_ATTR_NOEXEC": 0x8, "MOUNT_ATTR__ATIME": 0x70, "MOUNT_ATTR_RELATIME": 0x0,
    "MOUNT_ATTR_NOATIME": 0x10, "MOUNT_ATTR_STRICTATIME": 0x20, "MOUNT_ATTR_NODIRATIME": 0x80,
    "MOUNT_ATTR_IDMAP": 0x100000, "MOUNT_ATTR_NOSYMFOLLOW": 0x200000,
}  # fmt: skip

_PROPAGATION: Final = {
    "MS_UNBINDABLE": 0x20000, "MS_PRIVATE": 0x40000, "MS_SLAVE": 0x80000, "MS_SHARED": 0x100000,
}  # fmt: skip

_OPEN: Final = {
    "O_RDONLY": 0, "O_WRONLY": 1, "O_RDWR": 2, "O_CREAT": 0o100, "O_EXCL": 0o200,
    "O_NOCTTY": 0o400, "O_TRUNC": 0o1000, "O_APPEND": 0o2000, "O_NONBLOCK": 0o4000,
    "O_DSYNC": 0o10000, "O_DIRECT": 0o40000, "O_LARGEFILE": 0o100000, "O_DIRECTORY": 0o200000,
    "O_NOFOLLOW": 0o400000, "O_NOATIME": 0o1000000, "O_CLOEXEC": 0o2000000,
    "O_SYNC": 0o4010000, "O_PATH": 0o10000000, "O_TMPFILE": 0o20200000,
}  # fmt: skip

_FILE_TYPE: Final = {
    "S_IFIFO": 0o010000, "S_IFCHR": 0o020000, "S_IFDIR": 0o040000, "S_IFBLK": 0o060000,
    "S_IFREG": 0o100000, "S_IFLNK": 0o120000, "S_IFSOCK": 0o140000,
}  # fmt: skip

_SETS: Final[dict[str, Flag]] = {
    "open": _OPEN,
    "dup": {"O_CLOEXEC": 0o2000000},
    "pipe": {"O_NONBLOCK": 0o4000, "O_CLOEXEC": 0o2000000},
    "mode": _FILE_TYPE,
    "resolve": {
        "RESOLVE_NO_XDEV": 0x1, "RESOLVE_NO_MAGICLINKS": 0x2, "RESOLVE_NO_SYMLINKS": 0x4,
        "RESOLVE_BENEATH": 0x8, "RESOLVE_IN_ROOT": 0x10, "RESOLVE_CACHED": 0x20,
    },
    "at": {**_AT, "AT_STATX_FORCE_SYNC": 0x2000, "AT_STATX_DONT_SYNC": 0x4000},
    "statx_mask": {
        "STATX_TYPE": 0x1, "STATX_MODE": 0x2, "STATX_NLINK": 0x4, "STATX_UID": 0x8,
        "STATX_GID": 0x10, "STATX_INO": 0x100, "STATX_SIZE": 0x200, "STATX_BASIC_STATS": 0x7FF,
        "STATX_MNT_ID": 0x1000,
    },
    "open_tree": {**_AT, "OPEN_TREE_CLONE": 0x1, "AT_RECURSIVE": 0x8000,
                  "OPEN_TREE_CLOEXEC": 0o2000000},
    "move_mount": {
        "MOVE_MOUNT_F_SYMLINKS": 0x1, "MOVE_MOUNT_F_AUTOMOUNTS": 0x2,
        "MOVE_MOUNT_F_EMPTY_PATH": 0x4, "MOVE_MOUNT_T_SYMLINKS": 0x10,
        "MOVE_MOUNT_T_AUTOMOUNTS": 0x20, "MOVE_MOUNT_T_EMPTY_PATH": 0x40,
    },
    "fsopen": {"FSOPEN_CLOEXEC": 0x1},
    "fsconfig": {
        "FSCONFIG_SET_FLAG": 0, "FSCONFIG_SET_STRING": 1, "FSCONFIG_SET_BINARY": 2,
        "FSCONFIG_SET_PATH": 3, "FSCONFIG_SET_PATH_EMPTY": 4, "FSCONFIG_SET_FD": 5,
        "FSCONFIG_CMD_CREATE": 6, "FSCONFIG_CMD_RECONFIGURE": 7,
    },
    "fsmount": {"FSMOUNT_CLOEXEC": 0x1},
    "mount_attr": _MOUNT_ATTR,
    "mount_setattr": {**_AT, "AT_RECURSIVE": 0x8000},
    "propagation": _PROPAGATION,
    "mount": {
        **_PROPAGATION,
        "MS_RDONLY": 0x1, "MS_NOSUID": 0x2, "MS_NODEV": 0x4, "MS_NOEXEC": 0x8,
        "MS_SYNCHRONOUS": 0x10, "MS_REMOUNT": 0x20, "MS_MANDLOCK": 0x40, "MS_DIRSYNC": 0x80,
        "MS_NOSYMFOLLOW": 0x100, "MS_NOATIME": 0x400, "MS_NODIRATIME": 0x800, "MS_BIND": 0x1000,
        "MS_MOVE": 0x2000, "MS_REC": 0x4000, "MS_SILENT": 0x8000, "MS_RELATIME": 0x200000,
        "MS_STRICTATIME": 0x1000000, "MS_LAZYTIME": 0x2000000,
    },
    "umount": {"MNT_FORCE": 0x1, "MNT_DETACH": 0x2, "MNT_EXPIRE": 0x4, "UMOUNT_NOFOLLOW": 0x8},
    "unshare": {**_NAMESPACE, "CLONE_FS": 0x200, "CLONE_FILES": 0x400, "CLONE_SYSVSEM": 0x40000},
    "setns": _NAMESPACE,
    "clone": {
        **_NAMESPACE, "SIGCHLD": 17, "SIGURG": 23, "CLONE_VM": 0x100, "CLONE_FS": 0x200, "CLONE_FILES": 0x400,
        "CLONE_SIGHAND": 0x800, "CLONE_PIDFD": 0x1000, "CLONE_PTRACE": 0x2000,
        "CLONE_VFORK": 0x4000, "CLONE_PARENT": 0x8000, "CLONE_THREAD": 0x10000,
        "CLONE_SYSVSEM": 0x40000, "CLONE_SETTLS": 0x80000, "CLONE_PARENT_SETTID": 0x100000,
        "CLONE_CHILD_CLEARTID": 0x200000, "CLONE_UNTRACED": 0x800000,
        "CLONE_CHILD_SETTID": 0x1000000, "CLONE_IO": 0x80000000,
    },
    "close_range": {"CLOSE_RANGE_UNSHARE": 0x2, "CLOSE_RANGE_CLOEXEC": 0x4},
    "signal": _SIGNAL,
    "signal_mask": {"ALL": (1 << 64) - 1, **{n: 1 << (v - 1) for n, v in _SIGNAL.items()}},
    "sigprocmask": {"SIG_BLOCK": 0, "SIG_UNBLOCK": 1, "SIG_SETMASK": 2},
    "wait": {"WNOHANG": 0x1, "WUNTRACED": 0x2, "WCONTINUED": 0x8, "__WALL": 0x40000000,
             "__WCLONE": 0x80000000},
    "keyctl": {"KEYCTL_JOIN_SESSION_KEYRING": 1},
    "prctl": {
        "PR_SET_PDEATHSIG": 1, "PR_GET_PDEATHSIG": 2, "PR_GET_DUMPABLE": 3, "PR_SET_DUMPABLE": 4,
        "PR_SET_KEEPCAPS": 8, "PR_SET_NAME": 15, "PR_CAPBSET_READ": 23, "PR_CAPBSET_DROP": 24,
        "PR_SET_SECUREBITS": 28, "PR_SET_CHILD_SUBREAPER": 36, "PR_SET_NO_NEW_PRIVS": 38,
        "PR_GET_NO_NEW_PRIVS": 39, "PR_CAP_AMBIENT": 47,
    },
    "prctl_argument": {
        **_SIGNAL, **{name: number for number, name in enumerate(CAPABILITIES)},
        "PR_CAP_AMBIENT_IS_SET": 1, "PR_CAP_AMBIENT_RAISE": 2, "PR_CAP_AMBIENT_LOWER": 3,
        "PR_CAP_AMBIENT_CLEAR_ALL": 4,
    },
    "capability": {name: 1 << number for number, name in enumerate(CAPABILITIES)},
    "capability_version": {"_LINUX_CAPABILITY_VERSION_3": 0x20080522},
    "priority": {"PRIO_PROCESS": 0, "PRIO_PGRP": 1, "PRIO_USER": 2},
    "ioprio_who": {"IOPRIO_WHO_PROCESS": 1, "IOPRIO_WHO_PGRP": 2, "IOPRIO_WHO_USER": 3},
    "rlimit": {"RLIMIT_" + name: number for number, name in enumerate(RLIMITS)},
    "rlimit_value": {"RLIM64_INFINITY": (1 << 64) - 1},
    "landlock_rule": {"LANDLOCK_RULE_PATH_BENEATH": 1},
    "landlock_access_fs": {
        "LANDLOCK_ACCESS_FS_WRITE_FILE": 0x2, "LANDLOCK_ACCESS_FS_REMOVE_DIR": 0x10,
        "LANDLOCK_ACCESS_FS_REMOVE_FILE": 0x20, "LANDLOCK_ACCESS_FS_MAKE_CHAR": 0x40,
        "LANDLOCK_ACCESS_FS_MAKE_DIR": 0x80, "LANDLOCK_ACCESS_FS_MAKE_REG": 0x100,
        "LANDLOCK_ACCESS_FS_MAKE_SOCK": 0x200, "LANDLOCK_ACCESS_FS_MAKE_FIFO": 0x400,
        "LANDLOCK_ACCESS_FS_MAKE_BLOCK": 0x800, "LANDLOCK_ACCESS_FS_MAKE_SYM": 0x1000,
        "LANDLOCK_ACCESS_FS_REFER": 0x2000, "LANDLOCK_ACCESS_FS_TRUNCATE": 0x4000,
    },
    "seccomp_operation": {"SECCOMP_SET_MODE_STRICT": 0, "SECCOMP_SET_MODE_FILTER": 1,
                          "SECCOMP_GET_ACTION_AVAIL": 2},
    "seccomp": {"SECCOMP_FILTER_FLAG_TSYNC": 0x1, "SECCOMP_FILTER_FLAG_LOG": 0x2,
                "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 0x4},
    "ioctl": {
        "TIOCSCTTY": 0x540E, "TIOCGPGRP": 0x540F, "TIOCSPGRP": 0x5410, "TIOCSTI": 0x5412,
        "TIOCGWINSZ": 0x5413, "TIOCSWINSZ": 0x5414, "TIOCLINUX": 0x541C, "TIOCNOTTY": 0x5422,
        "TIOCGSID": 0x5429, "TIOCSPTLCK": 0x40045431, "TIOCSIG": 0x40045436, "TIOCGPTPEER": 0x5441,
        "SIOCGIFFLAGS": 0x8913, "SIOCSIFFLAGS": 0x8914,
    },
    "interface": {"IFF_UP": 0x1, "IFF_BROADCAST": 0x2, "IFF_LOOPBACK": 0x8, "IFF_RUNNING": 0x40},
    "address_family": {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16},
    "socket_type": {"SOCK_STREAM": 1, "SOCK_DGRAM": 2, "SOCK_RAW": 3, "SOCK_SEQPACKET": 5,
                    "SOCK_NONBLOCK": 0o4000, "SOCK_CLOEXEC": 0o2000000},
    "fcntl": {"F_DUPFD": 0, "F_GETFD": 1, "F_SETFD": 2, "F_GETFL": 3, "F_SETFL": 4,
              "F_DUPFD_CLOEXEC": 1030},
    "fcntl_argument": {"FD_CLOEXEC": 1, "O_APPEND": 0o2000, "O_NONBLOCK": 0o4000},
    "filesystem": {
        "PROC_SUPER_MAGIC": 0x9FA0, "SYSFS_MAGIC": 0x62656572, "TMPFS_MAGIC": 0x01021994,
        "DEVPTS_SUPER_MAGIC": 0x1CD1, "OVERLAYFS_SUPER_MAGIC": 0x794C7630,
        "CGROUP2_SUPER_MAGIC": 0x63677270, "RAMFS_MAGIC": 0x858458F6, "NSFS_MAGIC": 0x6E736673,
    },
    "audit_arch": {"AUDIT_ARCH_X86_64": 0xC000003E, "AUDIT_ARCH_AARCH64": 0xC00000B7,
                   "AUDIT_ARCH_I386": 0x40000003, "AUDIT_ARCH_ARM": 0x40000028},
    "seccomp_action": {
        "SECCOMP_RET_KILL_PROCESS": 0x80000000, "SECCOMP_RET_KILL_THREAD": 0x0,
        "SECCOMP_RET_TRAP": 0x30000, "SECCOMP_RET_ERRNO": 0x50000, "SECCOMP_RET_LOG": 0x7FFC0000,
        "SECCOMP_RET_ALLOW": 0x7FFF0000,
    },
    "bpf": {
        "BPF_LD": 0x00, "BPF_ALU": 0x04, "BPF_JMP": 0x05, "BPF_RET": 0x06, "BPF_W": 0x00,
        "BPF_ABS": 0x20, "BPF_AND": 0x50, "BPF_JA": 0x00, "BPF_JEQ": 0x10, "BPF_JGT": 0x20,
        "BPF_JGE": 0x30, "BPF_JSET": 0x40, "BPF_K": 0x00,
    },
}  # fmt: skip
"""The last three belong to no argument: they are what a seccomp filter is made of."""

_AARCH64: Final[dict[str, Flag]] = {
    "open": {
        **_OPEN, "O_DIRECTORY": 0o40000, "O_NOFOLLOW": 0o100000, "O_DIRECT": 0o200000,
        "O_LARGEFILE": 0o400000, "O_TMPFILE": 0o20040000,
    },
}  # fmt: skip

NAMES: Final = tuple(_SETS)
"""The names of all sets."""

S_IFMT: Final = 0o170000
"""The bits of a mode that hold the file's type (inode(7))."""


def flags(name: str, arch: str) -> Flag:
    """The set `name` on `arch`, each constant with its value; KeyError where it is unknown."""
    if arch == "aarch64":
        return _AARCH64.get(name) or _SETS[name]
    if arch == "x86_64":
        return _SETS[name]
    raise KeyError(arch)


def octal(name: str) -> int | None:
    """The permission bits that `0644`, `1777` or `01777` spells (four digits, or 0 first), else None."""
    if not name.isascii() or not name.isdigit() or "8" in name or "9" in name:
        return None
    return int(name, 8) if len(name) == 4 or (name[0] == "0" and len(name) <= 5) else None


def value(name: str, names: tuple[str, ...], arch: str) -> int:
    """The constants `names` of the set `name`, or-ed; KeyError names the one that is unknown.

    The set `mode` takes permission bits in octal too.
    """
    known = flags(name, arch)
    total = 0
    for each in names:
        bits = known.get(each)
        if bits is None:
            bits = octal(each) if name == "mode" else None
            if bits is None:
                raise KeyError(each)
        total |= bits
    return total
