"""The system calls that a plan may hold: their numbers and their parameters, in kernel order.

The order is the kernel's on x86_64. Aarch64 has `clone`'s last two the other way round, and
`registers` says so.

A call is (number on x86_64, number on aarch64, how many arguments must be given, parameters); the
arguments left out are 0. A parameter is its name (as the man page has it) and the kinds of value
that it takes:

    int                 a number
    mode                permission bits, shown in octal; `S_IF…` names where a file type fits
    flags:SET           names out of that set of `flags`
    fd, pid             a descriptor; the pid of a role
    path                a path, NUL-terminated
    data                text, NUL-terminated
    bytes               text whose length another argument gives
    length              how many bytes another argument is
    struct:NAME         the address of a structure that the kernel only reads
    out:NAME            the address of a structure that the kernel may write
    strings             an argv
    environment         an envp
    null                the null pointer

Sources: syscalls(2), arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from typing import Final

Parameter = tuple[str, ...]
Call = tuple[int, int, int, tuple[Parameter, ...]]

ARCHITECTURES: Final = ("x86_64", "aarch64")

_PRCTL: Final = ("int", "flags:prctl_argument")

CALLS: Final[dict[str, Call]] = {
    "read": (0, 63, 3, (("fd", "fd"), ("buf", "out:char[]"), ("count", "int", "length"))),
    "write": (1, 64, 3, (("fd", "fd"), ("buf", "bytes"), ("count", "length", "int"))),
    "close": (3, 57, 1, (("fd", "fd"),)),
    "rt_sigaction": (13, 134, 4, (
        ("signum", "flags:signal", "int"), ("act", "struct:sigaction", "null"),
        ("oldact", "null", "out:sigaction"), ("sigsetsize", "int"),
    )),
    "rt_sigprocmask": (14, 135, 4, (
        ("how", "flags:sigprocmask"), ("set", "struct:sigset_t", "null"),
        ("oldset", "null", "out:sigset_t"), ("sigsetsize", "int"),
    )),
    "ioctl": (16, 29, 3, (
        ("fd", "fd"), ("request", "flags:ioctl"),
        ("argp", "out:ifreq", "struct:int", "flags:open", "int", "null"),
    )),
    "sendfile": (40, 71, 4, (
        ("out_fd", "fd"), ("in_fd", "fd"), ("offset", "null"), ("count", "int"),
    )),
    "socket": (41, 198, 3, (
        ("domain", "flags:address_family"), ("type", "flags:socket_type"), ("protocol", "int"),
    )),
    "sendmsg": (46, 211, 3, (("sockfd", "fd"), ("msg", "struct:msghdr"), ("flags", "int"))),
    "socketpair": (53, 199, 4, (
        ("domain", "flags:address_family"), ("type", "flags:socket_type"), ("protocol", "int"),
        ("sv", "out:int[2]"),
    )),
    "clone": (56, 220, 1, (
        ("flags", "flags:clone"), ("stack", "null", "int"), ("parent_tid", "null", "int"),
        ("child_tid", "null", "int"), ("tls", "null", "int"),
    )),
    "getpid": (39, 172, 0, ()),
    "execve": (59, 221, 3, (("path", "path"), ("argv", "strings"), ("envp", "environment"))),
    "wait4": (61, 260, 4, (
        ("pid", "pid", "int"), ("wstatus", "out:int", "null"), ("options", "flags:wait"),
        ("rusage", "null"),
    )),
    "fcntl": (72, 25, 2, (("fd", "fd"), ("cmd", "flags:fcntl"),
                          ("arg", "flags:fcntl_argument", "int", "fd"))),
    "getcwd": (79, 17, 2, (("buf", "out:char[]"), ("size", "int", "length"))),
    "chdir": (80, 49, 1, (("path", "path"),)),
    "fchdir": (81, 50, 1, (("fd", "fd"),)),
    "fchmod": (91, 52, 2, (("fd", "fd"), ("mode", "mode"))),
    "umask": (95, 166, 1, (("mask", "mode"),)),
    "setpgid": (109, 154, 2, (("pid", "pid", "int"), ("pgid", "pid", "int"))),
    "setsid": (112, 157, 0, ()),
    "setgroups": (116, 159, 2, (("size", "int"), ("list", "null"))),
    "setresuid": (117, 147, 3, (("ruid", "int"), ("euid", "int"), ("suid", "int"))),
    "setresgid": (119, 149, 3, (("rgid", "int"), ("egid", "int"), ("sgid", "int"))),
    "setfsuid": (122, 151, 1, (("fsuid", "int"),)),
    "setfsgid": (123, 152, 1, (("fsgid", "int"),)),
    "capset": (126, 91, 2, (
        ("hdrp", "out:__user_cap_header_struct"), ("datap", "struct:__user_cap_data_struct"),
    )),
    "setpriority": (141, 140, 3, (
        ("which", "flags:priority"), ("who", "int"), ("prio", "int"),
    )),
    "pivot_root": (155, 41, 2, (("new_root", "path"), ("put_old", "path"))),
    "keyctl": (250, 219, 2, (("operation", "flags:keyctl"), ("arg2", "null"))),
    "prctl": (157, 167, 1, (
        ("option", "flags:prctl"), ("arg2", *_PRCTL), ("arg3", *_PRCTL), ("arg4", *_PRCTL),
        ("arg5", *_PRCTL),
    )),
    "mount": (165, 40, 5, (
        ("source", "path", "data", "null"), ("target", "path"), ("filesystemtype", "data", "null"),
        ("mountflags", "flags:mount"), ("data", "data", "null"),
    )),
    "umount2": (166, 39, 2, (("target", "path"), ("flags", "flags:umount"))),
    "sethostname": (170, 161, 2, (("name", "bytes"), ("len", "length", "int"))),
    "setdomainname": (171, 162, 2, (("name", "bytes"), ("len", "length", "int"))),
    "sched_setaffinity": (203, 122, 3, (
        ("pid", "int"), ("cpusetsize", "length", "int"), ("mask", "struct:cpu_set_t"),
    )),
    "ioprio_set": (251, 30, 3, (
        ("which", "flags:ioprio_who"), ("who", "int"), ("ioprio", "int"),
    )),
    "openat": (257, 56, 3, (
        ("dirfd", "fd"), ("path", "path"), ("flags", "flags:open"), ("mode", "mode"),
    )),
    "mkdirat": (258, 34, 3, (("dirfd", "fd"), ("path", "path"), ("mode", "mode"))),
    "mknodat": (259, 33, 4, (
        ("dirfd", "fd"), ("path", "path"), ("mode", "mode"), ("dev", "int"),
    )),
    "symlinkat": (266, 36, 3, (
        ("target", "path", "data"), ("newdirfd", "fd"), ("linkpath", "path"),
    )),
    "unshare": (272, 97, 1, (("flags", "flags:unshare"),)),
    "dup3": (292, 24, 3, (("oldfd", "fd"), ("newfd", "fd"), ("flags", "flags:dup"))),
    "pipe2": (293, 59, 2, (("pipefd", "out:int[2]"), ("flags", "flags:pipe"))),
    "prlimit64": (302, 261, 3, (
        ("pid", "int"), ("resource", "flags:rlimit"), ("new_limit", "struct:rlimit64", "null"),
        ("old_limit", "null"),
    )),
    "seccomp": (317, 277, 3, (
        ("operation", "flags:seccomp_operation"), ("flags", "flags:seccomp"),
        ("args", "struct:sock_fprog", "null"),
    )),
    "statx": (332, 291, 5, (
        ("dirfd", "fd"), ("path", "path"), ("flags", "flags:at"), ("mask", "flags:statx_mask"),
        ("statxbuf", "out:statx"),
    )),
    "setns": (308, 268, 2, (("fd", "fd"), ("nstype", "flags:setns"))),
    "pidfd_send_signal": (424, 424, 4, (
        ("pidfd", "fd"), ("sig", "int"), ("info", "null"), ("flags", "int"),
    )),
    "pidfd_open": (434, 434, 2, (("pid", "int"), ("flags", "int"))),
    "fstatfs": (138, 44, 2, (("fd", "fd"), ("buf", "out:statfs"))),
    "open_tree": (428, 428, 3, (("dirfd", "fd"), ("path", "path"), ("flags", "flags:open_tree"))),
    "move_mount": (429, 429, 5, (
        ("from_dirfd", "fd"), ("from_path", "path"), ("to_dirfd", "fd"), ("to_path", "path"),
        ("flags", "flags:move_mount"),
    )),
    "fsopen": (430, 430, 2, (("fsname", "data"), ("flags", "flags:fsopen"))),
    "fsconfig": (431, 431, 5, (
        ("fd", "fd"), ("cmd", "flags:fsconfig"), ("key", "data", "null"),
        ("value", "data", "path", "null"), ("aux", "int", "fd"),
    )),
    "fsmount": (432, 432, 3, (
        ("fsfd", "fd"), ("flags", "flags:fsmount"), ("attr_flags", "flags:mount_attr"),
    )),
    "close_range": (436, 436, 3, (
        ("first", "int"), ("last", "int"), ("flags", "flags:close_range"),
    )),
    "openat2": (437, 437, 4, (
        ("dirfd", "fd"), ("path", "path"), ("how", "struct:open_how"), ("size", "int", "length"),
    )),
    "mount_setattr": (442, 442, 5, (
        ("dirfd", "fd"), ("path", "path"), ("flags", "flags:mount_setattr"),
        ("attr", "struct:mount_attr"), ("size", "int", "length"),
    )),
    "landlock_create_ruleset": (444, 444, 3, (
        ("attr", "struct:landlock_ruleset_attr"), ("size", "int", "length"), ("flags", "int"),
    )),
    "landlock_add_rule": (445, 445, 4, (
        ("ruleset_fd", "fd"), ("rule_type", "flags:landlock_rule"),
        ("rule_attr", "struct:landlock_path_beneath_attr"), ("flags", "int"),
    )),
    "landlock_restrict_self": (446, 446, 2, (("ruleset_fd", "fd"), ("flags", "int"))),
}  # fmt: skip

PSEUDO_CALLS: Final[dict[str, Call]] = {
    "supervise": (
        -1,
        -1,
        1,
        (
            ("child", "pid"),
            ("exec", "fd"),
            ("go", "fd"),
            ("out", "fd"),
            ("err", "fd"),
            ("says", "fd"),
        ),
    ),
}
"""Not the kernel's: from `supervise` on, a role waits, polls, relays, signals and cleans up."""

_FORWARDS: Final = (0, 1, 2, 3, 4, 5)
_BACKWARDS: Final = (0, 1, 2, 4, 3, 5)


def number(call: str, arch: str) -> int:
    """The number of `call` on `arch`; KeyError where either is unknown."""
    entry = CALLS[call]
    if arch == "x86_64":
        return entry[0]
    if arch == "aarch64":
        return entry[1]
    raise KeyError(arch)


def parameters(call: str) -> tuple[Parameter, ...]:
    """What `call` takes, in the order of a plan; KeyError where the call is unknown."""
    return (CALLS.get(call) or PSEUDO_CALLS[call])[3]


def required(call: str) -> int:
    """How many of its arguments must be written; KeyError where the call is unknown."""
    return (CALLS.get(call) or PSEUDO_CALLS[call])[2]


def registers(call: str, arch: str) -> tuple[int, ...]:
    """Which argument of a plan each of the kernel's six is: CONFIG_CLONE_BACKWARDS, clone(2)."""
    return _BACKWARDS if call == "clone" and arch == "aarch64" else _FORWARDS
