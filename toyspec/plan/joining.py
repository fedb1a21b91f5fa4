"""Joining namespaces that are there already: what may be joined, and the steps that do it.

A plan names a namespace by its file and by the inode that it had when the plan was made: when it
runs, another one at that path makes the step fail. The right to join comes with the user namespace
that owns it (setns(2)), which is therefore joined first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toyspec.host.facts import HostFacts, NamespaceFact, Needs
from toyspec.plan import calls
from toyspec.plan.error import PlanProblem
from toyspec.plan.step import Expect, Fd, Flags, Int, Plan
from toyspec.plan.writer import Writer
from toyspec.spec.model import Join, Namespace, Spec

if TYPE_CHECKING:
    from toyspec.plan.box import Box

FLAGS: tuple[tuple[Namespace, str], ...] = (
    ("user", "CLONE_NEWUSER"),
    ("mount", "CLONE_NEWNS"),
    ("pid", "CLONE_NEWPID"),
    ("network", "CLONE_NEWNET"),
    ("uts", "CLONE_NEWUTS"),
    ("ipc", "CLONE_NEWIPC"),
    ("cgroup", "CLONE_NEWCGROUP"),
    ("time", "CLONE_NEWTIME"),
)
_SLOT = "namespace:"
"""Before the kind: where the file of one that is joined is open."""
_NEVER_THE_HOSTS: tuple[Namespace, ...] = ("user", "pid", "mount")


def needs(spec: Spec) -> Needs:
    """Each namespace's file."""
    return Needs(namespaces=frozenset(join.path for join in spec.joined))


def joins(spec: Spec, name: Namespace) -> Join | None:
    """The namespace of that kind which the box joins."""
    return next((join for join in spec.joined if join.namespace == name), None)


def new(spec: Spec) -> list[Namespace]:
    """The namespaces that the box has for itself."""
    shared = set(spec.host_namespaces) | {join.namespace for join in spec.joined}
    shared |= {"network"} if spec.network == "host" else set()
    shared |= {"time"} if spec.time_offsets is None else set()
    return [name for name, _ in FLAGS if name not in shared]


def is_own(facts: HostFacts, join: Join) -> bool:
    """It is the caller's own: then there is nothing to join, the box has it as the host's."""
    return facts.namespace(join.path).inode == facts.own_namespace(join.namespace)


def in_charge(spec: Spec, facts: HostFacts, name: Namespace) -> bool:
    """Whether the box's user namespace owns this one: then proc or sysfs of it can be mounted."""
    join = joins(spec, name)
    if join is None:
        return name in new(spec)
    return joins(spec, "user") is not None and not is_own(facts, join)


def ids(spec: Spec, facts: HostFacts) -> tuple[int, int] | None:
    """Who the caller is in the joined user namespace; None where none is joined, or it has no id."""
    join = joins(spec, "user")
    if join is None:
        return None
    found = facts.namespace(join.path)
    uid, gid = _inside(found.uid_map, facts.uid), _inside(found.gid_map, facts.gid)
    return None if uid is None or gid is None else (uid, gid)


def _inside(rows: tuple[tuple[int, int, int], ...], number: int) -> int | None:
    for inside, outside, count in rows:
        if outside <= number < outside + count:
            return inside + number - outside
    return None


def check(spec: Spec, facts: HostFacts) -> list[PlanProblem]:
    """What cannot be joined, and why."""
    found = []
    if spec.time_offsets is not None and facts.own_namespace("time") is None:
        message = f"this kernel ({facts.kernel}) has no time namespaces; Linux 5.6 has them"
        origin = spec.origin("namespaces.time")
        found.append(PlanProblem(message, origin, "leave `time` out: the host's clocks show"))
    for join in spec.joined:
        said = _problem(spec, facts, join, facts.namespace(join.path))
        if said is not None:
            found.append(PlanProblem(said[0], spec.origin(join.at), said[1]))
    mount = joins(spec, "mount")
    if mount is not None and facts.uid == 0:
        message = "root must not join a mount namespace: what its /proc shows obeys uid 0"
        remedy = "run it as an ordinary user"
        found.append(PlanProblem(message, spec.origin(mount.at), remedy))
    if not found:
        found += _mounts(spec, facts)
    return found


