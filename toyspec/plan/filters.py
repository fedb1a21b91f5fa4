"""Which system calls the box may make: the steps that say so, and what stands against them.

Two filters at most, one call each. The one for terminals that the box did not make, which standard
streams may be, comes first: whatever a profile says of seccomp(2), it stands. The other is the box's: the default, or a profile of the spec's.
Both hold for init and for all that it starts, and nothing takes them off again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toyspec.host.facts import HostFacts
from toyspec.plan import calls, capabilities, reaper
from toyspec.plan.box import Box
from toyspec.plan.error import PlanProblem
from toyspec.plan.seccomp.terminal import refuse_terminal_input
from toyspec.plan.step import INSIDE, Bpf, Int, Step, Struct
from toyspec.plan.writer import Writer
from toyspec.spec.model import Profile, Spec
from toyspec.values import replace

if TYPE_CHECKING:
    from toyspec.plan.seccomp.graph import Instruction

_GO_ON = ("allow", "log")  # actions after which a call is made
FEATURE = "seccomp_filter"


def check(spec: Spec, facts: HostFacts) -> list[PlanProblem]:
    """A kernel without filters, and a profile that is too long for any."""
    origin = spec.origin("seccomp")
    asked = spec.seccomp != "none"
    if (asked or facts.tty) and facts.features.get(FEATURE) is False:
        message = (
            f"this kernel ({facts.kernel}) takes no seccomp filter, or one in force forbids it"
        )
        remedy = "it takes CONFIG_SECCOMP_FILTER; in a container, that seccomp(2) is allowed there"
        if asked and not facts.tty:
            remedy += "; `seccomp: none` does without"
        return [PlanProblem(message, origin, remedy)]
    if isinstance(spec.seccomp, Profile):
        from toyspec.plan.seccomp.graph import TooLongError

        try:
            _assembled(spec.seccomp, spec, facts)
        except TooLongError as error:
            message = f"{spec.seccomp.path} makes a filter of {error}"
            return [PlanProblem(message, origin, "fewer comparisons of arguments make it shorter")]
    return []


def install(w: Writer, box: Box) -> None:
    """A seccomp(2) for each filter."""
    if box.facts.tty:
        w.about("no input pushed into your terminal")
        refused = calls.seccomp_filter(refuse_terminal_input(box.facts.arch))
        w.do(refused, "TIOCSTI and TIOCLINUX fail with EPERM (CVE-2017-5226)")
    asked = box.spec.seccomp
    if asked == "none":
        return
    if isinstance(asked, Profile):
        filter_, flags = _assembled(asked, box.spec, box.facts)
        w.about(f"system calls: as {asked.path} says", box.origin("seccomp"))
        why = "for init and all that it starts, and nothing takes it off again"
        w.do(calls.seccomp_filter(filter_, *flags), why)
        return
    opened, filter_ = _default(box.facts.arch, box.spec.capabilities)
    item = "system calls: the default filter"
    if opened:
        item += f", open for {capabilities.short(opened)}"
    w.about(item, box.origin("seccomp"))
    why = "no new namespaces, mounts, keyrings, bpf and the like, for init and all that it starts"
    w.do(calls.seccomp_filter(filter_), why)


def _default(arch: str, held: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Instruction, ...]]:
    """The capabilities that open something, and the filter."""
    if not held:
        from toyspec.plan.seccomp.ready import FILTERS

        return (), FILTERS[arch]
    from toyspec.plan.seccomp.assemble import assemble
    from toyspec.plan.seccomp.default import GROUPS, default_profile

    opening = {name for group in GROUPS for name in group.capabilities}
    opened = tuple(name for name in held if name in opening)
    return opened, assemble(default_profile(arch, held))


def _assembled(
    profile: Profile, spec: Spec, facts: HostFacts
) -> tuple[tuple[Instruction, ...], tuple[str, ...]]:
    """The filter and its flags. TooLongError where no kernel would take it."""
    from toyspec.plan.seccomp.assemble import assemble
    from toyspec.plan.seccomp.select import select

    selected = select(profile.rules, facts.arch, spec.capabilities, _version(facts.kernel))
    return assemble(selected), selected.flags


def _version(release: str) -> tuple[int, int]:
    """`6.18` of `6.18.2-amd64`; what is no number is 0."""
    major, _, rest = release.partition(".")
    minor = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return (int(major) if major.isdecimal() else 0, int(minor or 0))


def forbidden(box: Box, steps: list[Step]) -> list[PlanProblem]:
    """Steps in the box that come after a profile's filter, and that it surely does not let through."""
    asked = box.spec.seccomp
    if not isinstance(asked, Profile):
        return []
    found: dict[str, PlanProblem] = {}
    own = [each for step in steps if step.role in INSIDE for each in _calls(step)]
    for at, step in enumerate(own):
        if step.call != "seccomp" or step.origin != box.origin("seccomp"):
            continue
        for later in own[at + 1 :]:
            answer = refusal(step, later, box.facts.arch)
            if answer is None or later.call in found:
                continue
            message = f"{asked.path} does not let {later.call}(2) through ({answer})"
            refused = asked.rules.default.kind == "allow" or any(
                later.call in rule.names and rule.action.kind not in _GO_ON
                for rule in asked.rules.rules
            )
            change = (
                f"take `{later.call}` out of what {asked.path} refuses"
                if refused
                else f"add `{later.call}` to the allowed names in {asked.path}"
            )
            remedy = f"{change}: init needs it after the filter is in place"
            if later.phase == "confine" and not box.spec.no_new_privileges:
                remedy += "; with `no_new_privileges: true` the filter comes last, and needs less"
            elif box.spec.reaper:
                remedy += "; without a reaper (`reaper: false`) it needs less"
            found[later.call] = PlanProblem(message, box.origin("seccomp"), remedy)
    return list(found.values())


