"""The planner: a pure function from a spec and the facts of a host to a plan.

No I/O, no clock, no environment: same inputs, same bytes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from toyspec.host.facts import FactMissing, HostFacts, Needs
from toyspec.plan import (
    capabilities,
    descriptors,
    filesystems,
    filters,
    joining,
    landlock,
    limits,
    masks,
    overlays,
    ranges,
    sysctls,
    volumes,
)
from toyspec.plan.arrange import arrange
from toyspec.plan.box import Box
from toyspec.plan.error import PlanError, PlanProblem
from toyspec.plan.exposure import exposure, unresolved, warnings
from toyspec.plan.phases import (
    attach,
    confine,
    execute,
    identity,
    init,
    mounts,
    namespaces,
    pivot,
    prepare,
    propagation,
    root,
    seal,
)
from toyspec.plan.step import Plan, Step, Stopping
from toyspec.spec.model import Spec

_FIRST = (prepare, namespaces, identity, propagation, root, attach)
_LAST = (seal, confine, execute)
_MOST_ROUNDS = 1024


def _order(spec: Spec) -> tuple[object, ...]:
    """The phases; the seed's own pivot, with its old root in sight, comes before the fork.

    A joined mount namespace has a root already, with everything in it.
    """
    if joining.joins(spec, "mount") is not None:
        return (prepare, namespaces, identity, init, confine, execute)
    middle = (pivot, init, mounts) if spec.root.old_root else (init, mounts, pivot)
    return (*_FIRST, *middle, *_LAST)


def needs(spec: Spec) -> Needs:
    """What a plan of `spec` asks of a host."""
    wanted = Needs()
    for phase in _order(spec):
        wanted |= phase.needs(spec)  # type: ignore[attr-defined]  # every phase module has it
    return wanted


def plan(spec: Spec, facts: HostFacts) -> Plan:
    """Every step of the box, in order.

    Raises PlanError where the host cannot do what the spec says, with every problem found;
    FactMissing where `facts` does not say what has to be known.
    """
    _check(spec, facts)
    box = Box(spec, facts, arrange(spec, facts))
    steps: list[Step] = []
    for phase in _order(spec):
        steps += phase.steps(box)  # type: ignore[attr-defined]  # every phase module has it
    if problems := filters.forbidden(box, steps):
        raise PlanError(*problems)
    return Plan(
        box=spec.name,
        spec_path=spec.path,
        spec_sha256=spec.sha256,
        arch=facts.arch,
        host=_host(facts),
        steps=tuple(_numbered(steps)),
        exposure=exposure(box),
        unresolved=unresolved(facts),
        warnings=warnings(box),
        spec_files=tuple((each.path, each.sha256) for each in spec.included),
        watched=box.layout.watched,
        stopping=Stopping(spec.stop_signal, spec.stop_grace_period),
    )


def _numbered(steps: list[Step]) -> Iterator[Step]:
    """`replace` without its look at every field's name: there are tens of thousands."""
    for number, s in enumerate(steps, 1):
        yield Step(
            number, s.phase, s.role, s.call, s.args, s.item, s.why, s.origin, s.tolerates,
            s.retries, s.expects, s.yields,
        )  # fmt: skip


def gather(
    spec: Spec,
    ask: Callable[[Needs], HostFacts],
    noting: Callable[[HostFacts], HostFacts] = lambda facts: facts,
) -> tuple[HostFacts, Plan]:
    """Ask a host until a plan can be made: symlinks on the way lead to further questions.

    `noting(facts)` gives equal facts to each try, and may note which are read.
    """
    facts = ask(needs(spec))
    for _ in range(_MOST_ROUNDS):
        try:
            return facts, plan(spec, noting(facts))
        except FactMissing as missing:
            facts = facts.merged(ask(_questions(missing)))
    raise PlanError(
        PlanProblem("the box's targets lead through too many symbolic links", spec.origin("binds"))
    )


def _questions(missing: FactMissing) -> Needs:
    kinds = ("path", "mounts", "variable", "listing", "namespace")
    found: dict[str, set[str]] = {kind: set() for kind in kinds}
    for kind, name in missing.questions:
        if kind not in found:
            raise missing
        found[kind].add(name)
    return Needs(*(frozenset(found[kind]) for kind in kinds))


def _check(spec: Spec, facts: HostFacts) -> None:
    problems = []
    for feature, since in (("openat2", "5.6"), ("open_tree", "5.2")):
        if not facts.feature(feature):
            message = (
                f"this kernel ({facts.kernel}) has no {feature}(2); toyspec needs Linux {since}"
            )
            problems.append(PlanProblem(message, spec.origin("version")))
    if not spec.init:
        remedy = "add `init: [COMMAND, …]`, or give a command after `--`"
        problems.append(PlanProblem("there is no command to run", spec.origin("init"), remedy))
    problems += overlays.check(spec, facts)
    wanted = (
        ranges,
        capabilities,
        descriptors,
        filesystems,
        filters,
        joining,
        landlock,
        limits,
        masks,
        sysctls,
        volumes,
    )
    for each in wanted:
        problems += each.check(spec, facts)
    if problems:
        raise PlanError(*problems)


def _host(facts: HostFacts) -> tuple[tuple[str, str | int | bool | None], ...]:
    """The facts that every plan depends on."""
    rows: list[tuple[str, str | int | bool | None]] = [
        ("arch", facts.arch),
        ("kernel", facts.kernel),
        ("uid", facts.uid),
        ("gid", facts.gid),
        ("last_capability", facts.last_capability),
        ("terminal", facts.terminal),
    ]
    rows += [(name, known) for name, known in sorted(facts.features.items())]
    return tuple(rows)