def _problem(
    spec: Spec, facts: HostFacts, join: Join, fact: NamespaceFact
) -> tuple[str, str | None] | None:
    """Message and remedy."""
    name, path = join.namespace, join.path
    if fact.kind == "missing":
        return f"no namespace at {path}", "it went away with its last process, or never was"
    if fact.kind == "denied":
        return f"uid {facts.uid} may not look at {path}", "it belongs to another user's process"
    if fact.kind == "other":
        remedy = "name a file like /proc/123/ns/net, or one that such a file is bound on"
        return f"{path} is not a namespace's file", remedy
    if fact.kind != name:
        here = f"{'an' if name == 'ipc' else 'a'} {name} namespace"
        return f"{path} is of another type, {fact.kind}: here {here} belongs", None
    if is_own(facts, join):
        if name not in _NEVER_THE_HOSTS:
            return None
        return f"{path} is your own {name} namespace: a box's is never the host's", "leave it out"
    if name == "user":
        return _user_problem(facts, join, fact)
    if name == "pid" and facts.own_namespace("pid") not in fact.parents:
        return f"the pid namespace {path} is not below your own: Linux lets nobody in", None
    return _owner_problem(spec, facts, join, fact)


def _user_problem(
    facts: HostFacts, join: Join, fact: NamespaceFact
) -> tuple[str, str | None] | None:
    if not fact.owners:
        return f"the user namespace {join.path} is not below your own", None
    maker = fact.owners[-2][1]
    if facts.uid not in (0, maker):
        return (
            f"the user namespace {join.path} was made by uid {maker}: only that user, and root, "
            f"may join it"
        ), None
    if not fact.uid_map:
        remedy = "name it as /proc/PID/ns/user, of a process in it"
        return f"the user namespace {join.path} does not say who the box's user would be", remedy
    if _inside(fact.uid_map, facts.uid) is None or _inside(fact.gid_map, facts.gid) is None:
        return f"the user namespace {join.path} has no id for {facts.uid}:{facts.gid}, yours", None
    return None


def _owner_problem(
    spec: Spec, facts: HostFacts, join: Join, fact: NamespaceFact
) -> tuple[str, str | None] | None:
    """The kernel asks for CAP_SYS_ADMIN over the user namespace that owns it."""
    name, user = join.namespace, joins(spec, "user")
    if not fact.owners:
        return (
            f"the {name} namespace {join.path} belongs to a user namespace that is not below yours",
            "only who has rights there can join it",
        )
    owner = _named(fact.owners[0][0])
    if user is None:
        if facts.uid == 0:
            return None
        return (
            f"the {name} namespace {join.path} belongs to the user namespace {owner}, "
            "which the box does not join",
            f"join that first, under `namespaces`: user: {_beside(join.path)}",
        )
    theirs = facts.namespace(user.path).inode
    if theirs in [inode for inode, _ in fact.owners]:
        return None
    return (
        f"the {name} namespace {join.path} belongs to the user namespace {owner}, "
        f"and the box joins {_named(theirs)}",
        "join the user namespace that owns it",
    )


def _named(inode: str) -> str:
    """As readlink(1) shows it."""
    return f"user:[{inode.rpartition(':')[2]}]"


def _beside(path: str) -> str:
    """The user namespace's file of the same process, where the path is a process's."""
    directory, _, _ = path.rpartition("/")
    return f"{directory}/user" if directory.endswith("/ns") else "/proc/PID/ns/user"


def _mounts(spec: Spec, facts: HostFacts) -> list[PlanProblem]:
    """What shows a namespace can be mounted by the root of the user namespace that owns it only."""
    kinds: tuple[tuple[str, Namespace], ...] = (
        ("proc", "pid"), ("sysfs", "network"), ("mqueue", "ipc"), ("cgroup2", "cgroup"),
    )  # fmt: skip
    found = []
    for kind, name in kinds:
        at = next((mount.at for mount in spec.mounts if mount.type == kind), None)
        at = "system" if kind == "proc" and at is None and spec.system == "host" else at
        if at is None or joins(spec, name) is None or in_charge(spec, facts, name):
            continue
        message = f"{'an' if kind == 'mqueue' else 'a'} {kind} of {'an' if name == 'ipc' else 'a'} {name} namespace that the box's user namespace does not own"
        remedy = "join that user namespace too, or leave the mount out"
        found.append(PlanProblem(message, spec.origin(at), remedy))
    return found


