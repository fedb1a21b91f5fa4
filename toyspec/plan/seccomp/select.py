"""What of a profile in docker's format holds on one host, for one box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toyspec.kernel.syscalls import COMPATIBLE
from toyspec.plan.seccomp.profile import Profile, Rule
from toyspec.spec.seccomp.rules import errno

if TYPE_CHECKING:
    from collections.abc import Collection

    from toyspec.spec.seccomp.docker import Condition, DockerProfile, Kernel

OWN_ARCHES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
"""Docker's word for the host that `includes` and `excludes` ask about."""


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
