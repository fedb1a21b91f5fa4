"""libseccomp makes a filter of the same profile; both give the same verdict on a large table.

What may differ, and why, is said where it is excluded; each such difference has a test of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plan import bpf, libseccomp
from tests.plan.profiles import PROFILE
from tests.plan.test_seccomp_assemble import CALLS, LOW, WHOLE, actions, comparisons
from toyspec.kernel.syscalls import X32_BIT, names, numbers
from toyspec.plan.seccomp.assemble import assemble
from toyspec.plan.seccomp.default import default_profile
from toyspec.plan.seccomp.profile import Profile, Rule
from toyspec.plan.seccomp.select import select
from toyspec.spec.seccomp.json_reader import read
from toyspec.spec.seccomp.rules import ALLOW, Action, Comparison, errno

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.plan.bpf import Instruction

ENOSYS: Final = errno("ENOSYS")
SOCKETCALL, IPC = 102, 117
NAMESPACES: Final = 0x7E020000
ARGUMENTS: Final = (
    0, 1, 2, 8, 9, 10, 11, 16, 17, 21, 37, 38, 39, 40, 41, 0x11, 0x80, 0x1200011, 0x20000, 0x20008,
    0x40000, 0x400000, 0x5401, 0x5412, 0x541C, 0x10000000, 0x3D0F00, NAMESPACES, NAMESPACES | 0x11,
    LOW, 1 << 32, 1 << 32 | 1, 1 << 32 | 38, 1 << 32 | 0x5412, 1 << 63, WHOLE,
)  # fmt: skip
"""Of any argument that rules look at: families, flags of clone, requests, personalities."""


def table(arch: str) -> Iterator[int]:
    """Every number from 0 to 600, those of arm's own, x32's, and some far away."""
    bit = X32_BIT if arch == "x32" else 0
    yield from (number | bit for number in range(601))
    yield from () if bit else (983041, 983042, 983045, 983046, 0x10000, 0x3FFFFFFF, LOW)
    yield from () if arch == "x86_64" else (0x7FFFFFFF, 0x80000000, LOW - 1)


def unknown(arch: str, number: int) -> bool:
    """A call that this libseccomp does not know: it cannot have rules for it."""
    name = names(arch).get(number)
    return name is not None and libseccomp.number(arch, name) is None


def cases(profile: Profile, arch: str) -> Iterator[bpf.Call]:
    """The table; for calls whose arguments are looked at, with each interesting value of them."""
    looked_at: dict[int, set[int]] = {}
    for rule in profile.rules:
        for name in rule.names:
            if rule.when and name in numbers(arch):
                indices = looked_at.setdefault(numbers(arch)[name], set())
                indices |= {one.index for one in rule.when}
    if arch == "i386":
        looked_at |= {SOCKETCALL: {0}, IPC: {0}}
    wide = WHOLE if arch in ("x86_64", "aarch64") else LOW
    for number in table(arch):
        if unknown(arch, number):
            continue
        values = ARGUMENTS if number in looked_at else ARGUMENTS[:2]
        for value in dict.fromkeys(value & wide for value in values):
            for index in looked_at.get(number, {0}):
                arguments = [0] * 6
                arguments[index] = value
                yield bpf.Call(bpf.AUDIT[arch], number, tuple(arguments))
            yield bpf.Call(bpf.AUDIT[arch], number, (value,) * 6)


def newer(profile: Profile, arch: str, number: int) -> bool:
    """Whether runc's patch of the filter answers, before libseccomp's part of it."""
    named = [
        numbers(arch)[name]
        for rule in profile.rules
        for name in rule.names
        if name in numbers(arch)
    ]
    return profile.newer is not None and number > max(named, default=LOW)


HOSTS: Final = (("x86_64", ("x86_64", "i386", "x32")), ("aarch64", ("aarch64", "arm")))
HELD: Final[tuple[tuple[str, ...], ...]] = (
    (), ("CAP_SYS_ADMIN",), ("CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_TIME", "CAP_BPF"),
)  # fmt: skip


@pytest.mark.parametrize("held", HELD, ids=lambda held: "+".join(held) or "none")
@pytest.mark.parametrize(("host", "architectures"), HOSTS, ids=[host for host, _ in HOSTS])
def test_a_profile_in_dockers_format(
    host: str, architectures: tuple[str, ...], held: tuple[str, ...]
) -> None:
    profile = select(read(PROFILE.encode()), host, held, (6, 1))
    assert profile.architectures == architectures
    theirs, ours = libseccomp.compile_(profile), assemble(profile)
    bpf.check(ours)
    judged = 0
    for arch in architectures:
        for call in cases(profile, arch):
            wanted = bpf.run(theirs, call)
            if newer(profile, arch, call.number):
                wanted = ENOSYS.value
            assert bpf.run(ours, call) == wanted, call
            judged += 1
    assert judged > 2000


@pytest.mark.parametrize("held", HELD, ids=lambda held: "+".join(held) or "none")
@pytest.mark.parametrize(("host", "architectures"), HOSTS, ids=[host for host, _ in HOSTS])
def test_the_default_profile(
    host: str, architectures: tuple[str, ...], held: tuple[str, ...]
) -> None:
    profile = default_profile(host, held)
    ours, oracle = assemble(profile), default_oracle(profile)
    bpf.check(ours)
    judged = 0
    for arch in architectures:
        for call in cases(profile, arch):
            if arch == "i386" and call.number == SOCKETCALL and call.arguments[0] in (1, 8):
                continue  # test_socketcall_is_stricter_than_libseccomps
            assert bpf.run(ours, call) == oracle(arch, call), call
            judged += 1
    assert judged > 2000


def default_oracle(profile: Profile) -> Callable[[str, bpf.Call], int]:
    """libseccomp has no `otherwise`: a call that has one gets a filter with that as the default."""
    native = tuple(arch for arch in profile.architectures if arch != "x32")
    special = dict(profile.otherwise)

    def made(default: Action, rules: list[Rule]) -> tuple[Instruction, ...]:
        plain = tuple(Rule(rule.names, rule.action, rule.when) for rule in rules)
        return libseccomp.compile_(Profile(native, default, plain))

    main = made(profile.default, [rule for rule in profile.rules if not rule.when])
    single = {
        name: made(action, [rule for rule in profile.rules if rule.when and name in rule.names])
        for name, action in special.items()
    }

    def verdict(arch: str, call: bpf.Call) -> int:
        if arch == "x32":
            return profile.default.value
        return bpf.run(single.get(names(arch).get(call.number, ""), main), call)

    return verdict


def test_what_this_libseccomp_does_not_know_is_new() -> None:
    """The table leaves out nothing but calls that are younger than the library."""
    libseccomp.need()
    for _, architectures in HOSTS:
        for arch in architectures:
            late = {name for number, name in names(arch).items() if unknown(arch, number)}
            assert {number & ~X32_BIT for number in map(numbers(arch).get, late) if number} <= {
                335, 336, *range(450, 600),
            }, late  # fmt: skip


@pytest.mark.parametrize("audit", [0, bpf.ARM, 0xC00000F3, LOW])
def test_unknown_architectures(audit: int) -> None:
    profile = Profile(("x86_64", "i386"), errno("EPERM"), (Rule(("read",), ALLOW),))
    theirs, ours = libseccomp.compile_(profile), assemble(profile)
    for number in (0, 3, X32_BIT, LOW):
        call = bpf.Call(audit, number)
        assert bpf.run(ours, call) == bpf.run(theirs, call) == profile.unknown.value
    # and x32, which this profile does not name
    for number in (X32_BIT, X32_BIT | 514, 0x80000000, LOW - 1, LOW):
        call = bpf.Call(bpf.X86_64, number)
        assert bpf.run(ours, call) == bpf.run(theirs, call)


ALIKE: Final = ("==", "&==")
"""Comparisons that libseccomp 2.5 gets right in several rules for one call. It loses rules, or
takes them for others, where several of < and <=, or of mixed kinds, are of one argument."""


@st.composite
def agreeing(draw: st.DrawFn) -> Profile:
    """Profiles whose rules with comparisons share one action for each call.

    Then libseccomp's verdict does not depend on its tree, and it refuses nothing. One argument is
    compared once in a rule.
    """
    default = draw(actions)
    # Without a second call libseccomp 2.5 forgets to load the number where x32 is judged too.
    rules = [Rule(("close",), errno("EACCES"))]
    for name in draw(st.lists(st.sampled_from(CALLS), unique=True, min_size=1)):
        action = draw(actions)
        several = draw(st.booleans())
        made = comparisons(ALIKE) if several else comparisons()
        for _ in range(draw(st.integers(2, 4)) if several else 1):
            when = draw(st.lists(made, max_size=3, unique_by=lambda one: one.index))
            rules.append(Rule((name,), action, tuple(when)))
    return Profile(("x86_64", "i386", "x32"), default, tuple(draw(st.permutations(rules))))


@given(agreeing(), st.data())
def test_any_profile_whose_rules_agree(profile: Profile, data: st.DataObject) -> None:
    theirs, ours = libseccomp.compile_(profile), assemble(profile)
    for call in calls_near(profile, data):
        assert bpf.run(ours, call) == bpf.run(theirs, call), call


@st.composite
def disagreeing(draw: st.DrawFn) -> Profile:
    """Profiles of one call, whose rules differ in action."""
    rules = draw(
        st.lists(
            st.builds(
                Rule,
                st.just(("prctl",)),
                actions,
                st.lists(
                    comparisons(ALIKE), min_size=1, max_size=2, unique_by=lambda one: one.index
                ).map(tuple),
            ),
            min_size=2,
            max_size=4,
        )
    )
    return Profile(("x86_64",), draw(actions), tuple(rules))


def calls_near(profile: Profile, data: st.DataObject) -> Iterator[bpf.Call]:
    """Calls whose arguments are what the rules compare with, or beside it."""
    found = {0, 1, WHOLE}
    for rule in profile.rules:
        for one in rule.when:
            for value in (one.value, one.value ^ 1 << 32, ~one.mask):
                found |= {(value + step) & WHOLE for step in (-1, 0, 1)}
    pool = st.lists(st.sampled_from(sorted(found)), min_size=6, max_size=6)
    compared = [one for rule in profile.rules for one in rule.when]
    long = any(one.value > LOW for one in compared if one.operator in ("<", "<=", ">", ">="))
    # libseccomp cuts the value there; to us no 32 bits are as much
    for arch in profile.architectures[:1] if long else profile.architectures:
        for name in CALLS:
            if name in numbers(arch):
                for _ in range(5):
                    arguments = tuple(data.draw(pool))
                    if arch == "i386":
                        arguments = tuple(value & LOW for value in arguments)
                    yield bpf.Call(bpf.AUDIT[arch], numbers(arch)[name], arguments)


@given(disagreeing(), st.data())
def test_never_looser_where_rules_disagree(profile: Profile, data: st.DataObject) -> None:
    """libseccomp takes the action that its tree comes to first, or refuses the second rule."""
    try:
        theirs = libseccomp.compile_(profile)
    except libseccomp.RefusedError as refused:
        if refused.errno != libseccomp.EEXIST:
            raise
        return
    ours = assemble(profile)
    for call in calls_near(profile, data):
        mine, other = bpf.run(ours, call), bpf.run(theirs, call)
        assert strictness(mine) <= strictness(other), (call, hex(mine), hex(other))


def strictness(value: int) -> int:
    """The kernel's order, linux/seccomp.h: actions as signed numbers, the least first."""
    action = value & 0xFFFF0000
    return action - (1 << 32) if action & 0x80000000 else action


