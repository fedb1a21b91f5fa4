"""What this kernel can do, asked by calls that cannot succeed or that change nothing.

Only ENOSYS says that a call is missing: other errnos come from arguments that are wrong on
purpose, or from what the caller may not do.
"""

from __future__ import annotations

from toyspec.kernel.call import syscall
from toyspec.kernel.calls import number
from toyspec.kernel.errnos import NUMBERS

_ENOSYS = NUMBERS["ENOSYS"]
_NO_SUCH_FLAGS = 0x7FFF0000
_SET_MODE_FILTER = 1
_EFAULT = NUMBERS["EFAULT"]
_LANDLOCK_CREATE_RULESET_VERSION = 1


def mount_setattr(arch: str) -> bool:
    """Linux 5.12. A size of 0 is refused before anything is looked at."""
    return syscall(number("mount_setattr", arch), -1) != -_ENOSYS


def open_tree(arch: str) -> bool:
    """Linux 5.2. Unknown flags are refused first."""
    return syscall(number("open_tree", arch), -1, 0, _NO_SUCH_FLAGS) != -_ENOSYS


def move_mount(arch: str) -> bool:
    """Linux 5.2. EPERM for who may not mount, EINVAL for unknown flags otherwise."""
    return syscall(number("move_mount", arch), -1, 0, -1, 0, _NO_SUCH_FLAGS) != -_ENOSYS


def fsopen(arch: str) -> bool:
    """Linux 5.2. EPERM for who may not mount, EINVAL for unknown flags otherwise."""
    return syscall(number("fsopen", arch), 0, _NO_SUCH_FLAGS) != -_ENOSYS


def openat2(arch: str) -> bool:
    """Linux 5.6. A size of 0 is refused first."""
    return syscall(number("openat2", arch), -1) != -_ENOSYS


def close_range_cloexec(arch: str) -> bool:
    """Linux 5.11: `CLOSE_RANGE_CLOEXEC`. Sets it on a descriptor that no process can have."""
    last = 0xFFFFFFFF
    return syscall(number("close_range", arch), last, last, 4) == 0


def landlock(arch: str) -> int:
    """Landlock's ABI version; 0 where it is missing or off (landlock_create_ruleset(2))."""
    query = number("landlock_create_ruleset", arch)
    return max(0, syscall(query, 0, 0, _LANDLOCK_CREATE_RULESET_VERSION))


def seccomp_filter(arch: str) -> bool:
    """CONFIG_SECCOMP_FILTER: EFAULT for a filter that is nowhere; EINVAL without it (seccomp(2))."""
    return syscall(number("seccomp", arch), _SET_MODE_FILTER, 0, 0) == -_EFAULT
