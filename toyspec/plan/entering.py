"""exec's plan: a command in a box that runs, made from the box's own plan and what is known of it now.

Pure, as the planner is. Joining what runs already is the classic hole (CVE-2016-9962): whoever is in
the box sees each newcomer, and wants what it brought. So setup, which the box cannot see, closes every
descriptor that is not needed and is not dumpable before it joins, joins everything at once, and forks
the newcomer with the very next step. That one keeps memory that belongs to the host's user namespace
until its execve: no capability in the box reaches it. What init gave up it gives up in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from toyspec.plan import calls, descriptors, process_calls, reaper, terminal
from toyspec.plan.joining import FLAGS, namespaces
from toyspec.plan.phases import execute, init, prepare
from toyspec.plan.seccomp.terminal import refuse_terminal_input
from toyspec.plan.step import (
    INSIDE,
    Argument,
    Data,
    Environment,
    Expect,
    Fd,
    Flags,
    Int,
    Plan,
    Step,
    Stopping,
    Strings,
    Struct,
)
from toyspec.plan.writer import Writer
from toyspec.spec.model import Namespace, Origin, Text
from toyspec.values import dataclass, replace

EVERY_EXEC = Origin("", default="every exec")
COMMAND_LINE = Origin("", default="the command line")
_LINKS: dict[Namespace, str] = {
    "mount": "mnt", "network": "net", "pid": "pid_for_children", "time": "time_for_children",
}  # fmt: skip
"""Names in /proc/self/ns of what a forked child will be in, where they are others than ours."""

_PROCESS = frozenset((
    "umask", "sched_setaffinity", "setpriority", "ioprio_set", "setgroups", "prctl", "capset",
    "keyctl", "rt_sigaction", "rt_sigprocmask", "chdir", "getcwd", "close_range", "prlimit64",
    "seccomp", "openat2", "close", "landlock_create_ruleset", "landlock_add_rule",
    "landlock_restrict_self",
))  # fmt: skip
"""What init does to itself: the newcomer does it too."""
_PLACE = ("chdir", "getcwd")
"""Where it begins, which the command line may say otherwise."""
_BOX = frozenset(("sethostname", "setdomainname", "socket"))
"""What init did to the box, and what it opened for that."""
_TERMINALS = frozenset(("dev at /dev", "read-only dev at /dev", "devpts at /dev/pts"))
"""Items by which a box has a devpts where programs look for it."""
_PRIVATE = (("ptmxmode", "0666"), ("mode", "0620"))


class EnteringError(ValueError):
    """A plan that no exec can be made from, and why."""


@dataclass(frozen=True, slots=True)
class Running:
    """What is known of a box that runs: the pid of a process in it, as the caller counts, and what its
    namespaces were when the box began, `MAJOR:MINOR:NUMBER` each. One that is not known is not checked.
    """

    pid: int
    inodes: Mapping[Namespace, str]


@dataclass(frozen=True, slots=True)
class Entrant:
    """What is to run there, and who asks for it.

    `argv` empty: the box's own command. `environment` is added to the box's, or replaces what it has.
    `variables` are values of those that texts are made of. `terminal`: it gets one of the box's, and
    with `errors` for its standard error too; `tty`: one of 0 to 2 is a terminal.
    `inherited` are open descriptors, for a kernel without close_range(2). `kept`: one that the monitor
    keeps.
    """

    argv: tuple[str, ...] = ()
    environment: tuple[tuple[str, Text], ...] = ()
    working_dir: str | None = None
    variables: Mapping[str, str] | None = None
    terminal: bool = False
    errors: bool = False
    tty: bool = False
    inherited: tuple[int, ...] = ()
    kept: int | None = None


def exec_plan(box: Plan, running: Running, entrant: Entrant) -> Plan:
    """Every step of the entrant, in order. What asks the box to end is not for a command in it: that
    gets the signals that are sent. Raises EnteringError: the plan has a step that nobody knows how to
    do again.
    """
    steps = [
        *_prepare(box, entrant),
        *_enter(box, running),
        *_begin(box, entrant),
        *_confine(box, entrant),
        *_execute(box, entrant),
    ]
    return replace(
        box,
        steps=tuple(replace(step, id=number) for number, step in enumerate(steps, 1)),
        exposure=replace(box.exposure, terminal=entrant.terminal),
        watched=(),
        stopping=Stopping(grace=box.stopping.grace),
    )


def _prepare(box: Plan, entrant: Entrant) -> list[Step]:
    w = Writer("prepare", "monitor")
    w.about("descriptors of the caller's are closed", EVERY_EXEC)
    _close_all(w, box, entrant)
    prepare.die_with_caller(w, EVERY_EXEC)
    prepare.monitor(w, terminal=entrant.terminal)
    prepare.setup(w, terminal=entrant.terminal)
    if entrant.kept is not None:
        w.about("descriptors of the caller's are closed", EVERY_EXEC)
        w.do(calls.close(entrant.kept), "the monitor alone keeps it")
    w.steps += _oom_score(box)
    w.about("setup waits for init", EVERY_EXEC)
    init.make_alive(w)
    return w.steps


def _close_all(w: Writer, box: Plan, entrant: Entrant) -> None:
    why = "none of them is there when the box is joined (CVE-2016-9962)"
    if not dict(box.host).get("close_range_cloexec"):
        for fd in entrant.inherited:
            if fd != entrant.kept:
                w.do(calls.close(fd), why, tolerates=("EBADF",))
        return
    first = 3
    if entrant.kept is not None:
        if entrant.kept > first:
            w.do(process_calls.close_range(first, entrant.kept - 1), why)
        first = entrant.kept + 1
    w.do(process_calls.close_range(first), why)


def _oom_score(box: Plan) -> Iterator[Step]:
    """What setup writes to its own file, while it may: the newcomer inherits it."""
    for step in box.steps:
        if step.role == "setup" and "oom" in {step.yields, *_slots(step)}:
            yield step


def _enter(box: Plan, running: Running) -> list[Step]:
    w = Writer("namespaces", "setup")
    pid, own = running.pid, namespaces(box)
    w.about("setup cannot be looked into", EVERY_EXEC)
    hidden = calls.prctl("PR_SET_DUMPABLE", Int(0))
    why = "nobody in the box may trace it, or what it forks, or take descriptors (CVE-2016-9962)"
    w.do(hidden, f"{why}; execve undoes it")
    w.about(f"find the box's process {pid}", EVERY_EXEC)
    w.do(process_calls.pidfd_open(pid), "whoever has this number now", yields="box")
    w.about("setup sees its own namespaces", EVERY_EXEC)
    links = calls.openat(calls.CWD, "/proc/self/ns", "O_PATH", "O_DIRECTORY")
    w.do(links, "of the caller's proc: what the box has at /proc says nothing", yields="own")
    w.about("join " + ", ".join(own), EVERY_EXEC)
    flags = dict(FLAGS)
    w.do(
        process_calls.setns_as("box", *(flags[name] for name in own)),
        "all at once; pid with the next fork",
    )
    w.do(hidden, "Linux may have undone it with the change of user namespace")
    w.do(calls.close("box"), "done with it")
    w.about("look at what was joined", EVERY_EXEC)
    for name in own:
        inode = running.inodes.get(name)
        if inode is not None:
            seen = process_calls.statx_inode_in("own", _LINKS.get(name, name))
            why = f"its {name} namespace, whatever that process made meanwhile"
            w.do(seen, why, expects=Expect(inode=inode))
    w.do(calls.close("own"), "nothing of the host's is left when the newcomer begins")
    return w.steps


def _begin(box: Plan, entrant: Entrant) -> list[Step]:
    w = Writer("init", "setup")
    w.about("fork init into the box", EVERY_EXEC)
    init.fork(w, "it begins where the box's own command did", terminal=entrant.terminal)
    init.own_group(w)
    init.supervise(w)
    w.about("init dies with setup", role="init")
    ids = [step for step in _inside(box, "init") if step.call in ("setresgid", "setresuid")]
    if ids:
        w.steps += ids
        w.about("init cannot be looked into", EVERY_EXEC)
        why = "Linux may have undone it with the change of ids (fs.suid_dumpable)"
        w.do(calls.prctl("PR_SET_DUMPABLE", Int(0)), why)
    init.die_with_setup(w)
    return w.steps


def _inside(box: Plan, phase: str) -> list[Step]:
    """What init did in a phase, and the command that a reaper forked; all of it is init's here."""
    return [
        replace(step, role="init")
        for step in box.steps
        if step.role in INSIDE and step.phase == phase and not reaper.is_own(step)
    ]


