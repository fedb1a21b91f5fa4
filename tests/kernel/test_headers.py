"""The tables say what the kernel's headers say: numbers, constants, structures, errnos."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from tests import tools
from tests.kernel.headers import AARCH64, GENERIC, KERNEL, LIBC, values
from toyspec.kernel import errnos, features, signals
from toyspec.kernel.calls import ARCHITECTURES, CALLS, number
from toyspec.kernel.flags import CAPABILITIES, NAMES, S_IFMT, flags, octal
from toyspec.kernel.structs import BPF_INSTRUCTION, OUTPUTS, POINTER, STRUCTS

if TYPE_CHECKING:
    from pathlib import Path

IN_LIBC: Final = {"address_family", "socket_type", "interface", "umount"}
"""Sets that the kernel's exported headers do not define: the C library repeats them."""

OUR_OWN: Final = {"ALL"}
"""Names of ours: every signal."""

LACKING: Final[dict[str, tuple[int, int]]] = {"LANDLOCK_ACCESS_FS_TRUNCATE": (6, 2)}
"""Constants that came with this version of Linux; older headers lack them."""

C_NAMES: Final = {
    "open_how": "struct open_how", "mount_attr": "struct mount_attr", "int[2]": "int[2]",
    "int": "int",
    "statx": "struct statx", "statfs": "struct statfs", "sigset_t": "sigset_t",
    "sigaction": "struct sigaction", "ifreq": "struct ifreq", "msghdr": "struct msghdr",
    "__user_cap_header_struct": "struct __user_cap_header_struct",
    "__user_cap_data_struct": "struct __user_cap_data_struct[2]",
    "sock_fprog": "struct sock_fprog", "rlimit64": "struct rlimit64", "cpu_set_t": "cpu_set_t",
    "landlock_ruleset_attr": "struct landlock_ruleset_attr",
    "landlock_path_beneath_attr": "struct landlock_path_beneath_attr",
}  # fmt: skip


def include(arch: str) -> str | None:
    if arch == "x86_64":
        if os.uname().machine != "x86_64":
            tools.lack("the headers here are not x86_64's")
        return None
    if not os.path.isdir(AARCH64):
        tools.lack("needs linux-libc-dev-arm64-cross")
    return AARCH64


def plain(name: str, arch: str) -> dict[str, int]:
    """The set as the headers have it: capabilities and signals by number, not by mask."""
    known = {key: value for key, value in flags(name, arch).items() if key not in OUR_OWN}
    if name == "capability":
        return {key: value.bit_length() - 1 for key, value in known.items()}
    if name == "rlimit_value":  # all bits: the C program prints signed numbers
        return {key: value - (1 << 64) for key, value in known.items()}
    if name == "signal_mask":
        return {key: value.bit_length() for key, value in known.items()}
    return known


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_numbers_are_those_of_the_headers(arch: str, tmp_path: Path) -> None:
    wanted = {"__NR_" + call: number(call, arch) for call in CALLS}
    assert values(KERNEL, wanted, tmp_path, include=include(arch)) == wanted


def test_aarch64_numbers_are_those_of_the_generic_table(tmp_path: Path) -> None:
    wanted = {"__NR_" + call: number(call, "aarch64") for call in CALLS}
    defines = ("__ARCH_WANT_NEW_STAT", "__ARCH_WANT_SET_GET_RLIMIT", "__ARCH_WANT_SYS_CLONE3")
    assert values(GENERIC, wanted, tmp_path, defines=defines) == wanted


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_constants_are_those_of_the_kernel(arch: str, tmp_path: Path) -> None:
    wanted = {
        key: value
        for name in NAMES
        if name not in IN_LIBC
        for key, value in plain(name, arch).items()
    }
    wanted["S_IFMT"] = S_IFMT
    wanted |= {name: value for value, name in enumerate(CAPABILITIES)}
    found = values(KERNEL, (*wanted, "LINUX_VERSION_CODE"), tmp_path, include=include(arch))
    code = found.pop("LINUX_VERSION_CODE")
    release = (code >> 16, code >> 8 & 0xFF)
    assert wanted.keys() - found.keys() == {
        name for name, since in LACKING.items() if since > release
    }
    assert found == {name: wanted[name] for name in found}


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_signalfd_is_that_of_the_headers(arch: str, tmp_path: Path) -> None:
    wanted = {
        "__NR_signalfd4": signals._NUMBERS[arch],
        "SFD_CLOEXEC | SFD_NONBLOCK": signals._CLOEXEC_NONBLOCK,
        "sizeof(struct signalfd_siginfo)": signals._SIZE,
        "offsetof(struct signalfd_siginfo, ssi_pid)": signals._SENDER,
    }
    headers = (*KERNEL, "linux/signalfd.h")
    assert values(headers, wanted, tmp_path, include=include(arch)) == wanted


