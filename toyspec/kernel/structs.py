"""The structures that plans hold: size, and each field's name, offset, size in bytes and kind.

The kinds of a field:

    uint, int           a number, unsigned or signed
    flags:SET           names out of that set of `flags`; of `rlimit_value` also a number
    mode                permission bits
    fd, pid             a descriptor or the pid of a role
    text                NUL-padded text
    slot                a descriptor that the call itself fills (pipe2)
    capabilities        a mask whose low half is here and whose high half is 12 bytes further
    bpf                 the address of a classic BPF program
    count               how many instructions that program has
    size                how many bytes a buffer has; it is nowhere in memory
    iov                 the address of one iovec over that text
    rights              a descriptor in the one control message, SCM_RIGHTS (cmsg(3)): offset in that

Sizes and offsets are the same on x86_64 and aarch64. Sources: the uapi headers of openat2.h,
mount.h, stat.h, if.h, capability.h, filter.h, resource.h, socket.h, and asm-generic/{signal,statfs}.h; of
`cpu_set_t` the C library's sched.h (the kernel takes any number of longs).
"""

from __future__ import annotations

from typing import Final

Field = tuple[str, int, int, str]
Layout = tuple[int, tuple[Field, ...]]

STRUCTS: Final[dict[str, Layout]] = {
    "open_how": (24, (
        ("flags", 0, 8, "flags:open"), ("mode", 8, 8, "mode"), ("resolve", 16, 8, "flags:resolve"),
    )),
    "mount_attr": (32, (
        ("attr_set", 0, 8, "flags:mount_attr"), ("attr_clr", 8, 8, "flags:mount_attr"),
        ("propagation", 16, 8, "flags:propagation"), ("userns_fd", 24, 8, "fd"),
    )),
    "int[2]": (8, (("read", 0, 4, "slot"), ("write", 4, 4, "slot"))),
    "char[]": (0, (("size", 0, 0, "size"),)),
    "int": (4, ()),
    "statx": (256, ()),
    "statfs": (120, ()),
    "sigset_t": (8, (("signals", 0, 8, "flags:signal_mask"),)),
    "sigaction": (32, ()),
    "ifreq": (40, (("ifr_name", 0, 16, "text"), ("ifr_flags", 16, 2, "flags:interface"))),
    "msghdr": (56, (
        ("msg_iov", 16, 8, "iov"), ("rights[0]", 16, 4, "rights"), ("rights[1]", 20, 4, "rights"),
    )),
    "__user_cap_header_struct": (8, (
        ("version", 0, 4, "flags:capability_version"), ("pid", 4, 4, "int"),
    )),
    # Version 3 takes two of them, 12 bytes each: the masks' low halves, then the high ones.
    "__user_cap_data_struct": (24, (
        ("effective", 0, 4, "capabilities"), ("permitted", 4, 4, "capabilities"),
        ("inheritable", 8, 4, "capabilities"),
    )),
    "rlimit64": (16, (
        ("rlim_cur", 0, 8, "flags:rlimit_value"), ("rlim_max", 8, 8, "flags:rlimit_value"),
    )),
    # 1024 CPUs, one bit each: CPU_SET(3).
    "cpu_set_t": (128, tuple((f"__bits[{word}]", 8 * word, 8, "uint") for word in range(16))),
    # The first version's one field: later ones are handled only where a longer size says so.
    "landlock_ruleset_attr": (8, (("handled_access_fs", 0, 8, "flags:landlock_access_fs"),)),
    "landlock_path_beneath_attr": (12, (
        ("allowed_access", 0, 8, "flags:landlock_access_fs"), ("parent_fd", 8, 4, "fd"),
    )),
    "sock_fprog": (16, (("len", 0, 2, "count"), ("filter", 8, 8, "bpf"))),
}  # fmt: skip

OUTPUTS: Final[dict[str, tuple[Field, ...]]] = {
    "statx": (
        ("stx_mask", 0, 4, "uint"), ("stx_attributes", 8, 8, "uint"), ("stx_uid", 20, 4, "uint"),
        ("stx_gid", 24, 4, "uint"), ("stx_mode", 28, 2, "uint"), ("stx_ino", 32, 8, "uint"),
        ("stx_size", 40, 8, "uint"), ("stx_rdev_major", 128, 4, "uint"),
        ("stx_rdev_minor", 132, 4, "uint"), ("stx_dev_major", 136, 4, "uint"),
        ("stx_dev_minor", 140, 4, "uint"), ("stx_mnt_id", 144, 8, "uint"),
    ),
    "statfs": (
        ("f_type", 0, 8, "int"), ("f_bsize", 8, 8, "int"), ("f_blocks", 16, 8, "uint"),
        ("f_namelen", 64, 8, "int"), ("f_flags", 80, 8, "int"),
    ),
    "int": (("value", 0, 4, "int"),),
}  # fmt: skip
"""What the kernel writes: fields that no plan sets and that checks and reports read."""

BPF_INSTRUCTION: Final = 8
"""Bytes of a `sock_filter`: code (2), jt (1), jf (1), k (4)."""

POINTER: Final = 8


def output(struct: str, field: str) -> tuple[int, int]:
    """Offset and size of what the kernel writes there; KeyError where it is unknown."""
    for name, offset, size, _ in OUTPUTS[struct]:
        if name == field:
            return offset, size
    raise KeyError(field)