def _confine(box: Plan, entrant: Entrant) -> list[Step]:
    """What init did to itself, in its order; what it did to the box is done."""
    steps: list[Step] = []
    opened: set[str] = set()
    session = closed = False
    for step in _inside(box, "confine"):
        if step.call in _BOX:
            opened |= {step.yields} if step.yields else set()
        elif step.item == descriptors.ITEM:
            steps += [] if closed else _descriptors(box)
            closed = True
        elif _slots(step) & opened:
            continue
        elif step.call == "setsid" and not session:
            steps += _session(entrant)
            session = True
        elif step.call == "setsid" or step.item in terminal.ITEMS:
            continue
        elif step.call in _PROCESS:
            steps.append(_moved(step, entrant) if step.call in _PLACE else step)
        else:
            raise EnteringError(
                f"step {step.id} of the box's plan, {step.call}, is unknown to exec"
            )
    steps = [*_terminal(box, entrant), *_with_root(steps)]
    return _with_filter(box, steps) if entrant.tty else steps


def _terminal(box: Plan, entrant: Entrant) -> list[Step]:
    """A pty, while there are capabilities to make one."""
    w = Writer("confine", "init")
    if entrant.terminal:
        own = any(step.item in _TERMINALS and _mounts(step, "devpts") for step in box.steps)
        terminal.open_pty(w, None if own else _PRIVATE)
    return w.steps


