"""Filters as steps: which, in what order, what they are counted as, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.plan.bpf import AUDIT
from tests.plan.world import World, calls, host, value
from toyspec.host.facts import HostFacts
from toyspec.kernel.syscalls import numbers
from toyspec.plan import filters
from toyspec.plan.error import PlanError
from toyspec.plan.planner import gather
from toyspec.plan.seccomp.assemble import assemble
from toyspec.plan.seccomp.default import default_profile
from toyspec.plan.seccomp.outcomes import outcomes
from toyspec.plan.step import Plan, Step
from toyspec.spec.model import Profile
from toyspec.spec.seccomp.json_reader import read

ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000


def profile(default: str = "SCMP_ACT_ALLOW", *rules: dict[str, object], **keys: object) -> Profile:
    """A profile of the spec's own, from rules as JSON has them."""
    document = {"defaultAction": default, "syscalls": list(rules), **keys}
    return Profile("p.json", read(json.dumps(document).encode()))


def planned(world: World, asked: Profile, text: str = "") -> Plan:
    """The plan of a spec that names a profile."""
    return gather(replace(world.spec(text), seccomp=asked), world.ask)[1]


def refuse(*names: str, **keys: object) -> dict[str, object]:
    return {"names": names, "action": "SCMP_ACT_ERRNO", **keys}


def allow(*names: str) -> dict[str, object]:
    return {"names": names, "action": "SCMP_ACT_ALLOW"}


def the_filter(plan: Plan) -> Step:
    """The last one that is installed."""
    return calls(plan, "seccomp")[-1]


def test_every_box_has_the_default_filter_as_the_last_step_before_it_goes() -> None:
    for arch in ("x86_64", "aarch64"):
        plan = host(arch=arch).plan("")
        assert filters.instructions(the_filter(plan)) == assemble(default_profile(arch))
        at = plan.steps.index(the_filter(plan))
        assert [step.call for step in plan.steps[at + 1 :]] == ["read", "execve"]
        assert plan.exposure.weakened == ()


def test_a_capability_opens_what_it_is_for_and_the_plan_says_so() -> None:
    plan = host().plan("capabilities: [SYS_BOOT, NET_RAW]")
    step = the_filter(plan)
    opened = assemble(default_profile("x86_64", ("CAP_SYS_BOOT",)))
    assert filters.instructions(step) == opened != assemble(default_profile("x86_64"))
    assert step.item == "system calls: the default filter, open for SYS_BOOT"


def test_none_is_counted() -> None:
    plan = host().plan("seccomp: none")
    assert calls(plan, "seccomp") == []
    assert plan.exposure.weakened == ("no seccomp filter",)


def test_a_profile_is_counted_and_its_unknown_calls_are_warned_of() -> None:
    asked = profile("SCMP_ACT_ERRNO", allow("read", "execve", "a_call_of_2040"))
    plan = planned(host(), asked)
    assert plan.exposure.weakened == ("system calls as p.json says",)
    (warning,) = plan.warnings
    assert "a_call_of_2040" in warning


def test_a_terminal_on_standard_error_stays_the_caller_s_whatever_a_profile_says() -> None:
    everything = profile()
    plan = planned(host(terminal=True, terminal_errors=False, tty=True), everything)
    first, second = calls(plan, "seccomp")
    call = (AUDIT["x86_64"], numbers("x86_64")["ioctl"], {1: 0x5412})
    assert outcomes(filters.instructions(first), *call) == {EPERM}
    assert outcomes(filters.instructions(second), *call) == {ALLOW}


def test_a_profile_s_flags_are_the_call_s() -> None:
    names = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]
    plan = planned(host(), profile(flags=names))
    assert value(the_filter(plan), "flags") == tuple(names)
    assert value(the_filter(host().plan("")), "flags") == ()


def test_conditions_are_asked_of_this_box_and_this_kernel() -> None:
    asked = profile(
        "SCMP_ACT_ALLOW",
        refuse("mount", excludes={"caps": ["CAP_SYS_CHROOT"]}),
        refuse("swapon", includes={"minKernel": "6.13"}),
    )

    def answer(plan: Plan, name: str) -> frozenset[int]:
        found = filters.instructions(the_filter(plan))
        return outcomes(found, AUDIT["x86_64"], numbers("x86_64")[name], {})

    old, new = planned(host(), asked), planned(host(kernel="6.13.0-rc1"), asked)
    held = planned(host(), asked, "capabilities: [SYS_CHROOT]")
    assert [answer(plan, "mount") for plan in (old, held)] == [{EPERM}, {ALLOW}]
    assert [answer(plan, "swapon") for plan in (old, new)] == [{ALLOW}, {EPERM}]


def refused(world: World, asked: Profile, text: str = "") -> list[str]:
    with pytest.raises(PlanError) as caught:
        planned(world, asked, text)
    return [problem.message for problem in caught.value.problems]


def test_what_is_still_to_be_done_has_to_be_let_through() -> None:
    assert refused(host(), profile("SCMP_ACT_ALLOW", refuse("execve"))) == [
        "p.json does not let execve(2) through (errno EPERM)"
    ]
    assert refused(host(), profile("SCMP_ACT_KILL_PROCESS", allow("read", "openat2"))) == [
        "p.json does not let execve(2) through (kill process)"
    ]
    assert refused(host(), profile("SCMP_ACT_ERRNO", allow("read"))) == [
        "p.json does not let execve(2) through (errno ENOSYS)"  # as runc, beyond all that it names
    ]
    assert calls(planned(host(), profile("SCMP_ACT_ERRNO", allow("read", "execve"))), "seccomp")