def test_two_upper_bounds_are_two_rules() -> None:
    """Either holds, says seccomp_rule_add(3); libseccomp 2.5 keeps but one of them."""
    rules = tuple(Rule(("prctl",), ALLOW, (Comparison(0, "<", value),)) for value in (1 << 32, LOW))
    profile = Profile(("x86_64",), errno("EPERM"), rules)
    libseccomp.compile_(profile)
    for value, action in ((0, ALLOW), (LOW, ALLOW), (1 << 32, errno("EPERM"))):
        call = bpf.Call(bpf.X86_64, 157, (value,))
        assert bpf.run(assemble(profile), call) == action.value


def test_socketcall_is_stricter_than_libseccomps() -> None:
    """libseccomp forgets what a rule compares: AF_UNIX allowed is every family allowed."""
    some = Rule(("socket",), ALLOW, (Comparison(0, "==", 1),))
    profile = Profile(("x86_64", "i386"), errno("EPERM"), (some,))
    call = bpf.Call(bpf.I386, SOCKETCALL, (1, 0xFFFF0000))
    assert bpf.run(libseccomp.compile_(profile), call) == ALLOW.value
    assert bpf.run(assemble(profile), call) == errno("EPERM").value


def test_ipcs_version_is_looked_past_and_libseccomps_is_not() -> None:
    profile = Profile(("x86_64", "i386"), ALLOW, (Rule(("shmget",), errno("EPERM")),))
    call = bpf.Call(bpf.I386, IPC, (1 << 16 | 23,))
    assert bpf.run(libseccomp.compile_(profile), call) == ALLOW.value
    assert bpf.run(assemble(profile), call) == errno("EPERM").value


def test_what_high_bits_do_to_a_comparison_of_an_int() -> None:
    """The kernel takes socket's family as an int. A comparison of 64 bits lets AF_ALG + 2³² pass,
    in libseccomp's filter as in ours; the default profile compares 32."""
    profile = select(read(PROFILE.encode()), "x86_64", (), (6, 1))
    call = bpf.Call(bpf.X86_64, 41, (1 << 32 | 38,))
    for filter_ in (libseccomp.compile_(profile), assemble(profile)):
        assert bpf.run(filter_, call) == ALLOW.value
    assert bpf.run(assemble(default_profile("x86_64")), call) == errno("EAFNOSUPPORT").value
