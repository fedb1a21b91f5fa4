"""A profile in docker's format, as a value, and what of it holds on one host for one box.

Docker's format is OCI's `linux.seccomp` with conditions (`includes`, `excludes`, `archMap`); podman's
has `errno` by name beside `errnoRet`. `json_reader.read` makes the value, `select` the `Profile`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toyspec.kernel.syscalls import COMPATIBLE
from toyspec.plan.seccomp.profile import Action, Profile, Rule, errno

if TYPE_CHECKING:
    from collections.abc import Collection

    from toyspec.plan.seccomp.profile import Comparison

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

OWN_ARCHES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
"""Docker's word for the host that `includes` and `excludes` ask about."""

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
    """The whole file. `architectures` and `families` are ours, by our names."""

    default: Action
    rules: tuple[DockerRule, ...]
    architectures: tuple[str, ...]
    families: tuple[tuple[str, tuple[str, ...]], ...]
    flags: tuple[str, ...]


def select(
    document: DockerProfile, arch: str, capabilities: Collection[str], kernel: Kernel
) -> Profile:
    """The profile for a box with these capabilities on a host of `arch` that runs `kernel`.

    As docker and runc have it: an architecture that is not listed is not judged but killed, the
    host's own is always judged; a new call is ENOSYS where the default is to fail or to kill.
    KeyError where `arch` is none of a host's.
    """
    word = OWN_ARCHES[arch]
    rules = tuple(
        Rule(rule.names, rule.action, rule.when)
        for rule in document.rules
        if not _excluded(rule.excludes, word, capabilities, kernel)
        and _included(rule.includes, word, capabilities, kernel)
    )
    listed = dict(document.families).get(arch, ()) or document.architectures
    architectures = (arch, *(other for other in COMPATIBLE[arch] if other in listed))
    newer = None
    if document.default.kind not in ("allow", "log", "trace"):
        newer = errno("ENOSYS")
    return Profile(architectures, document.default, rules, newer=newer, flags=document.flags)


def _included(asked: Condition, arch: str, capabilities: Collection[str], kernel: Kernel) -> bool:
    """All of what is asked for."""
    return (
        (not asked.arches or arch in asked.arches)
        and all(name in capabilities for name in asked.capabilities)
        and (asked.min_kernel is None or kernel >= asked.min_kernel)
    )


def _excluded(asked: Condition, arch: str, capabilities: Collection[str], kernel: Kernel) -> bool:
    """Any of what is asked for."""
    return (
        arch in asked.arches
        or any(name in capabilities for name in asked.capabilities)
        or (asked.min_kernel is not None and kernel >= asked.min_kernel)
    )