def open_all(w: Writer, box: Box) -> None:
    """Each file, while the caller's rights to it hold; and it is the one that was planned."""
    for join in box.spec.joined:
        fact = box.facts.namespace(join.path)
        w.about(f"{join.namespace} namespace {join.path}", box.origin(join.at))
        opened = calls.openat(calls.CWD, join.path, "O_RDONLY", "O_NONBLOCK")
        w.do(opened, "its file", yields=_slot(join))
        why = "the very namespace that was there when the plan was made, and no other"
        w.do(calls.statx_inode(_slot(join)), why, expects=Expect(inode=fact.inode))
        if is_own(box.facts, join):
            w.do(calls.close(_slot(join)), "it is the caller's own: the box just keeps it")


def join_all(w: Writer, box: Box) -> None:
    """The user namespace first: with it come the rights to the others."""
    wanted = [join for join in box.spec.joined if not is_own(box.facts, join)]
    hidden = calls.prctl("PR_SET_DUMPABLE", Int(0))
    if any(join.namespace in ("user", "pid") for join in wanted):
        w.about("setup cannot be looked into", box.origin(wanted[0].at))
        why = "nobody in the joined namespaces may trace it or take its descriptors (CVE-2016-9962)"
        w.do(hidden, f"{why}; execve undoes it for init")
    flags = dict(FLAGS)
    for join in wanted:
        what = "with the next fork" if join.namespace == "pid" else "from here on"
        w.about(f"join the {join.namespace} namespace {join.path}", box.origin(join.at))
        w.do(calls.setns(_slot(join), flags[join.namespace]), f"the box's, {what}")
        if join.namespace == "user":
            why = "Linux may have undone it with the change of user namespace (fs.suid_dumpable)"
            w.do(hidden, why)
        w.do(calls.close(_slot(join)), "done with it")
        if join.namespace == "user":
            death = Flags(("SIGKILL",))
            why = "Linux may have cleared it with the change of user namespace"
            w.do(calls.prctl("PR_SET_PDEATHSIG", death), why)
            why = "an empty pipe whose writer lives: the monitor did not end before the line above"
            w.do(calls.read("life.read", 1), why, expects=Expect(errno="EAGAIN"))


def _slot(join: Join) -> str:
    return _SLOT + join.namespace


def exposed(box: Box) -> list[str]:
    """What the plan's last line counts."""
    return [
        f"{join.namespace} namespace of {'the host' if is_own(box.facts, join) else join.path}"
        for join in box.spec.joined
    ]


def warnings(spec: Spec) -> list[str]:
    """What is otherwise than a reader of plans may expect."""
    found = []
    if joins(spec, "mount") is not None:
        found.append(
            "the box sees the files of the joined mount namespace, with whatever may be written "
            "there: no plan can tell what that is, and nothing in it is protected"
        )
    if joins(spec, "pid") is None:
        return found
    return [
        *found,
        "init is not PID 1 of the joined pid namespace: what it leaves behind lives on when the box "
        "ends; and the other processes there see the box's, and may trace them where they are the "
        "same user's",
    ]


def namespaces(box: Plan) -> tuple[Namespace, ...]:
    """Those that the box has for itself or joined: all others are its caller's too."""
    named = {
        name
        for step in box.steps
        if step.call in ("unshare", "setns") and step.role == "setup"
        for argument in step.args
        if isinstance(argument.value, Flags)
        for name in argument.value.names
    }
    return tuple(name for name, flag in FLAGS if flag in named)


def joined(box: Plan) -> dict[Namespace, str]:
    """The inodes of those that it joined: its plan demands them."""
    return {
        name: step.expects.inode
        for step in box.steps
        for name, _ in FLAGS
        if step.expects is not None
        and step.expects.inode is not None
        and step.args[0].value == Fd(_SLOT + name)
    }
