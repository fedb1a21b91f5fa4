"""The filter that keeps a terminal the caller's, run on a simulated machine: a table of verdicts."""

from __future__ import annotations

import pytest

from toyspec.plan.seccomp.terminal import Instruction, refuse_terminal_input

X86_64, I386, AARCH64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028  # AUDIT_ARCH_*
RISCV64, PPC64LE = 0xC00000F3, 0xC0000015
TIOCSTI, TIOCLINUX, TIOCGWINSZ, TCGETS = 0x5412, 0x541C, 0x5413, 0x5401
X32 = 0x40000000
ALLOW, EPERM, KILL = 0x7FFF0000, 0x00050001, 0x80000000
LD_W_ABS, JEQ, JGT, JGE, JSET, AND, RET = 0x20, 0x15, 0x25, 0x35, 0x45, 0x54, 0x06


def run(program: tuple[Instruction, ...], arch: int, number: int, request: int = 0) -> int:
    """What classic BPF returns for a `struct seccomp_data` with these fields (linux/seccomp.h).

    Raises AssertionError where the kernel would refuse the filter: an unaligned or foreign load, a
    jump past the end, no return.
    """
    data = number.to_bytes(4, "little") + arch.to_bytes(4, "little") + bytes(8)
    data += (0).to_bytes(8, "little") + request.to_bytes(8, "little") + bytes(32)
    assert len(data) == 64
    accumulator, at = 0, 0
    while True:
        assert at < len(program), "no return"
        code, yes, no, k = program[at]
        at += 1
        if code == RET:
            return k
        if code == LD_W_ABS:
            assert k % 4 == 0 <= k < len(data)
            accumulator = int.from_bytes(data[k : k + 4], "little")
        elif code == AND:
            accumulator &= k
        else:
            holds = {
                JEQ: accumulator == k, JGT: accumulator > k, JGE: accumulator >= k,
                JSET: bool(accumulator & k),
            }[code]  # fmt: skip
            at += yes if holds else no
            assert at < len(program), "a jump past the end"


TABLE = [
    # filter, arch of the call, number, request, verdict
    ("x86_64", X86_64, 16, TIOCSTI, EPERM),
    ("x86_64", X86_64, 16, TIOCLINUX, EPERM),
    ("x86_64", X86_64, 16, TCGETS, ALLOW),
    ("x86_64", X86_64, 16, TIOCGWINSZ, ALLOW),
    # the kernel looks at the low 32 bits only (CVE-2019-10063)
    ("x86_64", X86_64, 16, TIOCSTI | 1 << 32, EPERM),
    ("x86_64", X86_64, 16, TIOCLINUX | 0xFFFFFFFF << 32, EPERM),
    ("x86_64", X86_64, 16, TCGETS | 1 << 32, ALLOW),
    # x32's own ioctl, and the 64-bit number with x32's bit
    ("x86_64", X86_64, X32 | 514, TIOCSTI, EPERM),
    ("x86_64", X86_64, X32 | 16, TIOCSTI, EPERM),
    ("x86_64", X86_64, X32 | 514, TCGETS, ALLOW),
    # without the bit it is no ioctl: since Linux 5.4 the number alone does not reach x32's
    ("x86_64", X86_64, 514, TIOCSTI, ALLOW),
    ("x86_64", X86_64, 0, TIOCSTI, ALLOW),
    ("x86_64", X86_64, 1, TIOCSTI, ALLOW),
    ("x86_64", X86_64, 54, TIOCSTI, ALLOW),  # setsockopt there
    ("x86_64", I386, 54, TIOCSTI, EPERM),
    ("x86_64", I386, 54, TIOCLINUX, EPERM),
    ("x86_64", I386, 54, TCGETS, ALLOW),
    ("x86_64", I386, 16, TIOCSTI, ALLOW),  # lchown there
    ("x86_64", AARCH64, 29, TCGETS, KILL),
    ("x86_64", 0, 16, TIOCSTI, KILL),
    ("aarch64", AARCH64, 29, TIOCSTI, EPERM),
    ("aarch64", AARCH64, 29, TIOCLINUX, EPERM),
    ("aarch64", AARCH64, 29, TIOCSTI | 1 << 32, EPERM),
    ("aarch64", AARCH64, 29, TCGETS, ALLOW),
    ("aarch64", AARCH64, 16, TIOCSTI, ALLOW),
    ("aarch64", ARM, 54, TIOCSTI, EPERM),
    ("aarch64", ARM, 54, TCGETS, ALLOW),
    ("aarch64", ARM, 29, TIOCSTI, ALLOW),
    ("aarch64", X86_64, 16, TCGETS, KILL),
    ("aarch64", RISCV64, 29, TCGETS, KILL),
    ("x86_64", PPC64LE, 54, TCGETS, KILL),
]


@pytest.mark.parametrize(
    ("own", "arch", "number", "request_", "verdict"),
    TABLE,
    ids=[f"{own}-{arch:x}-{number:x}-{request:x}" for own, arch, number, request, _ in TABLE],
)
def test_verdict(own: str, arch: int, number: int, request_: int, verdict: int) -> None:
    assert run(refuse_terminal_input(own), arch, number, request_) == verdict


@pytest.mark.parametrize(("own", "arch"), [("x86_64", X86_64), ("aarch64", AARCH64)])
def test_every_other_call_goes_through(own: str, arch: int) -> None:
    program = refuse_terminal_input(own)
    ioctl = {"x86_64": 16, "aarch64": 29}[own]
    for number in range(1024):
        assert run(program, arch, number, TIOCSTI) == (EPERM if number == ioctl else ALLOW)


@pytest.mark.parametrize(("own", "arch", "number"), [("x86_64", X86_64, 16), ("aarch64", ARM, 54)])
def test_every_other_request_goes_through(own: str, arch: int, number: int) -> None:
    program = refuse_terminal_input(own)
    refused = [r for r in range(0x5400, 0x5500) if run(program, arch, number, r) != ALLOW]
    assert refused == [TIOCSTI, TIOCLINUX]


def test_the_kernel_takes_a_filter_of_that_length() -> None:
    assert all(len(refuse_terminal_input(own)) < 4096 for own in ("x86_64", "aarch64"))