def _mounts(step: Step, kind: str) -> bool:
    return step.call in ("mount", "fsopen") and any(a.value == Data((kind,)) for a in step.args)


def _session(entrant: Entrant) -> list[Step]:
    w = Writer("confine", "init")
    terminal.take(w, terminal=entrant.terminal, errors=entrant.errors)
    return w.steps


def _descriptors(box: Plan) -> list[Step]:
    """Of what init inherited, nothing is here."""
    w = Writer("confine", "init")
    descriptors.keep(w, inherited=None if dict(box.host).get("close_range_cloexec") else ())
    return w.steps


def _moved(step: Step, entrant: Entrant) -> Step:
    """The change to the working directory that was asked for, and the look where that is."""
    path = entrant.working_dir
    if path is None:
        return step
    args = calls.chdir(path)[1] if step.call == "chdir" else step.args
    return replace(step, args=args, item=f"working directory {path}", origin=COMMAND_LINE)


def _with_root(steps: list[Step]) -> list[Step]:
    """Landlock's rules name what they allow from the box's root, which setup had open."""
    at = next((n for n, step in enumerate(steps) if "root" in _slots(step)), None)
    if at is None:
        return steps
    w = Writer("confine", "init")
    w.about(steps[at].item, steps[at].origin)
    opened = calls.openat(calls.CWD, "/", "O_PATH", "O_DIRECTORY")
    w.do(opened, "the box's root, which is / here", yields="root")
    return [*steps[:at], *w.steps, *steps[at:]]


def _with_filter(box: Plan, steps: list[Step]) -> list[Step]:
    """A terminal among 0 to 2 is the caller's: nothing may be pushed into it. A box that was planned
    with one has that filter already; it comes first, and while it may be installed.
    """
    refused = calls.seccomp_filter(refuse_terminal_input(box.arch))
    if any((step.call, step.args) == refused for step in steps):
        return steps
    w = Writer("confine", "init")
    w.about("no input pushed into your terminal", EVERY_EXEC)
    w.do(refused, "TIOCSTI and TIOCLINUX fail with EPERM (CVE-2017-5226)")
    filters = [n for n, step in enumerate(steps) if step.call == "seccomp"]
    at = filters[0] if filters else len(steps)
    if not filters and not any(_sets(step, "PR_SET_NO_NEW_PRIVS") for step in steps):
        at = next(n for n, step in enumerate(steps) if _sets(step, "PR_CAPBSET_DROP"))
    return [*steps[:at], *w.steps, *steps[at:]]


def _sets(step: Step, option: str) -> bool:
    return step.call == "prctl" and step.args[0].value == Flags((option,))


def _execute(box: Plan, entrant: Entrant) -> list[Step]:
    own = _inside(box, "exec")
    first = next(step for step in own if step.call == "execve")
    given = {argument.name: argument.value for argument in first.args}
    before, argv = given["envp"], entrant.argv or _words(given["argv"])
    assert isinstance(before, Environment)
    environment = {**dict(before.entries), **dict(entrant.environment)}
    w = Writer("exec", "init")
    w.steps += [step for step in own if step.call != "execve"]
    w.about(" ".join(argv), COMMAND_LINE if entrant.argv else first.origin)
    variables = entrant.variables or {}
    execute.become(w, argv, Environment(tuple(environment.items())), variables.get)
    return w.steps


def _words(argv: object) -> tuple[str, ...]:
    assert isinstance(argv, Strings)
    return tuple(str(word) for word in argv.values)


def _slots(step: Step) -> set[str]:
    """The slots that a step uses."""
    return set(_named(step.args))


def _named(args: Iterable[Argument]) -> Iterator[str]:
    for argument in args:
        value = argument.value
        fields = [each for _, each in value.fields] if isinstance(value, Struct) else [value]
        for each in fields:
            if isinstance(each, Fd) and isinstance(each.slot, str):
                yield each.slot