def _calls(step: Step) -> list[Step]:
    """A step, or of `supervise` the calls that the reaper makes from then on."""
    if step.call != "supervise":
        return [step]
    return [replace(step, call=name, args=()) for name in reaper.CALLS]


def refusal(filtering: Step, later: Step, arch: str) -> str | None:
    """What the filter of one step surely does to another's call, in words; None if it may be made."""
    answers = answers_to(filtering, later, arch)
    from toyspec.plan.seccomp.disassemble import result
    from toyspec.plan.seccomp.outcomes import ALLOWED

    if not answers or any(answer in ALLOWED for answer in answers):
        return None
    return " or ".join(sorted(result(answer) for answer in answers))


def answers_to(filtering: Step, later: Step, arch: str) -> frozenset[int]:
    """Every SECCOMP_RET_* that a step's call may meet by the filter of an earlier one."""
    from toyspec.kernel.flags import flags
    from toyspec.kernel.syscalls import numbers
    from toyspec.plan.seccomp.outcomes import outcomes

    number, filter_ = numbers(arch).get(later.call), instructions(filtering)
    if number is None or not filter_:
        return frozenset()
    known = {
        index: each.value.value & (1 << 64) - 1
        for index, each in enumerate(later.args)
        if isinstance(each.value, Int)
    }
    audit = flags("audit_arch", arch)[f"AUDIT_ARCH_{arch.upper()}"]
    return outcomes(filter_, audit, number, known)


def instructions(step: Step) -> tuple[Instruction, ...]:
    """The filter that a step installs; empty if it installs none."""
    for argument in step.args:
        if isinstance(argument.value, Struct):
            for _, value in argument.value.fields:
                if isinstance(value, Bpf):
                    return value.instructions
    return ()


def may_unmount(box: Box) -> bool:
    """Whether a box without capabilities can come by umount2(2), in a user namespace of its own."""
    spec = box.spec
    if spec.landlock or spec.disable_user_namespaces or spec.seccomp == "default":
        return False
    if not isinstance(spec.seccomp, Profile):
        return True
    from toyspec.kernel.flags import flags
    from toyspec.kernel.syscalls import numbers
    from toyspec.plan.seccomp.outcomes import ALLOWED, outcomes

    arch = box.facts.arch
    audit = flags("audit_arch", arch)[f"AUDIT_ARCH_{arch.upper()}"]
    filter_, _ = _assembled(spec.seccomp, spec, box.facts)
    return any(each in ALLOWED for each in outcomes(filter_, audit, numbers(arch)["umount2"], {}))


def warnings(spec: Spec) -> list[str]:
    """Names in a profile that are no call's, as far as toyspec knows."""
    if not isinstance(spec.seccomp, Profile) or not spec.seccomp.rules.unknown:
        return []
    names = spec.seccomp.rules.unknown
    listed = ", ".join(names[:10]) + ("…" if len(names) > 10 else "")
    return [
        f"{spec.seccomp.path} names calls that toyspec does not know ({listed}): its default holds "
        "for them, which is as strict"
    ]
