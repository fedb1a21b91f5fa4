"""A profile in docker's format, as a value.

Docker's format is OCI's `linux.seccomp` with conditions (`includes`, `excludes`, `archMap`); podman's
has `errno` by name beside `errnoRet`. `json_reader.read` makes the value; what of it holds on one
host, for one box, is said by `plan.seccomp.select`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toyspec.spec.seccomp.rules import Action
from toyspec.values import dataclass

if TYPE_CHECKING:
    from toyspec.spec.seccomp.rules import Comparison

Kernel = tuple[int, int]
"""A version and its major revision, as docker calls it: (6, 18)."""

TOKENS: Final = {
    "SCMP_ARCH_X86_64": "x86_64", "SCMP_ARCH_X86": "i386", "SCMP_ARCH_X32": "x32",
    "SCMP_ARCH_AARCH64": "aarch64", "SCMP_ARCH_ARM": "arm",
}  # fmt: skip
"""libseccomp's names for our architectures."""

FOREIGN_TOKENS: Final = """
SCMP_ARCH_MIPS SCMP_ARCH_MIPS64 SCMP_ARCH_MIPS64N32 SCMP_ARCH_MIPSEL SCMP_ARCH_MIPSEL64
SCMP_ARCH_MIPSEL64N32 SCMP_ARCH_PPC SCMP_ARCH_PPC64 SCMP_ARCH_PPC64LE SCMP_ARCH_S390
SCMP_ARCH_S390X SCMP_ARCH_PARISC SCMP_ARCH_PARISC64 SCMP_ARCH_RISCV64 SCMP_ARCH_LOONGARCH64
SCMP_ARCH_M68K SCMP_ARCH_SH SCMP_ARCH_SHEB
"""
"""Those of others, whose calls never come on ours."""

ARCHES: Final = """
amd64 arm arm64 loong64 loongarch64 mips mips64 mips64n32 mips64p32 mips64p32le mips64le mipsel
mipsel64 mips3l64n32 mipsle ppc ppc64 ppc64le riscv64 s390 s390x x32 x86
"""
"""Its words for all of them."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What `includes` or `excludes` asks for. Empty asks for nothing."""

    arches: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    min_kernel: Kernel | None = None


@dataclass(frozen=True, slots=True)
class DockerRule:
    """One of `syscalls`."""

    names: tuple[str, ...]
    action: Action
    when: tuple[Comparison, ...]
    includes: Condition
    excludes: Condition


@dataclass(frozen=True, slots=True)
class DockerProfile:
    """The whole file. `architectures` and `families` are ours, by our names.

    `unknown` are names in its rules that are no call's as far as toyspec knows, and that take
    nothing away where they are passed over: without them the default holds, and is as strict.
    """

    default: Action
    rules: tuple[DockerRule, ...]
    architectures: tuple[str, ...]
    families: tuple[tuple[str, tuple[str, ...]], ...]
    flags: tuple[str, ...]
    unknown: tuple[str, ...] = ()
