"""Sysctls of the box's own namespaces, written through its own proc before anything covers it."""

from __future__ import annotations

from toyspec.host.facts import HostFacts
from toyspec.plan import calls, confine_calls
from toyspec.plan.box import Box
from toyspec.plan.error import PlanError, PlanProblem
from toyspec.plan.etc import ids
from toyspec.plan.joining import new
from toyspec.plan.step import Expect
from toyspec.plan.writer import Writer
from toyspec.spec.model import Mount, Origin, Spec, Sysctl

_NO_USER_NAMESPACES = "user.max_user_namespaces"
_WITHIN = (*calls.NO_LINKS, "RESOLVE_NO_XDEV")


def _through_proc(spec: Spec) -> list[tuple[str, str, Origin]]:
    """Name, value and origin of what is written: kernel.domainname has a call of its own."""
    found = [(s.name, s.value, spec.origin(s.at)) for s in spec.sysctls if s.namespace != "uts"]
    if spec.disable_user_namespaces:
        found.append((_NO_USER_NAMESPACES, "0", spec.origin("disable_user_namespaces")))
    return found


def wanted(spec: Spec) -> bool:
    """Whether the box's proc has something written to it."""
    return bool(_through_proc(spec))


def check(spec: Spec, facts: HostFacts) -> list[PlanProblem]:
    """Sysctls of namespaces that are the host's, and what this user or this box cannot write."""
    found = []
    own = new(spec)
    for sysctl in spec.sysctls:
        if sysctl.namespace not in own:
            message = f"{sysctl.name}: the {sysctl.namespace} namespace is not the box's own"
            remedy = f"let the {sysctl.namespace} namespace be new, or leave the sysctl out"
            found.append(PlanProblem(message, spec.origin(sysctl.at), remedy))
        elif sysctl.namespace == "ipc" and ids(spec, facts)[0] != 0:
            message = f"{sysctl.name} can be written by uid 0 of the box only"
            found.append(PlanProblem(message, spec.origin(sysctl.at), "write `user: root`"))
    if spec.disable_user_namespaces and "user" not in own:
        message = "the user namespace is not the box's: it cannot be told to make no others"
        found.append(PlanProblem(message, spec.origin("disable_user_namespaces")))
    has_proc = spec.system == "host" or any(map(_has_settings, spec.mounts))
    if not has_proc and not found:
        found += _no_proc(spec)
    return found


def is_written_here(box: Box, path: str) -> bool:
    """Whether it is the proc at `path` that they are written through: the box's first."""
    kinds = [(p.entry.thing, p.path) for p in box.layout.of("mounts")]
    procs = [at for thing, at in kinds if isinstance(thing, Mount) and _has_settings(thing)]
    return wanted(box.spec) and procs[:1] == [path]


def require_proc(box: Box) -> None:
    """Something else may lie where `system` would have put one. Raises PlanError."""
    things = [placed.entry.thing for placed in box.layout.of("mounts")]
    if not any(isinstance(thing, Mount) and _has_settings(thing) for thing in things):
        for problem in _no_proc(box.spec):
            raise PlanError(problem)


def _has_settings(mount: Mount) -> bool:
    return mount.type == "proc" and mount.subset is None


def _no_proc(spec: Spec) -> list[PlanProblem]:
    if not wanted(spec):
        return []
    name, _, origin = _through_proc(spec)[0]
    message = f"{name} is written through the box's own proc, and it has none"
    if any(mount.subset for mount in spec.mounts):
        message += " but one with processes only"
    return [PlanProblem(message, origin, "add {type: proc} to `mounts`")]


def write(w: Writer, box: Box, path: str) -> None:
    """Each by descriptor below the proc at `path`, whose own descriptor is still open."""
    for name, value, origin in _through_proc(box.spec):
        if origin.path == "disable_user_namespaces":
            purpose = "the box can make none of its own"
            w.about("no user namespaces inside", origin, purpose=purpose)
        else:
            w.about(f"sysctl {name} = {value}", origin, purpose="the box's own, not the host's")
        inside = "sys/" + name.replace(".", "/")
        opened = calls.openat2(f"kernel:{path}", inside, "O_WRONLY", resolve=_WITHIN)
        w.do(opened, "in proc itself: nothing lies over it yet", yields="sysctl")
        why = "it goes with the box's namespace"
        w.do(calls.write("sysctl", (value,)), why, expects=Expect(result="count"))
        w.do(calls.close("sysctl"), "done with it")


def domainname(w: Writer, box: Box) -> None:
    """kernel.domainname: its file obeys the host's root alone, its call whoever owns the namespace."""
    for sysctl in box.spec.sysctls:
        if _is_domainname(sysctl):
            w.about(f"sysctl {sysctl.name} = {sysctl.value}", box.origin(sysctl.at))
            w.do(confine_calls.setdomainname(sysctl.value), "the NIS name, seen inside only")


def _is_domainname(sysctl: Sysctl) -> bool:
    return sysctl.namespace == "uts"
