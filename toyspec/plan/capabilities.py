"""Which capabilities init keeps, in all five sets, and which boxes may have which."""

from __future__ import annotations

from toyspec.host.facts import HostFacts
from toyspec.kernel.flags import CAPABILITIES
from toyspec.plan import calls, confine_calls, ranges
from toyspec.plan.box import Box
from toyspec.plan.error import PlanProblem
from toyspec.plan.step import Flags, Int
from toyspec.plan.writer import Writer
from toyspec.spec.model import Spec


def short(names: tuple[str, ...]) -> str:
    """Names as a reader wants them: without the `CAP_`."""
    return ", ".join(name.removeprefix("CAP_") for name in names)


def check(spec: Spec, facts: HostFacts) -> list[PlanProblem]:
    """Capabilities that this kernel lacks, and the one that would let root's box out."""
    found = []
    for name in spec.capabilities:
        if CAPABILITIES.index(name) > facts.last_capability:
            message = f"this kernel ({facts.kernel}) has no {name}"
            found.append(PlanProblem(message, spec.origin("capabilities")))
    if "CAP_SYS_ADMIN" in spec.capabilities and ranges.real_root(spec, facts):
        found.append(
            PlanProblem(
                "the capability SYS_ADMIN in a box that root runs: it could unmount what covers "
                "/proc/sys, and the host's sysctls obey uid 0",
                spec.origin("capabilities"),
                "run the box as an ordinary user, or leave SYS_ADMIN out",
            )
        )
    return found


def keep(w: Writer, box: Box) -> None:
    """The bounding set, then the other four; ambient last, since it needs two of them (prctl(2))."""
    names, last = box.spec.capabilities, box.facts.last_capability
    shown = f"capabilities {short(names)}" if names else "no capabilities"
    origin = box.origin("capabilities")
    dropped = f"the other {last + 1 - len(names)} dropped from the bounding set"
    w.about(f"{shown}: {dropped if names else f'bounding set dropped, 0 to {last}'}", origin)
    for number in range(last + 1):
        name: Int | Flags = Int(number)
        if number < len(CAPABILITIES):
            if CAPABILITIES[number] in names:
                continue
            name = Flags((CAPABILITIES[number],))
        w.do(calls.prctl("PR_CAPBSET_DROP", name), "no program can get it back")
    if not names:
        w.about("no capabilities: none held", origin)
        why = "effective, permitted, inheritable; ambient goes with them"
        w.do(confine_calls.capset(), why)
        return
    w.about(f"{shown}: held, and kept over execve", origin)
    w.do(confine_calls.capset(*names), "effective, permitted and inheritable: these and no others")
    for each in names:
        raised = calls.prctl("PR_CAP_AMBIENT", Flags(("PR_CAP_AMBIENT_RAISE",)), Flags((each,)))
        w.do(raised, "the box's command has it whatever its uid")
