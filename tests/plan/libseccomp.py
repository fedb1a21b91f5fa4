"""libseccomp as the oracle: the filter that runc would make of a profile, by libseccomp.so.2."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import struct
import tempfile
from functools import cache
from typing import TYPE_CHECKING, Final

from tests import tools

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.plan.bpf import Instruction
    from toyspec.plan.seccomp.profile import Profile
    from toyspec.spec.seccomp.rules import Action, Comparison

_ARCHES: Final = {  # SCMP_ARCH_*, seccomp.h
    "x86_64": 0xC000003E, "i386": 0x40000003, "x32": 0x4000003E, "aarch64": 0xC00000B7,
    "arm": 0x40000028,
}  # fmt: skip
_OPERATORS: Final = {"!=": 1, "<": 2, "<=": 3, "==": 4, ">=": 5, ">": 6, "&==": 7}  # SCMP_CMP_*
_BADARCH: Final = 2  # SCMP_FLTATR_ACT_BADARCH
_ERROR: Final = -1  # __NR_SCMP_ERROR
EEXIST: Final = 17


class RefusedError(Exception):
    """libseccomp does not take a rule; `errno` says why."""

    def __init__(self, errno: int) -> None:
        super().__init__(os.strerror(errno))
        self.errno = errno


class _Argument(ctypes.Structure):
    """struct scmp_arg_cmp, seccomp.h."""

    _fields_ = (
        ("arg", ctypes.c_uint), ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64), ("datum_b", ctypes.c_uint64),
    )  # fmt: skip


@cache
def library() -> ctypes.CDLL | None:
    try:
        found = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return None
    found.seccomp_init.restype = ctypes.c_void_p
    found.seccomp_init.argtypes = [ctypes.c_uint32]
    for name in ("arch_add", "arch_remove"):
        getattr(found, f"seccomp_{name}").argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    found.seccomp_attr_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
    found.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(_Argument),
    ]  # fmt: skip
    found.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    found.seccomp_syscall_resolve_name_arch.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    found.seccomp_arch_native.restype = ctypes.c_uint32
    found.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    found.seccomp_release.argtypes = [ctypes.c_void_p]
    return found


def need() -> ctypes.CDLL:
    """The library; skips, or fails, where there is none."""
    found = library()
    if found is None:
        tools.missing.update(["libseccomp.so.2"])
        tools.lack("needs libseccomp.so.2")
    assert found is not None
    return found


def number(arch: str, name: str) -> int | None:
    """What libseccomp has as the call's number; None where it has no such call there.

    Calls that i386 may make through another have a negative one.
    """
    found = int(need().seccomp_syscall_resolve_name_arch(_ARCHES[arch], name.encode()))
    multiplexed = -120 <= found <= -101 or -224 <= found <= -201  # socketcall's and ipc's
    return found if found >= 0 or multiplexed else None


def _return(action: Action) -> int:
    """SCMP_ACT_*, which is what the filter returns."""
    return action.value


def compile_(profile: Profile) -> tuple[Instruction, ...]:
    """The profile's filter by way of libseccomp, each rule added as runc adds it.

    Rules of single architectures and `otherwise` have no counterpart there.
    """
    assert not profile.otherwise and not any(rule.architectures for rule in profile.rules)
    lib = need()
    context = lib.seccomp_init(_return(profile.default))
    assert context
    try:
        native = lib.seccomp_arch_native()
        for arch in profile.architectures:
            if _ARCHES[arch] != native:
                _ok(lib.seccomp_arch_add(context, _ARCHES[arch]))
        if native not in [_ARCHES[arch] for arch in profile.architectures]:
            _ok(lib.seccomp_arch_remove(context, native))
        _ok(lib.seccomp_attr_set(context, _BADARCH, _return(profile.unknown)))
        for rule in profile.rules:
            if rule.action == profile.default:
                continue  # as runc: libseccomp would refuse it
            for name in rule.names:
                call = lib.seccomp_syscall_resolve_name(name.encode())
                if call != _ERROR:  # as runc: a name that it does not know is passed over
                    _add(lib, context, rule.action, call, rule.when)
        return _exported(lib, context)
    finally:
        lib.seccomp_release(context)


def _add(
    lib: ctypes.CDLL, context: int, action: Action, call: int, when: Sequence[Comparison]
) -> None:
    arguments = (_Argument * max(len(when), 1))()
    for at, one in enumerate(when):
        first, second = (one.mask, one.value) if one.operator == "&==" else (one.value, 0)
        arguments[at] = _Argument(one.index, _OPERATORS[one.operator], first, second)
    _ok(lib.seccomp_rule_add_array(context, _return(action), call, len(when), arguments))


def _exported(lib: ctypes.CDLL, context: int) -> tuple[Instruction, ...]:
    with tempfile.TemporaryFile() as file:
        _ok(lib.seccomp_export_bpf(context, file.fileno()))
        file.seek(0)
        return tuple(struct.iter_unpack("<HBBI", file.read()))  # struct sock_filter


def _ok(result: int) -> None:
    if result < 0:
        raise RefusedError(-result)
