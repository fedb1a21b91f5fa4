"""An assembled filter means what its profile says: judged against a reading of the profile itself."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plan import bpf
from toyspec.kernel.syscalls import X32_BIT, numbers
from toyspec.plan.seccomp.assemble import assemble
from toyspec.plan.seccomp.graph import MAX_INSTRUCTIONS, Graph, TooLongError
from toyspec.plan.seccomp.profile import Profile, Rule
from toyspec.spec.seccomp.rules import (
    ALLOW,
    KILL_PROCESS,
    KILL_THREAD,
    LOG,
    OPERATORS,
    TRAP,
    Action,
    Comparison,
    errno,
)

EPERM, ENOSYS, EACCES = errno("EPERM"), errno("ENOSYS"), errno("EACCES")
WHOLE: Final = (1 << 64) - 1
LOW: Final = 0xFFFFFFFF
NARROW: Final = ("i386", "x32", "arm")
CALLS: Final = ("read", "write", "personality", "ptrace", "mmap2", "prctl", "openat2")
X86: Final = ("x86_64", "i386", "x32")


def judge(profile: Profile, arch: str, number: int, arguments: tuple[int, ...]) -> int:
    """The profile as its docstring has it, for calls that nothing multiplexes."""
    here = [rule for rule in profile.rules if arch in (rule.architectures or profile.architectures)]
    table = numbers(arch)
    rules = [
        rule
        for rule in here
        if any(table.get(name) == number for name in rule.names) and rule.action != profile.default
    ]
    every = {table[name] for rule in here for name in rule.names if name in table}
    if profile.newer is not None and every and number > max(every):
        return profile.newer.value
    for rule in rules:
        if all(always(one, arch) for one in rule.when):
            return rule.action.value
    held = [rule for rule in rules if all(holds(one, arch, arguments) for one in rule.when)]
    if held:
        return min(held, key=lambda rule: rule.action.strictness).action.value
    for name, action in profile.otherwise:
        if rules and numbers(arch).get(name) == number:
            return action.value
    return profile.default.value


def always(one: Comparison, arch: str) -> bool:
    return one.operator == "&==" and not one.mask & (LOW if arch in NARROW else WHOLE)


def holds(one: Comparison, arch: str, arguments: tuple[int, ...]) -> bool:
    argument = arguments[one.index]
    value, mask = one.value, one.mask
    if arch in NARROW:
        argument &= LOW
        if one.operator in ("==", "!=", "&=="):
            value, mask = value & LOW, mask & LOW
    return {
        "==": argument == value, "!=": argument != value, "<": argument < value,
        "<=": argument <= value, ">": argument > value, ">=": argument >= value,
        "&==": argument & mask == value,
    }[one.operator]  # fmt: skip


values = st.one_of(
    st.integers(0, 3),
    st.sampled_from([LOW - 1, LOW, LOW + 1, 1 << 33, 5 << 32 | 7, WHOLE - 1, WHOLE, 0x7E020000]),
    st.integers(0, WHOLE),
)


@st.composite
def comparisons(draw: st.DrawFn, operators: tuple[str, ...] = OPERATORS) -> Comparison:
    operator = draw(st.sampled_from(operators))
    mask = draw(values) if operator == "&==" else WHOLE
    value = draw(values) & mask
    return Comparison(draw(st.integers(0, 5)), operator, value, mask)


actions = st.sampled_from(
    [ALLOW, LOG, TRAP, KILL_THREAD, KILL_PROCESS, EPERM, ENOSYS, Action("trace", 7)]
)


@st.composite
def profiles(draw: st.DrawFn, architectures: tuple[str, ...] = X86) -> Profile:
    rule = st.builds(
        Rule,
        st.lists(st.sampled_from(CALLS), min_size=1, max_size=3).map(tuple),
        actions,
        st.lists(comparisons(), max_size=3).map(tuple),
        st.one_of(st.just(()), st.sampled_from(architectures).map(lambda arch: (arch,))),
    )
    return Profile(
        architectures,
        draw(actions),
        tuple(draw(st.lists(rule, max_size=8))),
        draw(st.lists(st.tuples(st.sampled_from(CALLS), actions), max_size=2, unique_by=lambda x: x[0]).map(tuple)),
        draw(st.sampled_from([None, ENOSYS])),
    )  # fmt: skip


def interesting(profile: Profile) -> list[int]:
    """The values that the profile compares with, and their neighbours."""
    found = {0, 1, WHOLE}
    for rule in profile.rules:
        for one in rule.when:
            for value in (one.value, one.value ^ 1 << 32, one.value & LOW, one.mask, ~one.mask):
                found |= {(value + step) & WHOLE for step in (-1, 0, 1)}
    return sorted(found)


@given(profiles(), st.data())
def test_every_verdict_is_the_profiles(profile: Profile, data: st.DataObject) -> None:
    filter_ = assemble(profile)
    bpf.check(filter_)
    assert filter_ == assemble(profile)
    pool = st.sampled_from(interesting(profile))
    for arch in profile.architectures:
        for name in (*CALLS, "close"):
            number = numbers(arch).get(name)
            if number is None:
                continue
            for _ in range(4):
                arguments = tuple(data.draw(pool) for _ in range(6))
                if arch == "i386":
                    arguments = tuple(argument & LOW for argument in arguments)
                call = bpf.Call(bpf.AUDIT[arch], number, arguments)
                assert bpf.run(filter_, call) == judge(profile, arch, number, arguments), call


@given(profiles(("aarch64", "arm")))
def test_every_number_has_a_verdict(profile: Profile) -> None:
    filter_ = assemble(profile)
    bpf.check(filter_)
    for arch in profile.architectures:
        for number in (*range(0, 500, 7), *map(numbers(arch).__getitem__, ("read", "prctl")), LOW):
            call = bpf.Call(bpf.AUDIT[arch], number, (1,) * 6)
            assert bpf.run(filter_, call) == judge(profile, arch, number, (1,) * 6)


def one_rule(*when: Comparison, action: Action = EPERM, arch: str = "x86_64") -> Profile:
    return Profile((arch,), ALLOW, (Rule(("prctl",), action, when),))


@pytest.mark.parametrize("arch", ["x86_64", "i386"])
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("value", [0, 1, 7, LOW, 1 << 32, 5 << 32 | 7, WHOLE])
def test_comparisons_at_their_edges(arch: str, operator: str, value: int) -> None:
    masks = (WHOLE, LOW, LOW << 32, 0, 1, 0xFF << 28) if operator == "&==" else (WHOLE,)
    for mask in masks:
        profile = one_rule(Comparison(2, operator, value & mask, mask), arch=arch)
        filter_ = assemble(profile)
        bpf.check(filter_)
        number = numbers(arch)["prctl"]
        for argument in interesting(profile):
            arguments = (0, 0, argument & LOW if arch == "i386" else argument, 0, 0, 0)
            call = bpf.Call(bpf.AUDIT[arch], number, arguments)
            assert bpf.run(filter_, call) == judge(profile, arch, number, arguments)


def test_an_unknown_architecture_is_killed() -> None:
    filter_ = assemble(Profile(("x86_64",), ALLOW, ()))
    for audit in (bpf.I386, bpf.AARCH64, bpf.ARM, 0xC00000F3, 0, LOW):
        assert bpf.run(filter_, bpf.Call(audit, 0)) == KILL_PROCESS.value
    assert bpf.run(filter_, bpf.Call(bpf.X86_64, 0)) == ALLOW.value


def test_x32_is_killed_where_the_profile_does_not_name_it() -> None:
    filter_ = assemble(Profile(("x86_64", "i386"), EPERM, (Rule(("read",), ALLOW),)))
    for number in (X32_BIT, X32_BIT | 514, 0x80000000, LOW - 1):
        assert bpf.run(filter_, bpf.Call(bpf.X86_64, number)) == KILL_PROCESS.value
    # a tracer's way to skip a call is none of x32's, and i386 has no such bit
    assert bpf.run(filter_, bpf.Call(bpf.X86_64, LOW)) == EPERM.value
    assert bpf.run(filter_, bpf.Call(bpf.I386, X32_BIT)) == EPERM.value


def test_x32_calls_are_judged_by_their_own_numbers() -> None:
    filter_ = assemble(Profile(X86, EPERM, (Rule(("read", "ioctl"), ALLOW),)))
    allowed = [
        number
        for number in (0, 16, 514, X32_BIT, X32_BIT | 16, X32_BIT | 514, LOW)
        if bpf.run(filter_, bpf.Call(bpf.X86_64, number)) == ALLOW.value
    ]
    assert allowed == [0, 16, X32_BIT, X32_BIT | 514]


def test_x32_needs_x86_64() -> None:
    with pytest.raises(ValueError, match="x32"):
        assemble(Profile(("i386", "x32"), ALLOW, ()))
    with pytest.raises(KeyError):
        assemble(Profile(("mips",), ALLOW, ()))


def test_the_first_rule_without_comparisons_settles_a_call() -> None:
    when = (Comparison(0, "==", 1),)
    first = (Rule(("prctl",), KILL_PROCESS, when), Rule(("prctl",), EPERM))
    for rules in (first, (*reversed(first), Rule(("prctl",), LOG))):
        filter_ = assemble(Profile(("x86_64",), ALLOW, rules))
        for argument in (0, 1):
            assert bpf.run(filter_, bpf.Call(bpf.X86_64, 157, (argument,))) == EPERM.value


def test_the_strictest_of_the_rules_that_hold() -> None:
    rules = [
        Rule(("prctl",), LOG, (Comparison(0, ">", 0),)),
        Rule(("prctl",), EPERM, (Comparison(1, "==", 2),)),
        Rule(("prctl",), EACCES, (Comparison(0, "!=", 9),)),
    ]
    verdicts = {(1, 2): EPERM, (1, 1): EACCES, (9, 1): LOG, (0, 0): EACCES}
    for ordered in (rules, [rules[2], rules[0], rules[1]]):
        filter_ = assemble(Profile(("x86_64",), ALLOW, tuple(ordered)))
        for arguments, action in verdicts.items():
            among = (EPERM, EACCES) if arguments == (1, 2) else (action,)
            found = bpf.run(filter_, bpf.Call(bpf.X86_64, 157, arguments))
            assert found in [one.value for one in among]
    # among errnos, the first
    filter_ = assemble(Profile(("x86_64",), ALLOW, tuple(rules)))
    assert bpf.run(filter_, bpf.Call(bpf.X86_64, 157, (1, 2))) == EPERM.value


SOCKETCALL, IPC = 102, 117


def i386(profile: Profile, number: int, *arguments: int) -> int:
    return bpf.run(assemble(profile), bpf.Call(bpf.I386, number, arguments))


def test_a_refused_socket_is_refused_through_socketcall() -> None:
    for when in ((), (Comparison(0, "==", 38),)):
        profile = Profile(("i386",), ALLOW, (Rule(("socket",), EPERM, when),))
        assert i386(profile, SOCKETCALL, 1, 0xDEADBEEF) == EPERM.value
        assert i386(profile, SOCKETCALL, 2) == ALLOW.value


def test_a_socket_allowed_for_some_families_is_not_allowed_through_socketcall() -> None:
    some = Rule(("socket",), ALLOW, (Comparison(0, "==", 1),))
    profile = Profile(("i386",), EPERM, (some, Rule(("connect",), ALLOW)))
    assert i386(profile, 359, 1) == ALLOW.value
    assert i386(profile, SOCKETCALL, 1) == EPERM.value
    assert i386(profile, SOCKETCALL, 3) == ALLOW.value
    # who names socketcall has said that it does not mind
    profile = Profile(("i386",), EPERM, (some, Rule(("socketcall",), ALLOW)))
    assert i386(profile, SOCKETCALL, 1) == i386(profile, SOCKETCALL, 5) == ALLOW.value


def test_ipcs_version_hides_nothing() -> None:
    profile = Profile(("i386",), ALLOW, (Rule(("shmat",), EPERM),))
    assert i386(profile, IPC, 21) == i386(profile, IPC, 1 << 16 | 21) == EPERM.value
    assert i386(profile, IPC, 22) == i386(profile, 397 + 1) == ALLOW.value
    assert i386(profile, 397) == EPERM.value


def test_jumps_reach_however_far() -> None:
    """More than 255 instructions between a number and its verdict, over and over."""
    names = list(numbers("x86_64"))[:280]
    rules = [
        Rule((name,), errno("EPERM"), tuple(Comparison(i, "==", at << 32 | at) for i in range(3)))
        for at, name in enumerate(names)
    ]
    profile = Profile(("x86_64",), ALLOW, tuple(rules))
    filter_ = assemble(profile)
    bpf.check(filter_)
    assert len(filter_) > 2000
    assert any(code == bpf.JA for code, *_ in filter_)
    for at, name in enumerate(names):
        number = numbers("x86_64")[name]
        value = at << 32 | at
        for arguments in ((value,) * 3, (value, value, value ^ 1), (value, value ^ 1 << 40, value)):
            wanted = judge(profile, "x86_64", number, (*arguments, 0, 0, 0))
            assert bpf.run(filter_, bpf.Call(bpf.X86_64, number, arguments)) == wanted


def test_a_filter_as_long_as_the_kernel_takes_and_one_longer() -> None:
    graph = Graph()
    node = graph.result(0)
    for _ in range(MAX_INSTRUCTIONS - 1):
        node = graph.mask(node, node)
    filter_ = graph.layout(node)
    assert len(filter_) == MAX_INSTRUCTIONS
    bpf.check(filter_)
    with pytest.raises(TooLongError, match="4097 instructions"):
        graph.layout(graph.load(0, node))


def test_thousands_of_rules_for_one_call_are_counted_not_recursed_into() -> None:
    rules = tuple(Rule(("prctl",), EPERM, (Comparison(0, "==", at),)) for at in range(4000))
    with pytest.raises(TooLongError) as caught:
        assemble(Profile(("x86_64",), ALLOW, rules))
    assert caught.value.instructions > MAX_INSTRUCTIONS
    filter_ = assemble(Profile(("x86_64",), ALLOW, rules[:900]))
    bpf.check(filter_)
    for value, action in ((0, EPERM), (899, EPERM), (900, ALLOW)):
        assert bpf.run(filter_, bpf.Call(bpf.X86_64, 157, (value,))) == action.value


@pytest.mark.parametrize(
    "make",
    [
        lambda: Action("allow", 1),
        lambda: Action("errno", 4096),
        lambda: Action("notify"),
        lambda: Comparison(6, "==", 0),
        lambda: Comparison(0, "=", 0),
        lambda: Comparison(0, "==", 1 << 64),
        lambda: Comparison(0, "==", -1),
        lambda: Comparison(0, "&==", 2, 1),
        lambda: Comparison(0, "==", 0, 1),
    ],
)
def test_values_that_mean_nothing_are_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(ValueError):
        make()


def test_planning_a_filter_imports_nothing_dear() -> None:
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from toyspec.plan.seccomp.assemble import assemble\n"
        "from toyspec.plan.seccomp.default import default_profile\n"
        "assemble(default_profile('x86_64'))\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"json", "ctypes", "yaml", "jsonschema", "difflib"} & set(done.stdout.split())
