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

from toyspec.spec.seccomp.rules import KILL_PROCESS, Action, Comparison
from toyspec.values import dataclass

Architecture = str
"""One of `kernel.syscalls.ARCHITECTURES`."""


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
