"""A profile: which calls may be made, and what becomes of the others. A value.

What a profile means, on each architecture that it names:

- A rule without comparisons settles its calls; where two of them name one call, the first does.
  Rules with comparisons are then moot, wherever they stand.
- A rule with comparisons holds where all of them hold. Where several hold, the strictest action is
  taken, in the kernel's order (kill process, kill thread, trap, errno, trace, log, allow); among
  errnos, the first rule's.
- Where none holds: what `otherwise` says of the call. Where it says nothing, and of a call that no
  rule is for: the default.
- A rule whose action is the default adds nothing, and is left out before all this.

This is what libseccomp and runc do, but for rules with comparisons that differ in action and hold
for the same call: libseccomp's answer then depends on the shape of its tree; the strictest is never
looser. docs: seccomp(2), seccomp_rule_add(3), runc's libcontainer/seccomp/seccomp_linux.go.

Comparisons are of 64 bits, unsigned. On i386, arm and x32 an argument has 32: a value or a mask
is cut to its low half for ==, != and &==, so that -1 means the same everywhere; the others see an
argument whose high half is 0. (libseccomp cuts there too.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from toyspec.kernel.errnos import NUMBERS

OPERATORS: Final = ("!=", "<", "<=", "==", ">=", ">", "&==")

Architecture = str
"""One of `kernel.syscalls.ARCHITECTURES`."""

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


@dataclass(frozen=True, slots=True)
class Rule:
    """`action` for calls by name, where all comparisons hold.

    Names that an architecture does not have name nothing there. An empty `architectures` means all
    of the profile's.
    """

    names: tuple[str, ...]
    action: Action
    when: tuple[Comparison, ...] = ()
    architectures: tuple[Architecture, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """Rules, and what becomes of the calls that they do not settle.

    `otherwise` is of single calls, where they have rules whose comparisons do not hold. `newer`, where given, is of numbers
    beyond the largest that the profile names on an architecture: programs try new calls first and
    go on with old ones after ENOSYS, not after EPERM. A call of an architecture that is not named
    here meets `unknown`.
    """

    architectures: tuple[Architecture, ...]
    default: Action
    rules: tuple[Rule, ...]
    otherwise: tuple[tuple[str, Action], ...] = ()
    newer: Action | None = None
    unknown: Action = KILL_PROCESS
    flags: tuple[str, ...] = ()
    """SECCOMP_FILTER_FLAG_*, seccomp(2), by name."""
