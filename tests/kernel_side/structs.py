"""Linux's structures as bytes, little-endian: written from the man pages and the kernel's headers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from tests.kernel_side.operands import Buffer, EncodeError, Json, Memory, Operand, Words, expand


def _quads(*names: str) -> Callable[[Words, Json], Operand]:
    """A structure of 64-bit fields (open_how, mount_attr)."""

    def encode(words: Words, fields: Json) -> Operand:
        _known(fields, *names)
        slots = []
        values = []
        for index, name in enumerate(names):
            if isinstance(fields.get(name, {}).get("fd"), str):
                slots.append((8 * index, fields[name]["fd"]))
                values.append(0)
            else:
                values.append(words.number(fields, name))
        return Memory(struct.pack(f"<{len(values)}Q", *values), tuple(slots))

    return encode


def _known(fields: Json, *names: str) -> None:
    if set(fields) - set(names):
        raise EncodeError(f"unknown fields {sorted(set(fields) - set(names))}")


def _pair(words: Words, fields: Json) -> Operand:
    return Buffer(8, ((0, fields["read"]["fd"]), (4, fields["write"]["fd"])))


def _sigset(words: Words, fields: Json) -> Operand:
    _known(fields, "signals")
    names = fields.get("signals", {"flags": []})["flags"]
    mask = 0
    for name in names:
        mask |= (1 << 64) - 1 if name == "ALL" else 1 << (words.constant(name) - 1)
    return Memory(struct.pack("<Q", mask))


def _sigaction(words: Words, fields: Json) -> Operand:
    _known(fields)
    return Memory(bytes(32))


def _ifreq(words: Words, fields: Json) -> Operand:
    _known(fields, "ifr_name", "ifr_flags")
    name = expand(fields["ifr_name"]["text"], words.variables)
    return Memory(struct.pack("<16sH22x", name, words.number(fields, "ifr_flags")))


def _message(words: Words, fields: Json) -> Operand:
    """One text, and the descriptors that go with it: struct msghdr, iovec and cmsghdr of 64 bits."""
    rights = sorted(set(fields) - {"msg_iov"})
    if rights != [f"rights[{at}]" for at in range(len(rights))]:
        raise EncodeError(f"unknown fields {rights}")
    text = expand(fields["msg_iov"]["text"], words.variables)
    length = 16 + 4 * len(rights)
    control = Memory(
        struct.pack("<Qii", length, 1, 1) + bytes(4 * len(rights)),  # SOL_SOCKET, SCM_RIGHTS
        tuple((16 + 4 * at, fields[name]["fd"]) for at, name in enumerate(rights)),
    )
    vector = Memory(struct.pack("<QQ", 0, len(text)), pointers=((0, Memory(text)),))
    head = struct.pack("<QQQQQQQ", 0, 0, 0, 1, 0, length, 0)
    return Memory(head, pointers=((16, vector), (32, control)))


def _cap_header(words: Words, fields: Json) -> Operand:
    _known(fields, "version", "pid")
    version, pid = words.number(fields, "version"), words.number(fields, "pid")
    return Memory(struct.pack("<Ii", version, pid))


def _cap_data(words: Words, fields: Json) -> Operand:
    names = ("effective", "permitted", "inheritable")
    _known(fields, *names)
    masks = []
    for name in names:
        mask = 0
        for capability in fields.get(name, {"flags": []})["flags"]:
            mask |= 1 << words.constant(capability)
        masks.append(mask)
    low, high = ([(mask >> shift) & 0xFFFFFFFF for mask in masks] for shift in (0, 32))
    return Memory(struct.pack("<6I", *low, *high))


def _sock_fprog(words: Words, fields: Json) -> Operand:
    _known(fields, "filter")
    code = b"".join(struct.pack("<HBBI", *line) for line in fields["filter"]["bpf"])
    return Memory(struct.pack("<HxxxxxxQ", len(code) // 8, 0), pointers=((8, Memory(code)),))


def _path_beneath(words: Words, fields: Json) -> Operand:
    """Packed: 12 bytes."""
    _known(fields, "allowed_access", "parent_fd")
    allowed = words.number(fields, "allowed_access")
    return Memory(struct.pack("<Qi", allowed, 0), ((8, fields["parent_fd"]["fd"]),))


def _output(size: int) -> Callable[[Words, Json], Operand]:
    def encode(words: Words, fields: Json) -> Operand:
        _known(fields)
        return Buffer(size)

    return encode


STRUCTS: Final[dict[str, Callable[[Words, Json], Operand]]] = {
    "open_how": _quads("flags", "mode", "resolve"),
    "mount_attr": _quads("attr_set", "attr_clr", "propagation", "userns_fd"),
    "int[2]": _pair,
    "statx": _output(256),
    "statfs": _output(120),
    "int": _output(4),
    "char[]": lambda words, fields: Buffer(words.number(fields, "size")),
    "sigset_t": _sigset,
    "sigaction": _sigaction,
    "ifreq": _ifreq,
    "msghdr": _message,
    "__user_cap_header_struct": _cap_header,
    "__user_cap_data_struct": _cap_data,
    "sock_fprog": _sock_fprog,
    "landlock_ruleset_attr": _quads("handled_access_fs"),
    "landlock_path_beneath_attr": _path_beneath,
    "rlimit64": _quads("rlim_cur", "rlim_max"),
    "cpu_set_t": _quads(*(f"__bits[{word}]" for word in range(16))),
}