@pytest.mark.parametrize(
    ("asked", "change"),
    [
        (profile("SCMP_ACT_ERRNO", allow("read")), "add `execve` to the allowed names in p.json"),
        (profile("SCMP_ACT_ALLOW", refuse("execve")), "take `execve` out of what p.json refuses"),
        (profile("SCMP_ACT_ERRNO", allow("read"), refuse("execve", errnoRet=5)),
         "take `execve` out of what p.json refuses"),
    ],
)  # fmt: skip
def test_what_to_change_in_a_profile(asked: Profile, change: str) -> None:
    with pytest.raises(PlanError) as caught:
        planned(host(), asked)
    (problem,) = caught.value.problems
    assert problem.remedy == f"{change}: init needs it after the filter is in place"


def test_with_new_privileges_that_is_more() -> None:
    asked = profile("SCMP_ACT_ERRNO", allow("read", "execve", "chdir", "getcwd", "openat2"))
    assert refused(host(), asked, "no_new_privileges: false") == [
        f"p.json does not let {name}(2) through (errno EPERM)" for name in ("prctl", "capset")
    ]
    enough = profile(
        "SCMP_ACT_ERRNO", allow("read", "execve", "chdir", "getcwd", "prctl", "capset")
    )
    assert calls(planned(host(), enough, "no_new_privileges: false"), "seccomp")


def test_what_arguments_decide_is_not_judged_unless_they_are_known() -> None:
    unknown = refuse("execve", args=[{"index": 0, "op": "SCMP_CMP_EQ", "value": 0}])
    assert calls(planned(host(), profile("SCMP_ACT_ALLOW", unknown)), "seccomp")
    known = refuse("getcwd", args=[{"index": 1, "op": "SCMP_CMP_EQ", "value": 4096}])
    other = refuse("getcwd", args=[{"index": 1, "op": "SCMP_CMP_EQ", "value": 4095}])
    text = "no_new_privileges: false"
    assert len(refused(host(), profile("SCMP_ACT_ALLOW", known), text)) == 1
    assert calls(planned(host(), profile("SCMP_ACT_ALLOW", other), text), "seccomp")


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
@pytest.mark.parametrize("tty", [True, False])
def test_the_default_lets_through_what_comes_after_it(arch: str, tty: bool) -> None:
    """Every step that any key adds there, with and without new privileges."""
    world = host(
        arch=arch, tty=tty, terminal=tty, rlimits={"nofile": (10, 20)}, cpus=(0,), inherited=(5,),
        features={"openat2": True, "open_tree": True, "close_range_cloexec": False,
                  "mount_setattr": True, "seccomp_filter": True}, landlock=7,
    )  # fmt: skip
    more = "root: {read_only: true}\nlandlock: true\nulimits: {nofile: 5}\ncapabilities: [CHOWN]\n"
    for text in (more, more + "no_new_privileges: false"):
        plan = world.plan(text)
        own = [step for step in plan.steps if step.role == "init"]
        installed = [at for at, step in enumerate(own) if step.call == "seccomp"]
        assert len(installed) == 1 + tty
        for at in installed:
            for later in own[at + 1 :]:
                assert filters.answers_to(own[at], later, arch) == {ALLOW}, later


def without(feature: bool, **changes: object) -> World:
    features = {**host().facts.features, "seccomp_filter": feature}
    return host(None, features=features, **changes)


def test_a_kernel_without_filters_is_refused() -> None:
    with pytest.raises(PlanError, match="takes no seccomp filter") as caught:
        without(False).plan("")
    assert "seccomp: none" in str(caught.value.problems[0].remedy)
    assert calls(without(False).plan("seccomp: none"), "seccomp") == []
    assert len(calls(without(True).plan(""), "seccomp")) == 1
    with pytest.raises(PlanError, match="takes no seccomp filter"):
        without(False, tty=True, terminal=True).plan("seccomp: none")


def test_facts_of_before_do_not_say_and_the_run_will() -> None:
    assert "seccomp_filter" not in host().facts.features
    assert isinstance(HostFacts.from_json(host().facts.to_json()), HostFacts)
    assert calls(host().plan(""), "seccomp")


def test_a_filter_that_no_kernel_takes_is_refused() -> None:
    rules = [
        refuse("read", args=[{"index": 0, "op": "SCMP_CMP_EQ", "value": 2 * number}])
        for number in range(5000)
    ]
    with pytest.raises(PlanError, match="instructions, and the kernel takes 4096"):
        planned(host(), profile("SCMP_ACT_ALLOW", *rules))


def test_unknown_arguments_leave_both_ways_open() -> None:
    filter_ = assemble(default_profile("x86_64"))
    audit, clone = AUDIT["x86_64"], numbers("x86_64")["clone"]
    assert outcomes(filter_, audit, clone, {}) == {ALLOW, EPERM}
    assert outcomes(filter_, audit, clone, {0: 17}) == {ALLOW}
    assert outcomes(filter_, audit, clone, {0: 0x10000011}) == {EPERM}
    assert outcomes(filter_, audit, numbers("x86_64")["clone3"], {}) == {ENOSYS}
    assert outcomes(filter_, 0, 0, {}) == {KILL}