def test_constants_are_those_of_the_c_library(tmp_path: Path) -> None:
    wanted = {key: value for name in IN_LIBC for key, value in flags(name, "x86_64").items()}
    assert values(LIBC, wanted, tmp_path) == wanted


@pytest.mark.parametrize(
    ("name", "bits"),
    [("0644", 0o644), ("1777", 0o1777), ("01777", 0o1777), ("0", 0), ("0000", 0), ("00", 0),
     ("644", None), ("0888", None), ("", None), ("001777", None), ("O_PATH", None), ("٠٦٤٤", None)],
)  # fmt: skip
def test_permission_bits_in_octal(name: str, bits: int | None) -> None:
    assert octal(name) == bits


def test_a_name_means_one_thing() -> None:
    for arch in ARCHITECTURES:
        seen: dict[str, int] = {}
        for name in NAMES:
            for key, value in plain(name, arch).items():
                assert seen.setdefault(key, value) == value, key


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_structures_are_laid_out_as_in_the_headers(arch: str, tmp_path: Path) -> None:
    assert set(C_NAMES) == set(STRUCTS) - {"char[]"}
    in_libc = {"ifreq", "cpu_set_t", "msghdr"}
    wanted: dict[bool, dict[str, int]] = {True: {}, False: {}}
    for name, c_name in C_NAMES.items():
        size, fields = STRUCTS[name]
        wanted[name in in_libc][f"sizeof({c_name})"] = size
        if not c_name.startswith("struct ") or name == "sigaction":
            continue
        first = c_name.removesuffix("[2]")
        for field, offset, width, kind in (*fields, *OUTPUTS.get(name, ())):
            if kind == "rights":  # they lie behind a cmsghdr
                wanted[True][f"CMSG_LEN({4 * int(field[-2])})"] = offset
                continue
            wanted[name in in_libc][f"offsetof({first}, {field})"] = offset
            wanted[name in in_libc][f"sizeof((({first} *)0)->{field})"] = width
    wanted[False]["sizeof(struct __user_cap_data_struct)"] = 12
    wanted[False]["sizeof(struct sock_filter)"] = BPF_INSTRUCTION
    wanted[False]["sizeof(void *)"] = POINTER
    assert values(KERNEL, wanted[False], tmp_path, include=include(arch)) == wanted[False]
    if arch == "x86_64":  # the C library's are the same for both
        assert values(LIBC, wanted[True], tmp_path) == wanted[True]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_errnos_are_those_of_the_headers(arch: str, tmp_path: Path) -> None:
    assert values(KERNEL, errnos.NUMBERS, tmp_path, include=include(arch)) == errnos.NUMBERS


def test_every_errno_of_python_has_a_name_and_a_text() -> None:
    import errno

    for code in errno.errorcode:
        assert errnos.name(code) in errnos.NUMBERS
        assert errnos.text(code)
    assert errnos.name(4711) == errnos.text(4711) == "errno 4711"


def test_features_are_what_this_kernel_has() -> None:
    arch = os.uname().machine
    release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
    for since, asked in (
        ((5, 2), features.open_tree), ((5, 2), features.move_mount), ((5, 2), features.fsopen),
        ((5, 6), features.openat2), ((5, 11), features.close_range_cloexec),
        ((5, 12), features.mount_setattr),
    ):  # fmt: skip
        if release >= since:
            assert asked(arch), asked
    assert features.landlock(arch) >= 0
