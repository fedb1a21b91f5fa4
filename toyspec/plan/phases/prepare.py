"""prepare: the processes, the pipes between them, and mount points that a directory root lacks."""

from __future__ import annotations

from toyspec.host.facts import Needs
from toyspec.plan import calls, helpers, limits, volumes
from toyspec.plan import detached as streams
from toyspec.plan.box import Box
from toyspec.plan.making import make_in_root
from toyspec.plan.overlays import kept
from toyspec.plan.protection import OWN
from toyspec.plan.sources import real_path
from toyspec.plan.step import Expect, Flags, Int, Step
from toyspec.plan.terminal import pair as pair_terminal
from toyspec.plan.writer import Writer
from toyspec.spec.model import Origin, Spec


def needs(spec: Spec) -> Needs:
    """Nothing beyond the layout's."""
    return Needs()


def steps(box: Box) -> list[Step]:
    """Monitor makes the pipes and forks setup; setup ties its life to monitor's."""
    w = Writer("prepare", "monitor")
    left_alone = box.spec.detached or not box.spec.die_with_parent
    if not left_alone:
        die_with_caller(w, box.origin("die_with_parent"))
    monitor(w, detached=box.spec.detached, terminal=box.facts.terminal)
    setup(w, terminal=box.facts.terminal)
    if box.spec.detached:
        streams.inherit(w)
    limits.oom_score(w, box)
    _root_directory(w, box)
    _overlay_directories(w, box)
    _own_directories(w, box)
    volumes.make(w, box)
    helpers.fork(w, box)
    return w.steps


def setup(w: Writer, *, terminal: bool = False) -> None:
    """What setup begins with. `terminal`: the box has its own."""
    w.about("setup dies with the monitor", role="setup")
    death = Flags(("SIGKILL",))
    w.do(calls.prctl("PR_SET_PDEATHSIG", death), "setup is killed when the monitor ends")
    w.do(calls.close("life.write"), "only the monitor holds the end that tells of its life")
    w.do(
        calls.read("life.read", 1),
        "an empty pipe whose writer lives: the monitor did not end before the line above",
        expects=Expect(errno="EAGAIN"),
    )
    w.do(calls.close("go.write"), "only the monitor says go")
    w.do(calls.close("exec.read"), "only the monitor listens for the execve")
    if terminal:
        w.do(calls.close("terminal.read"), "only the monitor receives the box's terminal")
    w.do(calls.umask(0o022), "modes in this plan are final, whatever the caller's umask")


def die_with_caller(w: Writer, origin: Origin | None = None) -> None:
    """By the monitor, first of all. It is told, not killed: its caller's terminal is to be given back,
    and a mere thread of the caller's that ends is no reason (prctl(2)).
    """
    w.about("the box ends with its caller", origin)
    told = calls.prctl("PR_SET_PDEATHSIG", Flags(("SIGCONT",)))
    w.do(
        told, "the monitor looks whether its parent lives, now and when it is told; even if stopped"
    )


def monitor(w: Writer, *, detached: bool = False, terminal: bool = False) -> None:
    """All that the monitor does before it supervises.

    `detached`: it reads what the box prints. `terminal`: the box has its own.
    """
    w.about("signals wait until they can be relayed")
    w.do(calls.sigprocmask("ALL"), "no signal interrupts the building; they are relayed later")
    subreaper = calls.prctl("PR_SET_CHILD_SUBREAPER", Int(1))
    w.do(subreaper, "init comes to the monitor if setup is killed, so that its end is seen")
    w.about("pipes: life, exec, go")
    w.do(
        calls.pipe2("life", "O_CLOEXEC", "O_NONBLOCK"),
        "closes when the monitor ends",
        yields="life",
    )
    w.do(calls.pipe2("exec", "O_CLOEXEC"), "closes when init's execve succeeded", yields="exec")
    w.do(calls.pipe2("go", "O_CLOEXEC"), "init waits here until the trace is drawn", yields="go")
    if detached:
        streams.make(w)
    if terminal:
        pair_terminal(w)
    w.about("fork the builder")
    w.do(calls.clone(), "setup builds the box; the monitor stays outside", yields="setup")
    w.do(calls.close("life.read"), "the monitor only holds the other end")
    w.do(calls.close("exec.write"), "or no end of file would ever come")
    w.do(calls.close("go.read"), "the monitor only holds the other end")
    ends = {"exec": "exec.read", "go": "go.write"}
    if terminal:
        w.do(calls.close("terminal.write"), "the monitor only holds the other end")
    why = "from here on the monitor waits, relays signals, and returns init's status"
    if detached:
        streams.keep(w)
        ends |= {"out": "out.read", "err": "err.read", "says": "err.write"}
        why = "from here on the monitor waits, keeps what the box prints, and tells its status"
    w.do(calls.supervise("setup", **ends), why)


def _overlay_directories(w: Writer, box: Box) -> None:
    wanted = dict.fromkeys(each for path in kept(box) for each in _missing(box, path))
    if not wanted:
        return
    w.about("directories that overlays write to", box.origin("root.upper"))
    for path in wanted:
        made = calls.mkdirat(calls.CWD, path, 0o755)
        w.do(made, "what the box writes is kept here", tolerates=("EEXIST",))


def _own_directories(w: Writer, box: Box) -> None:
    """What is not there cannot be covered, and the box could put it there."""
    if not box.layout.made:
        return
    w.about("toyspec's own directories", OWN)
    for path in box.layout.made:
        above, _, name = path.rpartition("/")
        flags = ("O_PATH", "O_DIRECTORY")
        opened = calls.openat2(calls.CWD, above or "/", *flags, resolve=calls.NO_SYMLINKS)
        w.do(opened, "the very directory that holds it", yields="holder")
        why = "the box could make it and fill it; this way it can be covered"
        w.do(calls.mkdirat("holder", name, 0o700), why, tolerates=("EEXIST",))
        w.do(calls.close("holder"), "done with it")


def _missing(box: Box, path: str) -> list[str]:
    """`path` and the directories above it that do not exist, outermost first."""
    parts = path.strip("/").split("/")
    above = ["/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return [each for each in above if box.facts.path(each).kind == "missing"]


def _root_directory(w: Writer, box: Box) -> None:
    root = box.spec.root
    makes = [make for placed in box.layout.placed for make in placed.makes if make.before]
    old = (root.old_root or "").strip("/")
    missing_old = bool(old) and box.facts.path(f"{root.path}/{old}").kind == "missing"
    if root.path is None:
        return
    missing = box.facts.path(root.path).real_kind == "missing"
    if not (missing or makes or missing_old):
        return
    real = real_path(box.facts, root.path)
    w.about("mount points that the root directory lacks", box.origin("root.path"))
    for path in _missing(box, real) if missing else ():
        made = calls.mkdirat(calls.CWD, path, 0o755)
        w.do(made, "`create: true` makes the root directory", tolerates=("EEXIST",))
    opened = calls.openat2(calls.CWD, real, "O_PATH", "O_DIRECTORY", resolve=calls.NO_SYMLINKS)
    why = "the very directory that this plan names: no symbolic link may be on the way"
    w.do(opened, why, yields="directory")
    if missing_old:
        make_in_root(w, "directory", old, "directory")
    for make in makes:
        if make.path != old or not missing_old:
            make_in_root(w, "directory", make.path, make.kind)
    w.do(calls.close("directory"), "it is opened again in the new namespaces")
