"""The filter that keeps a terminal among the box's streams the caller's: no TIOCSTI, no TIOCLINUX.

Both push text into the terminal's input, where the caller's shell reads it once the box is gone
(CVE-2017-5226). The kernel looks at the low 32 bits of ioctl's request only, so the filter does.
"""

from __future__ import annotations

_LOAD, _JEQ, _RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
_NR, _ARCH, _REQUEST = 0, 4, 24  # offsets in struct seccomp_data (linux/seccomp.h), little endian
_ALLOW, _KILL, _EPERM = 0x7FFF0000, 0x80000000, 0x00050001  # SECCOMP_RET_*
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # asm-generic/ioctls.h

# AUDIT_ARCH_* (linux/audit.h) and the numbers of ioctl in each architecture's tables: native,
# x32 (its own number and the 64-bit one with bit 30), and the 32-bit one.
_IOCTLS: dict[str, tuple[tuple[int, tuple[int, ...]], ...]] = {
    "x86_64": ((0xC000003E, (16, 0x40000000 | 514, 0x40000000 | 16)), (0x40000003, (54,))),
    "aarch64": ((0xC00000B7, (29,)), (0x40000028, (54,))),
}

Instruction = tuple[int, int, int, int]


def refuse_terminal_input(arch: str) -> tuple[Instruction, ...]:
    """The filter for `arch` and the 32-bit programs that it runs; any other is killed."""
    blocks: list[list[Instruction]] = []
    for audit, numbers in _IOCTLS[arch]:
        checks: list[Instruction] = [(_LOAD, 0, 0, _NR)]
        for index, number in enumerate(numbers):
            checks.append((_JEQ, len(numbers) - 1 - index + 1, 0, number))
        checks += [
            (_RETURN, 0, 0, _ALLOW),
            (_LOAD, 0, 0, _REQUEST),
            (_JEQ, 2, 0, _TIOCSTI),
            (_JEQ, 1, 0, _TIOCLINUX),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _EPERM),
        ]
        blocks.append([(_JEQ, 0, len(checks), audit), *checks])
    body = [instruction for block in blocks for instruction in block]
    return ((_LOAD, 0, 0, _ARCH), *body, (_RETURN, 0, 0, _KILL))
