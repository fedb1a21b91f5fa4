"""From a profile to what each number of an architecture meets: its rules in order, all settled.

i386 reaches sockets and System V's ipc in two ways: by calls of their own and through socketcall(2)
and ipc(2), whose first argument says which call is meant and whose others a filter cannot read. A
rule for `socket` is therefore one for socketcall too, as libseccomp has it. Where the answer depends
on arguments, only the strictest of the possible ones is safe, and that is taken there. (libseccomp
forgets the comparisons, so that what one family of sockets was allowed all of them are.) A profile
that allows `socketcall` or `ipc` by name has said that it does not mind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toyspec.kernel.syscalls import numbers
from toyspec.spec.seccomp.rules import Action, Comparison
from toyspec.values import dataclass

if TYPE_CHECKING:
    from toyspec.plan.seccomp.profile import Profile

_SOCKETCALL: Final = """
socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom
shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg
"""  # from 1: SYS_SOCKET …, linux/net.h
_IPC: Final = {
    "semop": 1, "semget": 2, "semctl": 3, "semtimedop": 4, "msgsnd": 11, "msgrcv": 12,
    "msgget": 13, "msgctl": 14, "shmat": 21, "shmdt": 22, "shmget": 23, "shmctl": 24,
}  # fmt: skip
"""SEMOP …, linux/ipc.h. The kernel looks at 16 bits: those above are a version."""

NARROW: Final = ("i386", "x32", "arm")
"""Architectures whose arguments have 32 bits, x32's by libseccomp's reading."""

LOW: Final = 0xFFFFFFFF
"""The half of an argument that they have."""

Branch = tuple[tuple[Comparison, ...], Action]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The first branch whose comparisons all hold, or else the last word."""

    branches: tuple[Branch, ...]
    otherwise: Action


@dataclass(frozen=True, slots=True)
class Numbered:
    """An architecture's numbers that do not simply meet the default, and the last one named."""

    verdicts: dict[int, Verdict]
    last: int | None


def resolve(profile: Profile, arch: str) -> Numbered:
    """What the profile says of each number of `arch`, x32's with their bit."""
    table = numbers(arch)
    settled: dict[str, Action] = {}
    branches: dict[str, list[Branch]] = {}
    last = None
    for rule in profile.rules:
        if rule.architectures and arch not in rule.architectures:
            continue
        when = _cut(rule.when, arch)
        for name in rule.names:
            number = table.get(name)
            if number is not None and (last is None or number > last):
                last = number
            if rule.action == profile.default:
                continue
            if when:
                branches.setdefault(name, []).append((when, rule.action))
            else:
                settled.setdefault(name, rule.action)
    otherwise = dict(profile.otherwise)
    found = {
        name: _verdict(settled.get(name), branches.get(name, []), otherwise, name, profile)
        for name in (*settled, *branches)
    }
    if arch == "i386":
        _multiplexed(found, profile.default)
    verdicts = {table[name]: verdict for name, verdict in found.items() if name in table}
    return Numbered(verdicts, last)


def _cut(when: tuple[Comparison, ...], arch: str) -> tuple[Comparison, ...]:
    """The comparisons that can fail: without masks that leave nothing."""
    width = LOW if arch in NARROW else -1
    return tuple(one for one in when if one.operator != "&==" or one.mask & width)


def _verdict(
    settled: Action | None,
    branches: list[Branch],
    otherwise: dict[str, Action],
    name: str,
    profile: Profile,
) -> Verdict:
    if settled is not None:
        return Verdict((), settled)
    ordered = sorted(branches, key=lambda branch: branch[1].strictness)
    return Verdict(tuple(ordered), otherwise.get(name, profile.default))


def _multiplexed(found: dict[str, Verdict], default: Action) -> None:
    """Add what the rules of single calls mean for socketcall and ipc."""
    calls = {name: code for code, name in enumerate(_SOCKETCALL.split(), 1)}
    for through, codes, mask in (("socketcall", calls, 0xFFFFFFFF), ("ipc", _IPC, 0xFFFF)):
        named = found.get(through)
        if named is not None and not named.branches:
            continue  # settled by its own name
        last = named.otherwise if named else default
        added: list[Branch] = list(named.branches) if named else []
        for name, code in codes.items():
            if name in found:
                action = _blind(found[name])
                if action != last:
                    added.append(((Comparison(0, "&==", code, mask),), action))
        if added:
            added.sort(key=lambda branch: branch[1].strictness)
            found[through] = Verdict(tuple(added), last)


def _blind(verdict: Verdict) -> Action:
    """The strictest of what a call may meet where its arguments cannot be seen."""
    possible = (*(action for _, action in verdict.branches), verdict.otherwise)
    return min(possible, key=lambda action: action.strictness)
