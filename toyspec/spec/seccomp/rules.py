"""What a profile's rules are made of: actions, and comparisons of a call's arguments. Values."""

from __future__ import annotations

from typing import Final

from toyspec.kernel.errnos import NUMBERS
from toyspec.values import dataclass

OPERATORS: Final = ("!=", "<", "<=", "==", ">=", ">", "&==")

VALUES: Final = {
    "kill process": 0x80000000, "kill thread": 0x00000000, "trap": 0x00030000,
    "errno": 0x00050000, "trace": 0x7FF00000, "log": 0x7FFC0000, "allow": 0x7FFF0000,
}  # fmt: skip
"""SECCOMP_RET_*, linux/seccomp.h, the strictest first."""

_STRICTNESS: Final = tuple(VALUES)
WITH_DATA: Final = frozenset({"errno", "trace"})
MAX_ERRNO: Final = 4095
"""The kernel's: seccomp(2) cuts a larger one."""


@dataclass(frozen=True, slots=True)
class Action:
    """What becomes of a call: a word of `VALUES`, with an errno or a tracer's message (16 bits)."""

    kind: str
    data: int = 0

    def __post_init__(self) -> None:
        limit = {"errno": MAX_ERRNO, "trace": 0xFFFF}.get(self.kind, 0)
        if self.kind not in VALUES or not 0 <= self.data <= limit:
            raise ValueError(self)

    @property
    def value(self) -> int:
        """What the filter returns: SECCOMP_RET_* and its data."""
        return VALUES[self.kind] | self.data

    @property
    def strictness(self) -> int:
        """Less is stricter, in the order of the kernel when several filters differ."""
        return _STRICTNESS.index(self.kind)


def errno(name: str) -> Action:
    """The call fails with this errno. KeyError where nobody knows the name."""
    return Action("errno", NUMBERS[name])


ALLOW: Final = Action("allow")
LOG: Final = Action("log")
KILL_PROCESS: Final = Action("kill process")
KILL_THREAD: Final = Action("kill thread")
TRAP: Final = Action("trap")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Argument `index` (0 to 5), `operator`, `value`; with &==, what the mask leaves of it."""

    index: int
    operator: str
    value: int
    mask: int = (1 << 64) - 1

    def __post_init__(self) -> None:
        whole = (1 << 64) - 1
        known = self.operator in OPERATORS and 0 <= self.index <= 5
        if not (known and 0 <= self.value <= whole and 0 <= self.mask <= whole):
            raise ValueError(self)
        if self.operator == "&==":
            if self.value & ~self.mask:
                raise ValueError(self)  # never true, and libseccomp would cut it in silence
        elif self.mask != whole:
            raise ValueError(self)
